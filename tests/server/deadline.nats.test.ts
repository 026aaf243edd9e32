import { storesIn } from '../../runtime/stores/lmdb-actor-stores.js';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
// eslint-disable-next-line no-restricted-imports -- an outsider's requests: other headers, or none.
import { connect, headers } from 'nats';
import { pino } from 'pino';
import base from '../../cluster.config.js';
import { createRecommender } from '../../actors/recommender/recommender.js';
import { clientOn } from '../../client/client.js';
import { parseClusterConfig } from '../../core/config/schema.js';
import { decode, encode } from '../../messages/codec.js';
import { featureChangeMessage } from '../../messages/features.js';
import { lackingReply, parseRankBatch, rankBatchReply } from '../../messages/ranking.js';
import { pattern, streamName, subject } from '../../messages/default-names.testkit.js';
import type { Actor } from '../../runtime/actor.js';
import { call } from '../../runtime/idempotent-call.js';
import type { NatsBus } from '../../runtime/nats/nats-bus.js';
import { ServedEndpoint } from '../../runtime/serve-endpoint.js';
import { system, systemRandom } from '../../runtime/system.js';
import type { MessageServer } from '../support/message-server.js';
import { declareOnly, startMessageServer } from '../support/message-server.js';

const config = parseClusterConfig(base);
const dataCenter = config.dataCenters.find(({ role }) => role === 'inference')!.name;

let server: MessageServer;
let bus: NatsBus;
const stops: (() => Promise<unknown>)[] = [];

beforeEach(async () => {
  server = await startMessageServer();
  bus = await server.connect();
});
afterEach(async () => {
  await Promise.all(stops.splice(0).map((stop) => stop()));
  await server.stop();
});

/** Answers with the milliseconds it has for the answer, or never. */
async function clockAt(name: string, hangs = false): Promise<ServedEndpoint> {
  const own = await server.connect();
  const endpoint = new ServedEndpoint(own, {
    subject: name,
    inFlightMax: 8,
    deadlineMs: 9_000,
    handle: async (_request, deadline) => {
      const { leftMs } = deadline;
      if (hangs) await new Promise(() => undefined);
      return { leftMs };
    },
  });
  stops.push(() => endpoint.suspend());
  await own.flush();
  return endpoint;
}

describe('who is asked', () => {
  test('knows how long the caller waits', async () => {
    await clockAt('clock');
    const answer = (await call(bus, 'clock', {}, { deadlineMs: 700 })) as { leftMs: number };
    expect(answer.leftMs).toBeLessThanOrEqual(700);
    expect(answer.leftMs).toBeGreaterThan(0);
    const patient = (await call(bus, 'clock', {}, { deadlineMs: 60_000 })) as { leftMs: number };
    expect(patient.leftMs).toBeGreaterThan(700);
    expect(patient.leftMs).toBeLessThanOrEqual(9_000);
  });

  test('has its own time for callers who do not say, and tells those who say nonsense', async () => {
    await clockAt('clock');
    const plain = await connect({ servers: server.url });
    stops.push(() => plain.close());
    const silent = await plain.request('clock', '{}', { timeout: 5_000 });
    expect(silent.json<{ leftMs: number }>().leftMs).toBeGreaterThan(5_000);
    for (const wrong of ['soon', '-5', '0', 'Infinity']) {
      const said = headers();
      said.set('Starling-Timeout-Ms', wrong);
      const reply = await plain.request('clock', '{}', { timeout: 5_000, headers: said });
      expect(reply.json()).toMatchObject({ error: { code: 'BAD_REQUEST' } });
    }
  });

  test('is free again when nobody waits any more, whatever its work does', async () => {
    const endpoint = await clockAt('stopped-clock', true);
    const asked = call(bus, 'stopped-clock', {}, { deadlineMs: 100, retry: 'none' });
    await expect(asked).rejects.toMatchObject({ code: 'TIMEOUT' });
    while (endpoint.stats().inFlight > 0) await new Promise((resolve) => setTimeout(resolve, 10));
    expect(endpoint.stats().errors).toBe(1);
  });
});

describe('a recommender', () => {
  async function startRecommender(): Promise<Actor> {
    const stream = { cluster: 'x', maxAgeMs: 0, discard: 'new', duplicateWindowMs: 1_000 } as const;
    const name = streamName.featuresAt(dataCenter);
    await bus.declareStream({ ...stream, name, subjects: [pattern('features')] }, false);
    const others = [streamName.snapshotsAt(dataCenter), streamName.settingsAt(dataCenter)];
    await declareOnly(bus, others, config.dataCenters);
    const ids = ['1', '2', '3'];
    const change = { entity: 'item', ids, features: ids.map(() => ({})) } as const;
    await bus.append(subject.features('item'), encode(featureChangeMessage(change)));
    const recommender = createRecommender({
      identity: {
        address: `${dataCenter}.recommender.0`,
        kind: 'recommender',
        dataCenter,
        index: 0,
        epoch: 1,
        partitions: [],
      },
      ...system,
      config,
      bus: await server.connect(),
      stores: storesIn('', 0, systemRandom),
      log: pino({ level: 'silent' }),
      crash: (error) => {
        throw error;
      },
    });
    await recommender.start();
    stops.push(() => recommender.stop());
    return recommender;
  }

  /** Scores by item number, and chooses the best; or hangs. */
  async function startRanker(hangs: boolean): Promise<{ timeouts: number[] }> {
    const timeouts: number[] = [];
    const ranker = await server.connect();
    ranker.serve(subject.rank, {}, async (bytes, _subject, timeout) => {
      timeouts.push(Number(timeout));
      const { items } = parseRankBatch(decode(bytes), 100);
      if (hangs) await new Promise(() => undefined);
      // It knows none of them by its place.
      if (items.length === 0) return encode(lackingReply());
      const rows = Uint32Array.from(items.keys()).sort(
        (x, y) => Number(items[y]) - Number(items[x]),
      );
      const scores = Float32Array.from(rows, (row) => Number(items[row]) / 10);
      const sound = { denseVersion: 7, through: 1, degraded: false, rerouted: false };
      const slate = { rows, impressions: [Uint8Array.of(1)] };
      return encode(rankBatchReply({ ...sound, scores, slate, dataCenter }));
    });
    await ranker.flush();
    stops.push(() => ranker.close());
    return { timeouts };
  }

  test('answers what it has before its caller goes, and says that it is not all', async () => {
    const { timeouts } = await startRanker(false);
    await startRecommender();
    // Nothing takes impressions here.
    const answer = await clientOn(bus, 1_500).recommend({ user: 1, k: 3 });
    expect(answer).toMatchObject({ degraded: true, modelVersion: 7, dataCenter });
    expect(answer.requestId).not.toBe('');
    expect(answer.items.map(({ item, score }) => [item, score.toFixed(1)])).toEqual([
      ['3', '0.3'],
      ['2', '0.2'],
      ['1', '0.1'],
    ]);
    // Nobody is given more than the caller has.
    expect(Math.max(...timeouts)).toBeLessThan(1_500);
    expect(timeouts[0]).toBeLessThanOrEqual(750);
  });

  test('answers in no order where rankers hang, and nobody can name what was not logged', async () => {
    const { timeouts } = await startRanker(true);
    await startRecommender();
    const answer = await clientOn(bus, 1_500).recommend({ user: 1, k: 3 });
    expect(answer).toMatchObject({ degraded: true, modelVersion: 0, requestId: '' });
    expect(answer.items.map(({ item }) => item).sort()).toEqual(['1', '2', '3']);
    expect(timeouts[0]).toBeLessThanOrEqual(750);
  });
});
