import { beforeAll, describe, expect, test } from '@jest/globals';
import type { EventInput } from '../../client/ingest.js';
import type { StarlingClient } from '../../client/client.js';
import { clockLines } from '../../cli/clock-lines.js';
import { bookLines } from '../../cli/event-books.js';
import { actorsOf } from '../../messages/actor-status.js';
import { totalsOf } from '../../messages/stats/totals.js';
import { SimulatedWorld } from '../support/simulated-world.js';

const seed = Number(process.env['SEED'] ?? 1);
const windowMs = 60_000;
const latenessMs = 5_000;

/** Events as people and their programs really tell them, to a cluster that nobody else uses. */
let world: SimulatedWorld;
let east: StarlingClient;
let west: StarlingClient;

beforeAll(async () => {
  const joining = { windowMs, latenessMs };
  world = await SimulatedWorld.start({ seed, joining, everyMs: Infinity });
  [east, west] = [world.client('east'), world.client('west')];
}, 60_000);

const joined = () =>
  totalsOf(actorsOf(world.status().actors, 'joiner'), [
    ...(['actions', 'joinedActions', 'organicActions', 'orphanActions', 'lateActions'] as const),
    ...(['heldActions', 'impressions', 'lateImpressions', 'positives', 'negatives'] as const),
    ...(['open', 'samples'] as const),
  ])!;

/** How much each has grown since. */
function since(before: ReturnType<typeof joined>): Record<keyof typeof before, number> {
  const now = Object.entries(joined()) as [keyof typeof before, number][];
  const grown = now.map(([name, count]) => [name, count - before[name]] as const);
  return Object.fromEntries(grown) as Record<keyof typeof before, number>;
}

const nowS = (): number =>
  world.cluster.connect(world.process('train.joiner.0').process, 'train').clock.wallMs() / 1_000;
const offeredTo = async (client: StarlingClient, user: string, k = 30): Promise<string[]> => {
  const { items } = await world.run(client.recommend({ user, k, log: false }));
  return items.map(({ item }) => item);
};

describe('one of ten clocks', () => {
  test.each([59, 61])(
    'that is %d minutes ahead loses nobody’s clicks, closes nothing, and is named',
    async (minutes) => {
      const before = joined();
      const atS = nowS() - 15;
      const senders = Array.from({ length: 10 }, (_unused, i) => i).reverse();
      const slate = await world.run(west.recommend({ user: 'u1', k: 4 }));
      for (const i of senders) {
        const timestamp = atS + (i === 9 ? minutes * 60 : 0);
        const requestId = `clock-${minutes}-${i}`;
        await world.run(
          east.ingestImpressions([{ requestId, user: `sender-${i}`, item: `i${i}`, timestamp }]),
        );
      }
      await world.pass(2_000);
      for (const i of senders.slice(1))
        await world.run(
          east.ingestEvents([
            { requestId: `clock-${minutes}-${i}`, item: `i${i}`, label: 1, timestamp: atS + 10 },
          ]),
        );
      await world.until('all clicks have come', () => since(before).actions === 9);
      expect(since(before)).toMatchObject({
        ...{ impressions: 14, joinedActions: 9, positives: 9, negatives: 0, open: 5 },
        ...{ lateActions: 0, lateImpressions: 0, orphanActions: 0 },
      });
      expect(clockLines(world.status()).join()).toContain(`user sender-9 ${minutes} min`);
      // The slate that was open before goes on, too.
      const { requestId, items } = slate;
      await world.run(east.ingestEvents([{ requestId, item: items[0]!.item }]));
      await world.until('it is joined', () => since(before).joinedActions === 10);
    },
    60_000,
  );

  test('that is behind loses no click either', async () => {
    const before = joined();
    const { requestId, items } = await world.run(east.recommend({ user: 'u2', k: 2 }));
    const timestamp = nowS() - 3_540;
    await world.pass(1_000);
    await world.run(
      east.ingestEvents([
        { requestId, item: items[0]!.item, timestamp },
        { user: 'u2', item: 'i29', timestamp },
      ]),
    );
    await world.until('both are learned', () => since(before).organicActions === 1);
    expect(since(before)).toMatchObject({ joinedActions: 1, positives: 1, lateActions: 0 });
  }, 60_000);
});

