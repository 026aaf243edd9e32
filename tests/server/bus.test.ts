import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { NatsBus } from '../../runtime/nats/nats-bus.js';
import { startMessageServer, type MessageServer } from '../support/message-server.js';
import { until } from '../support/steady-requests.js';

let server: MessageServer;
let bus: NatsBus;

beforeAll(async () => {
  server = await startMessageServer();
  bus = await server.connect();
  await bus.declareStream(
    {
      name: 'LOG',
      cluster: '',
      subjects: ['log.*'],
      maxAgeMs: 0,
      discard: 'new',
      duplicateWindowMs: 120_000,
    },
    false,
  );
});
afterAll(async () => server?.stop());

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const textOf = (value: Uint8Array): string => new TextDecoder().decode(value);

describe('an append that expects the last sequence of its subject', () => {
  test('is stored on top of it, and refused after somebody else has written', async () => {
    const other = await server.connect();
    const first = await bus.append('log.a', bytes('1'), { after: { stream: 'LOG', sequence: 0 } });
    await bus.append('log.b', bytes('elsewhere'));
    const taken = await other.append('log.a', bytes('2'), {
      after: { stream: 'LOG', sequence: first },
    });
    await expect(
      bus.append('log.a', bytes('late'), { after: { stream: 'LOG', sequence: first } }),
    ).rejects.toMatchObject({ code: 'CONFLICT' });
    const last = await bus.lastMessage('LOG', 'log.a');
    expect([last!.sequence, textOf(last!.bytes)]).toEqual([taken, '2']);
  });

  test('repeated with its message id is told its first sequence, as an acknowledgement may be lost', async () => {
    const options = { after: { stream: 'LOG', sequence: 0 }, messageId: 'once' };
    const sequence = await bus.append('log.c', bytes('1'), options);
    expect(await bus.append('log.c', bytes('1'), options)).toBe(sequence);
  });
});

describe('a bucket', () => {
  test('lets one of two writers change a key', async () => {
    const created = await bus.bucketUpdate('STATE', 'owner', bytes('a'), 0);
    await expect(bus.bucketUpdate('STATE', 'owner', bytes('b'), 0)).rejects.toMatchObject({
      code: 'CONFLICT',
    });
    const revision = await bus.bucketUpdate('STATE', 'owner', bytes('b'), created);
    await expect(bus.bucketUpdate('STATE', 'owner', bytes('c'), created)).rejects.toMatchObject({
      code: 'CONFLICT',
    });
    expect(await bus.bucketEntry('STATE', 'owner')).toEqual({ bytes: bytes('b'), revision });
    expect(await bus.bucketEntry('STATE', 'nobody')).toBeUndefined();
  });

  test('that does not answer is given up in the time that the caller has, or in a few seconds', async () => {
    const created = await bus.bucketUpdate('STATE', 'silent', bytes('a'), 0);
    server.pause();
    try {
      const how = { timeoutMs: 150 };
      const questions = [
        bus.bucketEntry('STATE', 'silent', how),
        bus.bucketPut('STATE', 'silent', bytes('b'), how),
        bus.bucketUpdate('STATE', 'silent', bytes('c'), created, how),
        bus.bucketGet('STATE', 'silent'),
      ];
      await Promise.all(
        questions.map((each) => expect(each).rejects.toMatchObject({ code: 'TIMEOUT' })),
      );
    } finally {
      server.resume();
    }
  });

  test('tells a watcher what is there and what changes', async () => {
    await bus.bucketPut('STATE', 'p.1', bytes('one'));
    const seen: string[] = [];
    let changed: () => void = () => undefined;
    const watch = await bus.bucketWatch('STATE', 'p.*', (key, entry) => {
      seen.push(`${key}=${textOf(entry.bytes)}`);
      changed();
    });
    expect(seen).toEqual(['p.1=one']);
    const next = new Promise<void>((resolve) => (changed = resolve));
    await bus.bucketPut('STATE', 'p.2', bytes('two'));
    await next;
    expect(seen).toEqual(['p.1=one', 'p.2=two']);
    await watch.stop();
  });
});

test('a stream closed by its longest message keeps what it has and answers STORAGE_FULL until it is opened', async () => {
  const full = {
    name: 'FULL',
    cluster: '',
    subjects: ['full'],
    maxAgeMs: 0,
    discard: 'new',
    duplicateWindowMs: 120_000,
  } as const;
  await bus.declareStream(full, false);
  await bus.append('full', bytes('kept'));
  await bus.setMessageBytesMax('FULL', 1);
  await bus.declareStream(full, false);
  await expect(bus.append('full', bytes('refused'))).rejects.toMatchObject({
    code: 'STORAGE_FULL',
  });
  await bus.setMessageBytesMax('FULL', undefined);
  await bus.append('full', bytes('taken'));
  expect((await bus.streamState('FULL')).messages).toBe(2);
});

test('a purge removes what is older, of one subject or of all', async () => {
  const sequences: number[] = [];
  for (const name of ['log.x', 'log.y', 'log.x']) sequences.push(await bus.append(name, bytes('')));
  expect(await bus.purge('LOG', { subject: 'log.x', beforeSequence: sequences[2]! })).toBe(1);
  expect(await bus.subjects('LOG', 'log.*')).toEqual(expect.arrayContaining(['log.x', 'log.y']));
  await bus.purge('LOG', { beforeSequence: sequences[2]! });
  expect(await bus.streamState('LOG')).toMatchObject({
    firstSequence: sequences[2],
    messages: 1,
  });
});

describe('work', () => {
  const options = { stream: 'LOG', durable: 'worker', filter: 'log.work', pendingMax: 10 };
  const ackWaitMs = 1_000;

  test('that takes longer than the server waits is not given to somebody else', async () => {
    const given: number[] = [];
    const work = await bus.work({ ...options, ackWaitMs }, (message) => {
      given.push(message.deliveries);
      setTimeout(() => message.ack(), 3.5 * ackWaitMs);
    });
    await bus.append('log.work', bytes('long'));
    await until('taken', async () => (await bus.workState('LOG', 'worker')).left === 1);
    await until('done', async () => (await bus.workState('LOG', 'worker')).left === 0);
    await work.stop();
    expect(given).toEqual([1]);
  });

  test('of a worker that died is done by another one soon', async () => {
    const mortal = await server.connect();
    let taken = false;
    const lost = await mortal.work({ ...options, ackWaitMs }, () => (taken = true));
    await bus.append('log.work', bytes('inherited'));
    await until('taken', () => taken);
    await mortal.close();
    await lost.stop();
    const given: number[] = [];
    const work = await bus.work({ ...options, ackWaitMs }, (message) => {
      given.push(message.deliveries);
      message.ack();
    });
    await until('inherited', () => given.length > 0);
    await work.stop();
    expect(given).toEqual([2]);
  });

  test('that was given back comes again at once, to who is there', async () => {
    const given: number[] = [];
    const work = await bus.work({ ...options, ackWaitMs: 60_000 }, (message) => {
      given.push(message.deliveries);
      if (given.length === 1) message.nak();
      else message.ack();
    });
    await bus.append('log.work', bytes('twice'));
    await until('given twice', () => given.length === 2);
    await work.stop();
    expect(given).toEqual([1, 2]);
  });
});
