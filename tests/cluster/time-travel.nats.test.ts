import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { operate } from '../../client/operate.js';
import { streamName } from '../../messages/default-names.testkit.js';
import { keptKinds } from '../../core/features/feature-spec.js';
import { leanConfig } from '../support/lean-config.js';
import { LiveCluster } from '../support/live-cluster.js';
import { jsonOf, starling } from '../support/starling-process.js';

const running: LiveCluster[] = [];
afterAll(async () => {
  for (const live of running.splice(0)) await live.stop();
});

const isKeptKind = (kind: string): boolean => (keptKinds as readonly string[]).includes(kind);
/** Rows, network, users and items are copied; what is kept of people is not. */
const features = Object.fromEntries(
  Object.entries(leanConfig.features).filter(([, { kind }]) => !isKeptKind(kind)),
);

async function start(overrides?: Parameters<typeof LiveCluster.start>[0]): Promise<LiveCluster> {
  const live = await LiveCluster.start({ features, ...overrides });
  running.push(live);
  return live;
}

async function rowsOf(live: LiveCluster): Promise<Map<number, string>> {
  const texts = new Map<number, string>();
  for (const [partition, { digest }] of await live.digests()) texts.set(partition, digest);
  return texts;
}

const end = async (live: LiveCluster) =>
  (await live.bus.streamState(streamName.deltas)).lastSequence;

/** Serving has what training has: the same weights for the same keys. */
async function untilServed(live: LiveCluster): Promise<void> {
  await live.until('serving has the same rows', async () => {
    const trained = [...(await live.digests()).values()];
    const served = await live.servedDigests('east');
    return served.every(({ partition, rows, deltaNumber }) =>
      trained.some(
        (each) =>
          each.partition === partition && each.rows === rows && each.deltaNumber === deltaNumber,
      ),
    );
  });
}

/** On one cluster, each where the one before has left it. */
describe('restore', () => {
  let live: LiveCluster;
  beforeAll(async () => {
    live = await start({ snapshots: { keep: 2 } });
  }, 90_000);

  test('--at takes every row back to what it was, with and without a snapshot before it', async () => {
    await live.feed(600);
    await live.settled();
    const early = { rows: await rowsOf(live) };
    // Between two records of the log, by the clock of its server, which is this one's.
    await new Promise((resolve) => setTimeout(resolve, 300));
    const atEarly = new Date().toISOString();
    await new Promise((resolve) => setTimeout(resolve, 300));
    await live.feed(600);
    await live.settled();
    await operate(live.bus, 'snapshot', {}, () => undefined);
    await live.feed(600);
    await live.settled();
    const late = { rows: await rowsOf(live), sequence: await end(live) };
    await live.feed(600);
    await live.settled();
    expect(await rowsOf(live)).not.toEqual(late.rows);

    const state = ['--state', live.cluster.stateDir];
    const back = await starling('restore', '--at', String(late.sequence), ...state, '--json');
    expect(back).toMatchObject({ code: 0 });
    expect(jsonOf(back)).toMatchObject({
      sequence: late.sequence,
    });
    expect(await rowsOf(live)).toEqual(late.rows);
    await untilServed(live);
    // Further back, and from there on: it still learns, and books each batch once.
    expect(await starling('restore', '--at', atEarly, ...state)).toMatchObject({ code: 0 });
    expect(await rowsOf(live)).toEqual(early.rows);
    await live.feed(300);
    await live.settled();
    expect(await rowsOf(live)).not.toEqual(early.rows);
  }, 180_000);

  test('refuses a moment that is not covered, with what is', async () => {
    for (let round = 0; round < 3; round++) {
      await live.feed(300);
      await live.settled();
      await operate(live.bus, 'snapshot', {}, () => undefined);
    }
    const { code, output } = await starling(
      ...['restore', '--at', '3', '--state', live.cluster.stateDir],
    );
    expect(code).toBe(1);
    expect(output).toMatch(/BAD_REQUEST: the log and its snapshots reach back to sequence \d+/);
    const future = await starling(
      ...['restore', '--at', '99999999', '--state', live.cluster.stateDir],
    );
    expect(future).toMatchObject({ code: 1 });
    expect(future.output).toContain('the log ends at sequence');
  }, 120_000);

  test('--into gives a fresh cluster with other shards and other partitions the same rows, users and items', async () => {
    await live.client.ingestFeatures([
      ...Array.from({ length: 100 }, (_unused, i) => ({
        ...{ entity: 'item' as const, id: i },
        features: { year: 1990 + (i % 20), genres: i % 2 === 0 ? 'Comedy' : 'Drama' },
      })),
      ...Array.from({ length: 200 }, (_unused, i) => ({
        ...{ entity: 'user' as const, id: i },
        features: { age: 20 + (i % 50), gender: i % 2 === 0 ? 'F' : 'M' },
      })),
    ]);
    // Of what is told twice, the last counts.
    const again = { entity: 'item' as const, id: 3, features: { year: 1970, genres: 'Comedy' } };
    await live.client.ingestFeatures([again]);
    await live.feed(900);
    await live.settled();
    const rows = [...(await live.digests()).values()].reduce((sum, each) => sum + each.rows, 0);
    for (const shape of [
      { actors: { 'ps-shard': 3 }, partitions: 8 },
      { actors: { 'ps-shard': 2 }, partitions: 6 },
    ]) {
      const other = await start(shape);
      const config = other.writeConfig();
      const { code, output } = await starling(
        ...['restore', '--into', other.cluster.stateDir, '--into-config', config],
        ...['--config', live.writeConfig(), '--state', live.cluster.stateDir],
      );
      expect({ code, output }).toMatchObject({ code: 0 });
      expect(output).toContain('200 users told\n100 items told\n');
      expect(output).toContain('not brought: histories and counts');
      await untilServed(other);
      const copied = [...(await other.digests()).values()];
      expect(copied.reduce((sum, each) => sum + each.rows, 0)).toBe(rows);
      if (shape.partitions === 8) expect(await rowsOf(other)).toEqual(await rowsOf(live));
      await live.until('the copy scores as the original', async () => {
        const asked = { user: 7, candidates: [1, 2, 3, 4] };
        // Each time of both: the newest network may take a second to reach the rankers of either.
        const [copy, original] = await Promise.all(
          [other, live].map(({ client }) => client.rank(asked)),
        );
        return copy!.scores.every((score, i) => Math.abs(score - original!.scores[i]!) < 0.002);
      });
      const { items } = await other.client.recommend({
        ...{ user: 7, k: 100, filter: { genres: 'Comedy' }, log: false },
      });
      expect(items).toHaveLength(51);
      await other.feed(300);
      await other.settled();
      await other.stop();
      running.splice(running.indexOf(other), 1);
    }
  }, 240_000);
});