describe('events without a request', () => {
  test('are learned, kept, and not offered again, in every data center', async () => {
    const before = joined();
    for (const client of [east, west])
      expect(await offeredTo(client, 'organic-1')).toEqual(expect.arrayContaining(['i1', 'i2']));
    const events: EventInput[] = [
      { user: 'organic-1', item: 'i1', label: 1 },
      { user: 'organic-1', item: 'i2', type: 'purchase', value: 19.9 },
    ];
    await world.run(east.ingestEvents(events));
    await world.until('both are learned', () => since(before).organicActions === 2);
    for (const client of [east, west]) {
      const offered = await offeredTo(client, 'organic-1');
      expect(offered).toHaveLength(28);
      expect(offered).not.toContain('i1');
      expect(offered).not.toContain('i2');
    }
  }, 60_000);
});

describe('what was liked', () => {
  test('does not come back within a second, whichever data center answers', async () => {
    const { requestId, items } = await world.run(east.recommend({ user: 'liker', k: 5 }));
    const liked = items.map(({ item }) => item);
    expect(liked).toHaveLength(5);
    await world.run(east.ingestEvents(liked.map((item) => ({ requestId, item }))));
    await world.pass(1_000);
    for (const client of [east, west])
      for (const item of await offeredTo(client, 'liker')) expect(liked).not.toContain(item);
    expect(await offeredTo(east, 'another')).toEqual(expect.arrayContaining(liked));
  }, 60_000);
});

describe('a probe', () => {
  test('leaves nothing: no impression, no sample, and no record in the logs of events', async () => {
    const { servers, names } = world.cluster;
    const logs = [
      names.stream.samples,
      names.stream.activity,
      ...['east', 'west'].map(names.stream.raw),
    ];
    const ends = () => logs.map((name) => servers.stream(name).state().lastSequence);
    await world.until('nothing is open', () => joined().open === 0, 2 * windowMs);
    await world.pass(3_000);
    const [before, logged] = [joined(), ends()];
    for (let i = 0; i < 100; i++) {
      const answer = await world.run(
        (i % 2 ? east : west).recommend({ user: `probe-${i}`, k: 5, log: false }),
      );
      expect([answer.items.length, answer.requestId]).toEqual([5, '']);
      await world.run(east.rank({ user: `probe-${i}`, candidates: ['i1', 'i2'] }));
    }
    await world.pass(1_000);
    expect(ends()).toEqual(logged);
    expect(since(before)).toMatchObject({ impressions: 0, open: 0, samples: 0 });
  }, 60_000);
});

describe('events on requests that nobody knows', () => {
  test('are learned of who is named; of nobody they are told, by the thousand, and hold nobody up', async () => {
    const before = joined();
    const count = 3_000;
    const unknown = Array.from({ length: count }, (_unused, n) => ({
      ...{ requestId: `gone-${n}`, item: `i${n % 30}`, label: 1 as const },
    }));
    const { servers, names } = world.cluster;
    const letters = () => servers.stream(names.stream.deadLetter).state().messages;
    const lettersBefore = letters();
    for (let start = 0; start < count; start += 100)
      await world.run(east.ingestEvents(unknown.slice(start, start + 100)));
    await world.run(
      east.ingestEvents([{ requestId: 'gone-from-u3', user: 'u3', item: 'i3', label: 1 }]),
    );
    await world.until('all wait', () => since(before).heldActions === count + 1);
    expect(bookLines(world.status()).join('\n')).toContain(
      `${joined().heldActions.toLocaleString('en-US')} wait`,
    );
    // Meanwhile, until after they are given up, somebody clicks.
    let clicks = 0;
    await world.until(
      'they are given up',
      () => since(before).orphanActions === count,
      2 * windowMs,
    );
    const { requestId, items } = await world.run(east.recommend({ user: 'u4', k: 5 }));
    for (const { item } of items) {
      await world.run(east.ingestEvents([{ requestId, item }]));
      clicks++;
      await world.until('it is learned', () => since(before).joinedActions === clicks, 2_000);
    }
    expect(since(before)).toMatchObject({ organicActions: 1, orphanActions: count });
    // Thousands of letters are a few messages.
    expect(letters() - lettersBefore).toBeLessThan(20);
    expect(bookLines(world.status()).join('\n')).toMatch(
      /3,000 of no slate and nobody known \(dead letters\)/,
    );
    expect(await world.wrongAfter(60_000)).toBeUndefined();
  }, 120_000);
});
