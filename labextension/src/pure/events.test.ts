import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EventReader, follow, pause, Refused, type StreamEvent } from './events.js';

const TEXT = ': ping\n\nid: 3\nevent: view\ndata: {"a":1}\n\ndata: one\ndata: two\n\nid: 4\nevent: end\ndata: {}\n\n';

test('a stream reads alike however it is cut', () => {
  const whole = new EventReader().push(TEXT);
  assert.deepEqual(whole, [
    { id: 3, name: 'view', data: '{"a":1}' }, { id: null, name: 'message', data: 'one\ntwo' }, { id: 4, name: 'end', data: '{}' }
  ]);
  for (let cut = 1; cut < TEXT.length; cut++) {
    const reader = new EventReader();
    assert.deepEqual([...reader.push(TEXT.slice(0, cut)), ...reader.push(TEXT.slice(cut))], whole);
  }
  const lines = new EventReader();
  assert.deepEqual([...TEXT.replaceAll('\n', '\r\n')].flatMap(one => lines.push(one)), whole);
});

async function* broken(...texts: string[]): AsyncIterable<string> {
  yield* texts;
  throw new TypeError('network error');
}

async function* whole(...texts: string[]): AsyncIterable<string> {
  yield* texts;
}

test('a stream that breaks is taken up where it broke off, and left at its end', async () => {
  const asked: number[] = [];
  const heard: StreamEvent[] = [];
  const waited: number[] = [];
  const streams = [broken('id: 5\ndata: a\n\n', 'id: 6\nda'), broken(), whole('id: 7\ndata: b\n\n'), whole('event: end\ndata: {}\n\n')];
  const over = await follow(
    async after => {
      asked.push(after);
      return streams.shift() ?? whole();
    },
    event => heard.push(event),
    async milliseconds => Boolean(waited.push(milliseconds))
  );
  assert.deepEqual([over, asked, heard.map(one => one.data)], [true, [0, 5, 5, 7], ['a', 'b']]);
  assert.deepEqual(waited, [pause(0), pause(1), pause(0)]);
});

test('a refusal is not asked again, and nobody waits for a stream that was left', async () => {
  const refuse = async () => Promise.reject(new Refused('no'));
  assert.equal(await follow(refuse, () => assert.fail(), async () => assert.fail()), false);
  assert.equal(await follow(async () => broken(), () => assert.fail(), async () => false), false);
});
