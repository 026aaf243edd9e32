import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { StarlingError } from '../core/base/errors.js';
import { names } from '../messages/default-names.testkit.js';
import { decode, encode, errorReply, protocolVersion } from '../messages/codec.js';
import type { Bus } from '../runtime/bus/bus.js';
import type { AppendOptions } from '../runtime/bus/logs.js';
import { system } from '../runtime/system.js';
import { clientOn } from './client.js';
import { addressOf } from './connect.js';
import { connectStarling } from './index.js';

interface Appended {
  readonly subject: string;
  readonly events: unknown[];
  readonly messageId: string | undefined;
}

/** A bus that answers requests with `answer` and takes what is appended; the rest is not needed. */
function pretendBus(answer: (subject: string, request: unknown) => unknown = () => ({})) {
  const appended: Appended[] = [];
  const failures: Error[] = [];
  const bus = {
    ...system,
    names,
    payloadBytesMax: 1_000_000,
    request: async (subject: string, bytes: Uint8Array) => encode(answer(subject, decode(bytes))),
    dataCenter: 'east',
    append: async (subject: string, bytes: Uint8Array, options: AppendOptions) => {
      appended.push({ subject, events: decode(bytes) as unknown[], messageId: options.messageId });
      const failure = failures.shift();
      if (failure) throw failure;
      options.stored?.('RAW_EAST');
      return appended.length;
    },
    close: async () => undefined,
  };
  return { bus: bus as unknown as Bus, appended, failures };
}

const recommendation = {
  items: [{ item: '7', score: 0.5 }],
  requestId: 'r',
  modelVersion: 3,
  dataCenter: 'east',
  degraded: false,
};

describe('the client', () => {
  test('asks for recommendations with a key that is the same when it asks again', async () => {
    const requests: unknown[] = [];
    const { bus } = pretendBus((_subject, request) => {
      requests.push(request);
      return recommendation;
    });
    expect(await clientOn(bus).recommend({ user: 42, k: 1, context: undefined })).toEqual({
      ...recommendation,
      model: 'main',
      settingsVersion: 0,
      warnings: [],
    });
    expect(requests[0]).toMatchObject({ user: '42', k: 1, context: {}, exclude: { items: [] } });
    expect((requests[0] as { idempotencyKey: string }).idempotencyKey).toHaveLength(36);
  });

  test('says where it belongs, which need not be where it is connected', async () => {
    const requests: unknown[] = [];
    const { bus } = pretendBus((name, request) => {
      requests.push(request);
      return name === 'starling.rank' ? { ...recommendation, scores: [0.5] } : recommendation;
    });
    const client = clientOn({ ...bus, dataCenter: 'west', home: 'east', away: true });
    await client.recommend({ user: 42 });
    await client.rank({ user: 42, candidates: [7] });
    expect(requests).toMatchObject([{ from: 'east' }, { from: 'east' }]);
    await client.recommend({ user: 42, from: 'north' });
    expect(requests[2]).toMatchObject({ from: 'north' });
  });

  test('refuses a wrong request before it is sent', async () => {
    const { bus } = pretendBus(() => {
      throw new Error('sent');
    });
    await expect(clientOn(bus).recommend({ user: '', k: 1 })).rejects.toMatchObject({
      code: 'BAD_REQUEST',
    });
    await expect(clientOn(bus).rank({ user: 1, candidates: [] })).rejects.toMatchObject({
      code: 'BAD_REQUEST',
    });
  });

  test('throws the typed error of the cluster', async () => {
    const refusal = errorReply(
      new StarlingError('UNKNOWN_FEATURE', 'no such feature', { field: 'x' }),
    );
    const { bus } = pretendBus(() => refusal);
    await expect(clientOn(bus).recommend({ user: 1 })).rejects.toMatchObject({
      code: 'UNKNOWN_FEATURE',
      details: { field: 'x' },
    });
  });

  test('refuses an answer of another shape', async () => {
    const { bus } = pretendBus(() => ({ scores: [1], modelVersion: 1, dataCenter: 'east' }));
    await expect(clientOn(bus).rank({ user: 1, candidates: [1, 2] })).rejects.toMatchObject({
      code: 'BAD_MESSAGE',
    });
  });

  test('repeats a request that a failing replica could not answer', async () => {
    let attempts = 0;
    const { bus } = pretendBus(() => {
      attempts++;
      return attempts === 1
        ? errorReply(new StarlingError('NOT_READY', 'starting'))
        : recommendation;
    });
    await clientOn(bus).recommend({ user: 1 });
    expect(attempts).toBe(2);
  });

  test('gives one call another deadline than the others', async () => {
    const { bus } = pretendBus(() => errorReply(new StarlingError('NOT_READY', 'starting')));
    const startMs = performance.now();
    const asked = clientOn(bus, 600_000).recommend({ user: 1 }, { deadlineMs: 50 });
    await expect(asked).rejects.toMatchObject({ code: 'NOT_READY' });
    expect(performance.now() - startMs).toBeLessThan(5_000);
  });

  test('says that no cluster runs where nobody answers for its status', async () => {
    const { bus } = pretendBus(() => errorReply(new StarlingError('NO_RESPONDERS', 'nobody')));
    await expect(clientOn(bus, 500).status()).rejects.toMatchObject({ code: 'NOT_RUNNING' });
  });
});

