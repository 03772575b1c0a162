// A stream of server-sent events: pieces of text come in, events go out; and a stream that breaks is taken up again.

export interface StreamEvent {
  /** The number of the last journal event in it, null where it has none. */
  id: number | null;
  name: string;
  data: string;
}

/** Reads a stream however it is cut. */
export class EventReader {
  private rest = '';

  push(text: string): StreamEvent[] {
    const blocks = (this.rest + text).replace(/\r\n/g, '\n').split('\n\n');
    this.rest = blocks.pop() ?? '';
    return blocks.map(read).filter(event => event !== null);
  }
}

function read(block: string): StreamEvent | null {
  const event: StreamEvent = { id: null, name: 'message', data: '' };
  const data: string[] = [];
  for (const line of block.split('\n')) {
    const [, field = '', value = ''] = /^([^:]*):? ?(.*)$/.exec(line) ?? [];
    if (field === 'data') data.push(value);
    else if (field === 'event') event.name = value;
    else if (field === 'id' && /^\d+$/.test(value)) event.id = Number(value);
  }
  return data.length ? { ...event, data: data.join('\n') } : null;
}

/** How long to wait before the n-th new try (from 0), in milliseconds. */
export function pause(tries: number): number {
  return Math.min(250 * 2 ** tries, 10_000);
}

/** Where events come from. Throws `Refused` where asking again is no use. */
export type Open = (after: number) => Promise<AsyncIterable<string>>;

/** The server has answered, and the answer is no. */
export class Refused extends Error {}

/**
 * Follow a stream to its `end`, taken up where it broke off.
 * @param heard told of each event but the last
 * @param wait between tries; the stream is left when it gives false
 * @returns whether the stream came to its end
 */
export async function follow(open: Open, heard: (event: StreamEvent) => void, wait: (milliseconds: number) => Promise<boolean>): Promise<boolean> {
  let after = 0;
  let tries = 0;
  do {
    try {
      const reader = new EventReader();
      for await (const text of await open(after)) {
        for (const event of reader.push(text)) {
          tries = 0;
          if (event.name === 'end') return true;
          heard(event);
          after = event.id ?? after;
        }
      }
    } catch (error) {
      if (error instanceof Refused) return false;
    }
  } while (await wait(pause(tries++)));
  return false;
}
