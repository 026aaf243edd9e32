import { describe, expect, test } from '@jest/globals';
import type { Bus } from '../bus/bus.js';
import type { RequestHandler } from '../bus/requests.js';
import { system } from '../system.js';
import { Neighbourhood } from './neighbourhood.js';
import { anything } from './neighbours-contract.testkit.js';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const textOf = (value: Uint8Array): string => new TextDecoder().decode(value);
const ask = { timeoutMs: 1_000 };

/** A connection to a server that answers everything itself, and hands over what the test says. */
class FakeConnection {
  server: string | undefined = 's1';
  readonly served = new Map<string, RequestHandler>();
  readonly bus: Bus;

  constructor() {
    const stoppable = { stop: async () => undefined };
    const connection = {
      ...system,
      payloadBytesMax: 10,
      request: async () => bytes('server'),
      publish: () => undefined,
      flush: async () => undefined,
      close: async () => undefined,
      serve: (subject: string, _options: unknown, handler: RequestHandler) => {
        this.served.set(subject, handler);
        return stoppable;
      },
    };
    Object.defineProperty(connection, 'server', { get: () => this.server });
    this.bus = connection as unknown as Bus;
  }
}

function pair() {
  const hood = new Neighbourhood();
  const [mine, theirs] = [new FakeConnection(), new FakeConnection()];
  const caller = hood.join(mine.bus, anything);
  const neighbour = hood.join(theirs.bus, anything);
  return { hood, mine, theirs, caller, neighbour };
}

describe('the bus of a neighbour', () => {
  test('goes over the server where one is alone, and says nothing of ways', async () => {
    const hood = new Neighbourhood();
    const alone = hood.join(new FakeConnection().bus, anything);
    alone.serve('a', {}, () => bytes('direct'));
    expect(textOf(await alone.request('a', bytes(''), ask))).toBe('server');
    expect(alone.calls).toBeUndefined();
  });

  test('goes directly where both are at the same server, and over the server else', async () => {
    const { mine, theirs, caller, neighbour } = pair();
    neighbour.serve('a', {}, () => bytes('direct'));
    const answer = async (): Promise<string> => textOf(await caller.request('a', bytes(''), ask));
    expect(await answer()).toBe('direct');
    theirs.server = 's2';
    expect(await answer()).toBe('server');
    theirs.server = undefined;
    expect(await answer()).toBe('server');
    theirs.server = 's1';
    expect(await answer()).toBe('direct');
    mine.server = undefined;
    expect(await answer()).toBe('server');
    expect(caller.calls).toEqual({ direct: 2, overServer: 3 });
  });

  test('hands what is too long to the server, and refuses an answer that it would refuse', async () => {
    const { caller, neighbour } = pair();
    neighbour.serve('a', {}, () => bytes('direct'));
    neighbour.serve('long', {}, () => bytes('longer than ten'));
    expect(textOf(await caller.request('a', bytes('longer than ten'), ask))).toBe('server');
    const refused = caller.request('long', bytes(''), ask);
    await expect(refused).rejects.toMatchObject({ code: 'PAYLOAD_TOO_LARGE' });
  });

  test('handles what was sent directly before what the server hands over', async () => {
    const { theirs, caller, neighbour } = pair();
    const heard: string[] = [];
    neighbour.serve('a', {}, (body) => {
      heard.push(textOf(body));
      return body;
    });
    await caller.request('a', bytes('warm'), ask);
    const answers = [1, 2, 3].map((i) => caller.request('a', bytes(`direct ${i}`), ask));
    void theirs.served.get('a')!(bytes('server'), 'a', undefined, 0);
    await Promise.all(answers);
    expect(heard).toEqual(['warm', 'direct 1', 'direct 2', 'direct 3', 'server']);
  });

  test('sends what waits over the server when it is closed', async () => {
    const { caller, neighbour } = pair();
    neighbour.serve('a', {}, () => bytes('direct'));
    // Behind the registration.
    const answer = caller.request('a', bytes(''), ask);
    await caller.close();
    expect(textOf(await answer)).toBe('server');
  });
});