describe('ingest', () => {
  const action = { requestId: 'r', item: 1 };

  test('tells which ids came twice, and where events are on servers that know no data centers', async () => {
    const { bus } = pretendBus();
    const client = clientOn({ ...bus, dataCenter: 'somebody-elses' });
    const event = { type: 'view', user: 'u', item: 'i' };
    const sent = [
      { ...event, id: 'a' },
      { ...event, id: 'b' },
      { ...event, id: 'a' },
      event,
      event,
    ];
    expect(await client.ingestEvents(sent)).toEqual({
      ...{ accepted: 5, repeated: 1, position: 'east:1' },
    });
    // Of users and items it is what is told of.
    const told = { entity: 'item' as const, id: 'i', features: {} };
    expect(await client.ingestFeatures([told, told])).toMatchObject({ repeated: 0 });
    expect(await client.ingestEvents([])).toEqual({ accepted: 0, repeated: 0 });
  });

  test('sends events in batches and counts them', async () => {
    const { bus, appended } = pretendBus();
    const events = Array.from({ length: 1_200 }, () => action);
    expect(await clientOn(bus).ingestActions(events)).toEqual({
      ...{ accepted: 1_200, repeated: 0, position: 'east:3' },
    });
    expect(appended.map(({ events: sent }) => sent.length)).toEqual([500, 500, 200]);
    expect(appended[0]).toMatchObject({ subject: 'starling.ingest.action' });
    expect(appended[0]!.events[0]).toMatchObject({ requestId: 'r', item: '1', label: 1 });
  });

  test('sends nothing when one event is wrong, and names it', async () => {
    const { bus, appended } = pretendBus();
    const sent = clientOn(bus).ingestActions([action, { ...action, label: 2 as 1 }]);
    await expect(sent).rejects.toMatchObject({
      code: 'BAD_EVENT',
      message: expect.stringContaining('action[1].label'),
    });
    expect(appended).toHaveLength(0);
  });

  test('splits what does not fit into one message', async () => {
    const { bus, appended } = pretendBus();
    const features = { text: 'x'.repeat(300_000) };
    const events = [1, 2, 3, 4].map((id) => ({ entity: 'item' as const, id, features }));
    await clientOn(bus).ingestFeatures(events);
    expect(appended.map(({ events: sent }) => sent.length)).toEqual([2, 2]);
    const tooLarge = { entity: 'item' as const, id: 1, features: { text: 'x'.repeat(1_000_000) } };
    await expect(clientOn(bus).ingestFeatures([tooLarge])).rejects.toMatchObject({
      code: 'PAYLOAD_TOO_LARGE',
    });
  });

  test('says how many of them are accepted when it fails on the way', async () => {
    const { bus, failures } = pretendBus();
    const events = Array.from({ length: 1_200 }, () => action);
    const full = new StarlingError('CONFIG_INVALID', 'the storage is used up', { limit: 1 });
    const append = bus.append.bind(bus);
    let messages = 0;
    const filling = {
      ...bus,
      append: (...given: Parameters<typeof append>) => {
        if (++messages === 3) failures.push(full);
        return append(...given);
      },
    };
    await expect(clientOn(filling).ingestActions(events)).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: '1000 of 1200 events are accepted, the first ones; then: the storage is used up',
      details: { accepted: 1_000, limit: 1 },
    });
  });

  test('repeats an append under the same message id', async () => {
    const { bus, appended, failures } = pretendBus();
    failures.push(new StarlingError('TIMEOUT', 'no acknowledgement'));
    await clientOn(bus).ingestActions([action]);
    expect(appended).toHaveLength(2);
    expect(appended[0]!.messageId).toBe(appended[1]!.messageId);
  });

  test('waits as long as one call says, and tells of the tries that failed', async () => {
    const { bus, appended, failures } = pretendBus();
    const lost = Array.from({ length: 4 }, () => new StarlingError('NO_RESPONDERS', 'no stream'));
    failures.push(...lost);
    const heard: unknown[] = [];
    const client = clientOn(bus, 1);
    await client.ingestActions([action], {
      deadlineMs: Infinity,
      failed: (error) => heard.push(error),
    });
    expect(heard).toEqual(lost);
    expect(appended).toHaveLength(5);
    failures.push(...lost);
    await expect(client.ingestActions([action])).rejects.toMatchObject({ code: 'NO_RESPONDERS' });
  });

  test('says why it was refused, though its last try is not answered in what is left of the time', async () => {
    const { bus, appended, failures } = pretendBus();
    const full = new StarlingError('STORAGE_FULL', 'the storage is used up');
    const late = Array.from({ length: 100 }, () => new StarlingError('TIMEOUT', 'late'));
    failures.push(full, ...late);
    const client = clientOn(bus, 500);
    await expect(client.ingestActions([action])).rejects.toMatchObject({ code: 'STORAGE_FULL' });
    expect(appended.length).toBeGreaterThan(1);
    await expect(client.ingestActions([action])).rejects.toMatchObject({ code: 'TIMEOUT' });
  });

  test('gives up at once when it is told to', async () => {
    const { bus, failures } = pretendBus();
    failures.push(...Array.from({ length: 100 }, () => new StarlingError('TIMEOUT', 'late')));
    const stopping = new AbortController();
    const told = clientOn(bus).ingestActions([action], {
      deadlineMs: Infinity,
      signal: stopping.signal,
      failed: () => stopping.abort(),
    });
    await expect(told).rejects.toMatchObject({ code: 'TIMEOUT' });
    expect(failures).toHaveLength(99);
  });
});

