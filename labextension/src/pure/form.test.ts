import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asText, filled, parsed } from './form.js';
import type { Parameter, ParameterType } from './wire.js';

const parameter = (name: string, type: ParameterType, value: unknown): Parameter => ({ name, type, default: value, source: '' });

test('a field takes what its type takes', () => {
  for (const [type, text, expected] of [
    ['int', ' 12 ', { value: 12 }], ['int', '1.5', { wrong: 'a whole number' }], ['int', '', { wrong: 'a whole number' }],
    ['int', '99999999999999999999', { wrong: 'a whole number' }],
    ['float', '1e-3', { value: 0.001 }], ['float', 'x', { wrong: 'a number' }], ['float', ' ', { wrong: 'a number' }],
    ['bool', 'true', { value: true }], ['str', ' as it is ', { value: ' as it is ' }],
    ['json', '[1, {"a": null}]', { value: [1, { a: null }] }], ['json', '[1', { wrong: 'JSON, as [1, 2] or {"a": "b"}' }]
  ] as const) assert.deepEqual(parsed(type, text), expected);
});

test('only what a person has changed is sent', () => {
  const all = [parameter('size', 'int', 3), parameter('name', 'str', 'a'), parameter('on', 'bool', false), parameter('many', 'json', [1])];
  assert.deepEqual(all.map(asText), ['3', 'a', 'false', '[1]']);
  const texts = new Map(all.map(one => [one.name, asText(one)]));
  assert.deepEqual(filled(all, texts), { values: {}, wrong: new Map() });
  texts.set('size', '4').set('on', 'true').set('many', '[');
  assert.deepEqual(filled(all, texts), { values: { size: 4, on: true }, wrong: new Map([['many', 'JSON, as [1, 2] or {"a": "b"}']]) });
});
