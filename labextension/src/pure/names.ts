// What can be the name of a step or of an artifact. Whether it is free, the server says.

const STEP = /^[A-Za-z_][A-Za-z0-9_-]{0,99}$/;
const VARIABLE = /^[\p{ID_Start}_][\p{ID_Continue}]*$/u;

export function canBeName(kind: 'step' | 'artifact', name: string): boolean {
  return (kind === 'step' ? STEP : VARIABLE).test(name);
}