describe('connecting', () => {
  const cluster = 'starling';

  test('takes user and password out of a URL', () => {
    expect(addressOf({ cluster, urls: ['nats://ann:p%40ss@host:4222', 'other:4223'] })).toEqual({
      cluster,
      urls: ['nats://host:4222', 'nats://other:4223'],
      user: 'ann',
      password: 'p@ss',
    });
    expect(
      addressOf({ cluster, urls: ['nats://ann:x@host:1'], user: 'bob', password: 'y' }),
    ).toMatchObject({
      user: 'bob',
      password: 'y',
    });
    expect(() => addressOf({ cluster, urls: ['nats://'] })).toThrow('NATS URL');
  });

  test('hears replies where the servers let the role hear them', () => {
    const prefixOf = (user: string, of = cluster) =>
      addressOf({ cluster: of, urls: ['host'], user }).inboxPrefix;
    expect(prefixOf('admin')).toBe('_INBOX_admin');
    expect(prefixOf('admin', 'shop')).toBe('_INBOX_shop_admin');
    expect(prefixOf('client')).toBe('_INBOX');
    expect(prefixOf('ann')).toBeUndefined();
  });

  test('to a folder without a cluster fails as not running', async () => {
    const stateDir = await mkdtemp(path.join(tmpdir(), 'starling-client-'));
    await expect(connectStarling({ stateDir })).rejects.toMatchObject({ code: 'NOT_RUNNING' });
    await writeFile(path.join(stateDir, 'cluster.json'), '{');
    await expect(connectStarling({ stateDir })).rejects.toMatchObject({ code: 'STATE_INVALID' });
    const dataCenters = [{ name: 'east', role: 'inference', url: 'nats://127.0.0.1:9' }];
    const one = { user: 'u', password: 'p' };
    const whole = { version: protocolVersion, name: 'starling', pid: process.pid, dataCenters };
    const file = { ...whole, ...one, admin: one };
    await writeFile(path.join(stateDir, 'cluster.json'), JSON.stringify(file));
    await expect(connectStarling({ stateDir })).rejects.toMatchObject({ code: 'NOT_RUNNING' });
    await expect(connectStarling({ stateDir, dataCenter: 'mars' })).rejects.toMatchObject({
      code: 'BAD_REQUEST',
    });
    await writeFile(path.join(stateDir, 'cluster.json'), JSON.stringify({ ...file, pid: 2 ** 30 }));
    await expect(connectStarling({ stateDir })).rejects.toMatchObject({ code: 'NOT_RUNNING' });
    await writeFile(path.join(stateDir, 'cluster.json'), JSON.stringify({ ...file, version: 1 }));
    await expect(connectStarling({ stateDir })).rejects.toThrow(
      /older release .*new --state folder/,
    );
    await rm(stateDir, { recursive: true });
  });
});
