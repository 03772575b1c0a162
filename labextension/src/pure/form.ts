// The form of Run with parameters: what stands in a field, and what is sent.

import type { Parameter, ParameterType } from './wire.js';

/** What a field shows at first. */
export function asText(parameter: Parameter): string {
  const value = parameter.default;
  if (value === null) return parameter.type === 'json' ? 'null' : '';
  return parameter.type === 'str' && typeof value === 'string' ? value : JSON.stringify(value);
}

/** What a field means, or in words why it means nothing. */
export function parsed(type: ParameterType, text: string): { value: unknown } | { wrong: string } {
  const trimmed = text.trim();
  switch (type) {
    case 'str':
      return { value: text };
    case 'bool':
      return trimmed === 'true' || trimmed === 'false' ? { value: trimmed === 'true' } : { wrong: 'true or false' };
    case 'int':
      return /^[+-]?\d+$/.test(trimmed) && Number.isSafeInteger(Number(trimmed)) ? { value: Number(trimmed) } : { wrong: 'a whole number' };
    case 'float':
      return trimmed !== '' && Number.isFinite(Number(trimmed)) ? { value: Number(trimmed) } : { wrong: 'a number' };
    case 'json':
      try {
        return { value: JSON.parse(trimmed) as unknown };
      } catch {
        return { wrong: 'JSON, as [1, 2] or {"a": "b"}' };
      }
  }
}

/** What is sent: only what differs from the notebook. `wrong`: parameter → what it should be. */
export function filled(parameters: readonly Parameter[], texts: ReadonlyMap<string, string>): {
  values: { [name: string]: unknown };
  wrong: Map<string, string>;
} {
  const values: { [name: string]: unknown } = {};
  const wrong = new Map<string, string>();
  for (const parameter of parameters) {
    const text = texts.get(parameter.name);
    if (text === undefined || text === asText(parameter)) continue;
    const found = parsed(parameter.type, text);
    if ('wrong' in found) wrong.set(parameter.name, found.wrong);
    else values[parameter.name] = found.value;
  }
  return { values, wrong };
}
