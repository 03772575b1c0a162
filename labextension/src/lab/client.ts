// The server's REST interface, one method for each thing that can be asked. Reading never starts anything.

import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';
import { Refused } from '../pure/events.js';
import type { Pipeline, Problem, Proposal, Renamed, RunFiles, RunRow } from '../pure/wire.js';

/** A notebook: its contents path, and its content as it stands in the editor. */
export interface Asked {
  path: string;
  notebook?: unknown;
}

/** The server's answer was no, in its own words. */
export class ServerSays extends Error {
  constructor(readonly problem: Problem, readonly status: number) {
    super([problem.message, problem.fix].filter(Boolean).join(' '));
  }
}

/** The server was reached, and has no nbflow in it. */
export class HasNoNbflow extends Error {}

/** Whether the server was not reached. */
export function isAway(error: unknown): boolean {
  return error instanceof ServerConnection.NetworkError;
}

export class Client {
  constructor(private readonly settings: ServerConnection.ISettings) {}

  pipeline(asked: Asked): Promise<Pipeline> {
    return this.post('pipeline', asked);
  }

  proposal(asked: Asked, cell: number): Promise<Proposal> {
    return this.post('proposal', { ...asked, cell });
  }

  rename(asked: Asked, kind: 'step' | 'artifact', old: string, next: string): Promise<Renamed> {
    return this.post('rename', { ...asked, kind, old, new: next });
  }

  async runs(path: string, limit: number): Promise<RunRow[]> {
    return (await this.get<{ runs: RunRow[] }>('runs', { path, limit: String(limit) })).runs;
  }

  /** Starts a run of the notebook as it is saved; gives its id. */
  async start(path: string, select: string[] = [], parameters: { [name: string]: unknown } = {}): Promise<string> {
    return (await this.post<{ run: string }>('runs', { path, select, parameters })).run;
  }

  run(path: string, run: string): Promise<RunFiles> {
    return this.get(`runs/${encodeURIComponent(run)}`, { path });
  }

  async cancel(path: string, run: string, force: boolean): Promise<string> {
    return (await this.post<{ said: string }>(`runs/${encodeURIComponent(run)}/cancel`, { path, force })).said;
  }

  async retry(path: string, run: string): Promise<string> {
    return (await this.post<{ run: string }>(`runs/${encodeURIComponent(run)}/retry`, { path })).run;
  }

  /** The events of a run behind a number. */
  runEvents(path: string, run: string, after: number, signal: AbortSignal): Promise<AsyncIterable<string>> {
    return this.stream(`runs/${encodeURIComponent(run)}/events`, { path, after: String(after) }, signal);
  }

  /** Told of the runs of a notebook, now and when anything changes. */
  events(path: string, signal: AbortSignal): Promise<AsyncIterable<string>> {
    return this.stream('events', { path }, signal);
  }

  private get<T>(what: string, query: { [name: string]: string }): Promise<T> {
    return this.ask<T>(this.address(what, query), { method: 'GET' });
  }

  private post<T>(what: string, body: unknown): Promise<T> {
    return this.ask<T>(this.address(what), { method: 'POST', body: JSON.stringify(body) });
  }

  private async ask<T>(address: string, init: RequestInit): Promise<T> {
    const response = await ServerConnection.makeRequest(address, init, this.settings);
    if (!response.ok) throw await said(response);
    return (await response.json()) as T;
  }

  private async stream(what: string, query: { [name: string]: string }, signal: AbortSignal): Promise<AsyncIterable<string>> {
    const init = { method: 'GET', signal, headers: { Accept: 'text/event-stream' } };
    const response = await ServerConnection.makeRequest(this.address(what, query), init, this.settings);
    if (response.status >= 400 && response.status < 500) throw new Refused((await said(response)).message);
    if (!response.ok || response.body === null) throw await said(response);
    return texts(response.body);
  }

  private address(what: string, query: { [name: string]: string } = {}): string {
    return URLExt.join(this.settings.baseUrl, 'nbflow/api', what) + URLExt.objectToQueryString(query);
  }
}

async function said(response: Response): Promise<ServerSays | HasNoNbflow> {
  const { status } = response;
  try {
    const { message, fix } = (await response.json()) as Partial<Problem>;
    if (typeof message === 'string') return new ServerSays({ message, fix: typeof fix === 'string' ? fix : '' }, status);
  } catch {
    // no JSON: a proxy has answered
  }
  const line = `${status} ${response.statusText}`.trim();
  return status === 404 ? new HasNoNbflow(line) : new ServerSays({ message: line, fix: '' }, status);
}

/** What a body says, piece by piece. (Safari cannot iterate over a stream itself.) */
async function* texts(body: ReadableStream<Uint8Array>): AsyncIterable<string> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield decoder.decode(value, { stream: true });
    }
  } finally {
    void reader.cancel().catch(() => undefined);
  }
}
