import { badges } from './plugins/badges.js';
import { commands } from './plugins/commands.js';
import { completion } from './plugins/completion.js';
import { findings } from './plugins/findings.js';
import { panel } from './plugins/panel.js';
import { pipelines } from './plugins/pipelines.js';
import { status } from './plugins/status.js';

export { IPipelines } from './tokens.js';

export default [pipelines, panel, badges, findings, completion, commands, status];
