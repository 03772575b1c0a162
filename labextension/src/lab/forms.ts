// The dialogs: values of parameters, and what to rename to what.

import { Dialog } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import { Widget } from '@lumino/widgets';
import { clean } from '../../../nbflow/static/view.js';
import { asText, filled, isTicked, placeholder, type Takes } from '../pure/form.js';
import { canBeName } from '../pure/names.js';
import type { Parameter } from '../pure/wire.js';
import { made } from './dom.js';

/** Asks for values of parameters. Null where a person thinks better of it. */
export async function askForParameters(
  parameters: readonly Parameter[],
  trans: TranslationBundle,
  texts: ReadonlyMap<string, string> = new Map()
): Promise<{ [name: string]: unknown } | null> {
  const body = new ParameterForm(parameters, trans, texts);
  const dialog = new Dialog({
    title: trans.__('Run with parameters'),
    body,
    buttons: [Dialog.cancelButton({ label: trans.__('Cancel') }), Dialog.okButton({ label: trans.__('Run') })],
    focusNodeSelector: 'input, select, textarea'
  });
  body.node.addEventListener('input', () => body.check(dialog.node));
  const answer = dialog.launch();
  body.check(dialog.node);
  const { button, value } = await answer;
  if (!button.accept) return null;
  return value ?? askForParameters(parameters, trans, body.texts()); // the Enter key asks no button whether it is enabled
}

class ParameterForm extends Widget implements Dialog.IBodyWidget<{ [name: string]: unknown } | null> {
  constructor(
    private readonly parameters: readonly Parameter[],
    private readonly trans: TranslationBundle,
    private readonly before: ReadonlyMap<string, string>
  ) {
    super();
    this.addClass('jp-nbflow-form');
    for (const parameter of parameters) this.node.append(this.row(parameter));
  }

  /** Null where something is wrong. */
  getValue(): { [name: string]: unknown } | null {
    const { values, wrong } = filled(this.parameters, this.texts());
    return wrong.size ? null : values;
  }

  /** Say what is wrong beside its field, and let nobody run with it. */
  check(dialog: HTMLElement): void {
    const { wrong } = filled(this.parameters, this.texts());
    for (const { name } of this.parameters) {
      const field = this.fields.get(name);
      const takes = wrong.get(name);
      field?.setAttribute('aria-invalid', String(takes !== undefined));
      const said = field?.parentElement?.querySelector('.jp-nbflow-wrong');
      if (said) said.textContent = takes === undefined ? '' : takesText(this.trans, takes);
    }
    for (const button of dialog.querySelectorAll<HTMLButtonElement>('.jp-mod-accept')) button.disabled = wrong.size > 0;
  }

  /** What stands in the fields. */
  texts(): Map<string, string> {
    return new Map([...this.fields].map(([name, field]) => [name, field instanceof HTMLInputElement && field.type === 'checkbox' ? String(field.checked) : field.value]));
  }

  private row(parameter: Parameter): HTMLElement {
    const field = this.field(parameter);
    const written = clean(placeholder(parameter));
    field.setAttribute('name', parameter.name);
    if (written) field.title = this.trans.__('The notebook has: %1', written);
    if (!isTicked(parameter)) field.setAttribute('placeholder', written);
    this.fields.set(parameter.name, field);
    return made(
      'label', { class: 'jp-nbflow-field' },
      made('span', { class: 'jp-nbflow-field-name' }, parameter.name), field,
      parameter.type === 'json' ? made('span', { class: 'jp-nbflow-hint' }, this.trans.__('As JSON: 12, "a text", [1, 2] or {"a": "b"}')) : null,
      made('span', { class: 'jp-nbflow-wrong', role: 'alert' })
    );
  }

  private field(parameter: Parameter): HTMLInputElement | HTMLTextAreaElement {
    const text = this.before.get(parameter.name) ?? asText(parameter);
    if (parameter.type === 'json') {
      const area = made('textarea', { class: 'jp-mod-styled', rows: '2', spellcheck: 'false' });
      area.value = text;
      return area;
    }
    const input = made('input', { class: 'jp-mod-styled' });
    if (isTicked(parameter)) {
      input.type = 'checkbox';
      input.checked = text === 'true';
      input.className = '';
      return input;
    }
    if (parameter.type === 'int' || parameter.type === 'float') input.inputMode = parameter.type === 'int' ? 'numeric' : 'decimal';
    input.value = text;
    return input;
  }

