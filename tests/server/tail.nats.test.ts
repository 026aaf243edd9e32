import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { replay } from '../../runtime/followers/follow.js';
import type { NatsBus } from '../../runtime/nats/nats-bus.js';
import type { MessageServer } from '../support/message-server.js';
import { startMessageServer } from '../support/message-server.js';

/** More than the server sends ahead of who takes his time: some 2 MiB at first. */
const messageBytes = 256 * 1024;
const messages = 64;
let server: MessageServer;
let bus: NatsBus;

beforeAll(async () => {
  server = await startMessageServer();
  bus = await server.connect();
});
afterAll(() => server?.stop());

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

async function declare(name: string, maxAgeMs = 0): Promise<void> {
  await bus.declareStream(
    {
      ...{ name, subjects: [name.toLowerCase()], cluster: '', maxAgeMs },
      ...{ discard: 'new', duplicateWindowMs: 1_000 },
    },
    false,
  );
}

async function fill(stream: string): Promise<void> {
  const body = new Uint8Array(messageBytes);
  for (let i = 0; i < messages; i++) await bus.append(stream.toLowerCase(), body);
}

/** The first message takes until the log is empty. @returns how many came. */
async function replaySlowly(stream: string, atFirst: () => Promise<unknown>): Promise<number> {
  let heard = 0;
  await replay(bus, { stream }, async () => {
    if (heard++ > 0) return;
    await atFirst();
    while ((await bus.streamState(stream)).messages > 0) await pause(20);
  });
  return heard;
}

describe('a replay ends though the rest of the log goes before it comes', () => {
  test('by its age', async () => {
    await declare('AGEING', 1_000);
    await fill('AGEING');
    const heard = await replaySlowly('AGEING', async () => undefined);
    expect(heard).toBeLessThan(messages);
  }, 30_000);

  test('by a purge', async () => {
    await declare('PURGED');
    await fill('PURGED');
    const heard = await replaySlowly('PURGED', () => bus.purge('PURGED', {}));
    expect(heard).toBeGreaterThan(0);
    expect(heard).toBeLessThan(messages);
  }, 30_000);
});

describe('a tail that nothing has come to yet begins no further back once its server was silent', () => {
  test('by sequence or by time', async () => {
    await declare('SILENT');
    for (let i = 0; i < 3; i++) await bus.append('silent', Uint8Array.of(i));
    await pause(20);
    const begins = [{ fromSequence: 4 }, { fromTimeMs: Date.now() }];
    const heard: number[][] = begins.map(() => []);
    const tails = await Promise.all(
      begins.map((from, i) =>
        bus.tail({ stream: 'SILENT', ...from }, ({ sequence }) => void heard[i]!.push(sequence)),
      ),
    );
    server.pause();
    try {
      // Until the client misses two heartbeats.
      await pause(4_000);
    } finally {
      server.resume();
    }
    await bus.append('silent', Uint8Array.of(3));
    while (!heard.every((sequences) => sequences.includes(4))) await pause(20);
    expect(heard).toEqual([[4], [4]]);
    await Promise.all(tails.map((tail) => tail.stop()));
  }, 30_000);
});
