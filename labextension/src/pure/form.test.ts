import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asText, filled, isTicked, parsed, placeholder } from './form.js';
import type { Parameter, ParameterType } from './wire.js';

const parameter = (name: string, type: ParameterType, value: unknown, source = ''): Parameter => ({ name, type, default: value, source });

test('a field takes what its type takes', () => {
  for (const [type, text, expected] of [
    ['int', ' 12 ', { value: 12 }], ['int', '1.5', { wrong: 'int' }], ['int', '', { wrong: 'int' }],
    ['int', '99999999999999999999', { wrong: 'int' }],
    ['float', '1e-3', { value: 0.001 }], ['float', 'x', { wrong: 'float' }], ['float', ' ', { wrong: 'float' }],
    ['bool', 'true', { value: true }], ['bool', 'False', { value: false }], ['bool', 'no', { wrong: 'bool' }], ['str', ' as it is ', { value: ' as it is ' }],
    ['json', '[1, {"a": null}]', { value: [1, { a: null }] }], ['json', 'None', { value: null }], ['json', '[1', { wrong: 'json' }]
  ] as const) assert.deepEqual(parsed(type, text), expected);
});

test('only what a person has changed is sent', () => {
  const all = [parameter('size', 'int', 3), parameter('name', 'str', 'a'), parameter('on', 'bool', false), parameter('many', 'json', [1])];
  assert.deepEqual(all.map(asText), ['3', 'a', 'false', '[1]']);
  const texts = new Map(all.map(one => [one.name, asText(one)]));
  assert.deepEqual(filled(all, texts), { values: {}, wrong: new Map() });
  texts.set('size', '4').set('on', 'true').set('many', '[');
  assert.deepEqual(filled(all, texts), { values: { size: 4, on: true }, wrong: new Map([['many', 'json']]) });
});

test('where the notebook has an expression or None, the field is empty, says so, and whatever is typed counts', () => {
  const all = [
    parameter('folder', 'json', null, 'os.getcwd()'), parameter('seed', 'json', null, 'None'), parameter('size', 'int', null, 'None'),
    parameter('name', 'str', null, 'default_name()'), parameter('on', 'bool', null, 'is_on()'), parameter('many', 'int', 1000, '1_000')
  ];
  assert.deepEqual(all.map(asText), ['', '', '', '', '', '1000']);
  assert.deepEqual(all.map(placeholder), ['os.getcwd()', 'None', 'None', 'default_name()', 'is_on()', '1_000']);
  assert.deepEqual([isTicked(parameter('on', 'bool', null, 'is_on()')), isTicked(parameter('on', 'bool', false, 'False'))], [false, true]);
  const texts = new Map(all.map(one => [one.name, asText(one)]));
  assert.deepEqual(filled(all, texts), { values: {}, wrong: new Map() }, 'nothing was typed');
  texts.set('folder', 'null').set('seed', 'None').set('size', 'null').set('name', 'None').set('on', 'True');
  assert.deepEqual(filled(all, texts).values, { folder: null, seed: null, size: null, name: 'None', on: true });
  texts.set('folder', '"here"').set('seed', '7').set('size', '').set('name', 'x').set('on', '');
  assert.deepEqual(filled(all, texts).values, { folder: 'here', seed: 7, name: 'x' });
  assert.deepEqual(filled(all, texts.set('folder', 'here')).wrong, new Map([['folder', 'json']]));
});