  private readonly fields = new Map<string, HTMLInputElement | HTMLTextAreaElement>();
}

function takesText(trans: TranslationBundle, takes: Takes): string {
  switch (takes) {
    case 'bool':
      return trans.__('This takes true or false.');
    case 'int':
      return trans.__('This takes a whole number.');
    case 'float':
      return trans.__('This takes a number.');
    case 'json':
      return trans.__('This takes JSON, as [1, 2] or {"a": "b"}.');
  }
}

export interface Rename {
  kind: 'step' | 'artifact';
  old: string;
  next: string;
}

/**
 * Asks what is to be called otherwise, and how. The first choice stands at first.
 * @param refused what was asked for before, and why it could not be done: it can be put right
 */
export async function askForRename(
  choices: readonly Pick<Rename, 'kind' | 'old'>[],
  trans: TranslationBundle,
  refused: { asked: Rename; why: string } | null = null
): Promise<Rename | null> {
  const select = made('select', { class: 'jp-mod-styled', name: 'what' });
  choices.forEach(({ kind, old }, index) => {
    select.append(made('option', { value: String(index) }, kind === 'step' ? trans.__('step %1', old) : old));
  });
  const input = made('input', { class: 'jp-mod-styled', name: 'next', spellcheck: 'false' });
  const wrong = made('span', { class: 'jp-nbflow-wrong', role: 'alert' }, refused?.why ?? '');
  const body = new Widget();
  body.addClass('jp-nbflow-form');
  body.node.append(
    made('label', { class: 'jp-nbflow-field' }, made('span', { class: 'jp-nbflow-field-name' }, trans.__('Rename')), select),
    made('label', { class: 'jp-nbflow-field' }, made('span', { class: 'jp-nbflow-field-name' }, trans.__('to')), input, wrong)
  );
  const dialog = new Dialog({
    title: trans.__('Rename a step or an artifact'),
    body,
    buttons: [Dialog.cancelButton({ label: trans.__('Cancel') }), Dialog.okButton({ label: trans.__('Rename') })],
    focusNodeSelector: 'input'
  });
  const asked = (): Rename | null => {
    const chosen = choices[Number(select.value)];
    const next = input.value.trim();
    return chosen && canBeName(chosen.kind, next) ? { ...chosen, next } : null;
  };
  const check = () => {
    const isWrong = asked() === null;
    wrong.textContent = isWrong ? wrongNameText(trans, choices[Number(select.value)]?.kind ?? 'step') : '';
    input.setAttribute('aria-invalid', String(isWrong));
    for (const button of dialog.node.querySelectorAll<HTMLButtonElement>('.jp-mod-accept')) button.disabled = isWrong;
  };
  const before = choices.findIndex(({ kind, old }) => kind === refused?.asked.kind && old === refused.asked.old);
  select.value = String(Math.max(before, 0));
  input.value = before < 0 || !refused ? (choices[0]?.old ?? '') : refused.asked.next;
  input.addEventListener('input', check);
  select.addEventListener('change', () => {
    input.value = choices[Number(select.value)]?.old ?? '';
    check();
  });
  const answer = dialog.launch();
  input.select(); // the name is there to be typed over
  const { button } = await answer;
  const chosen = choices[Number(select.value)];
  const found = asked();
  if (!button.accept || !chosen) return null;
  // The Enter key asks no button whether it is enabled.
  if (!found) return askForRename(choices, trans, { asked: { ...chosen, next: input.value }, why: wrongNameText(trans, chosen.kind) });
  return found.next === found.old ? null : found;
}

function wrongNameText(trans: TranslationBundle, kind: Rename['kind']): string {
  return kind === 'step'
    ? trans.__('The name of a step begins with a letter and has letters, digits, _ and - in it.')
    : trans.__('The name of a variable begins with a letter and has letters, digits and _ in it.');
}
