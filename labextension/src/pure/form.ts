// The form of Run with parameters: what stands in a field, and what is sent.

import type { Parameter, ParameterType } from './wire.js';

/** What a field takes. The words for it are the form's. */
export type Takes = 'bool' | 'int' | 'float' | 'json';

/** Whether the notebook has no plain value for it: an expression, or None. Its field is empty at first. */
function isOpen(parameter: Parameter): boolean {
  return parameter.default === null;
}

/** What a field shows at first. */
export function asText(parameter: Parameter): string {
  const value = parameter.default;
  if (isOpen(parameter)) return '';
  return parameter.type === 'str' && typeof value === 'string' ? value : JSON.stringify(value);
}

/** What the notebook has, as it is written there: in the field as long as that is empty. */
export function placeholder(parameter: Parameter): string {
  return parameter.source || (isOpen(parameter) ? '' : asText(parameter));
}

/** Whether it is ticked: no tick says that a person has chosen nothing. */
export function isTicked(parameter: Parameter): boolean {
  return parameter.type === 'bool' && !isOpen(parameter);
}

/** What a field means, or what it takes where it means nothing. */
export function parsed(type: ParameterType, text: string): { value: unknown } | { wrong: Takes } {
  const trimmed = text.trim();
  switch (type) {
    case 'str':
      return { value: text };
    case 'bool':
      return /^(true|false)$/i.test(trimmed) ? { value: trimmed.toLowerCase() === 'true' } : { wrong: type };
    case 'int':
      return /^[+-]?\d+$/.test(trimmed) && Number.isSafeInteger(Number(trimmed)) ? { value: Number(trimmed) } : { wrong: type };
    case 'float':
      return trimmed !== '' && Number.isFinite(Number(trimmed)) ? { value: Number(trimmed) } : { wrong: type };
    case 'json':
      try {
        return { value: trimmed === 'None' ? null : (JSON.parse(trimmed) as unknown) };
      } catch {
        return { wrong: type };
      }
  }
}

/** What is sent: only what differs from the notebook. `wrong`: parameter → what it takes. */
export function filled(parameters: readonly Parameter[], texts: ReadonlyMap<string, string>): {
  values: { [name: string]: unknown };
  wrong: Map<string, Takes>;
} {
  const values: { [name: string]: unknown } = {};
  const wrong = new Map<string, Takes>();
  for (const parameter of parameters) {
    const text = texts.get(parameter.name);
    if (text === undefined || text === asText(parameter)) continue;
    const found = isNone(parameter, text) ? { value: null } : parsed(parameter.type, text);
    if ('wrong' in found) wrong.set(parameter.name, found.wrong);
    else values[parameter.name] = found.value;
  }
  return { values, wrong };
}

/** Where the notebook has None, it can be said again, also where the type is another. */
function isNone(parameter: Parameter, text: string): boolean {
  return parameter.source === 'None' && ['null', 'None'].includes(text.trim());
}
