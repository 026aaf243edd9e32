import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { ExampleBatch } from '../../core/features/example-batch.js';
import { featureSpecOf } from '../../core/features/feature-spec.js';
import { actorsOf } from '../../messages/actor-status.js';
import { decode, encode } from '../../messages/codec.js';
import { streamName, subject } from '../../messages/default-names.testkit.js';
import { parseImpressions } from '../../messages/events.js';
import { featuresRequest, parseFeaturesReply } from '../../messages/features.js';
import { parseSamples } from '../../messages/samples.js';
import { lastToken } from '../../messages/subjects.js';
import { totalsOf } from '../../messages/stats/totals.js';
import { groupsOf, lettersOf, toldAgain, type LetterGroup } from '../../operations/dead-letters.js';
import { audit } from '../../operations/audit/audit.js';
import { connectAs, type NatsBus } from '../../runtime/nats/nats-bus.js';
import { LiveCluster } from '../support/live-cluster.js';

/** A shop: what people do there is of several types, and mostly follows no slate of ours. */
let live: LiveCluster;
let admin: NatsBus;

beforeAll(async () => {
  live = await LiveCluster.start({
    features: {
      user: { entity: 'user', kind: 'id' },
      item: { entity: 'item', kind: 'id' },
      category: { entity: 'item', kind: 'id' },
      recent: { entity: 'user', kind: 'history', of: 'category', length: 10 },
      views: { entity: 'item', kind: 'count', events: ['view'], normalisation: 'none' },
    },
    events: {
      ...{ view: {}, purchase: { value: 'money' }, refund: { undoes: 'purchase' } },
      dismiss: { negative: true },
    },
    outcomes: { view: { from: ['view', 'purchase'] }, purchase: { given: 'view', window: '1h' } },
    score: { view: 1, purchase: 5 },
    actors: { joiner: 2 },
    ignore: 'event.user.startsWith("staff-")',
  });
  admin = await connectAs(live.cluster.access('train', 'admin'), { name: 'audit' });
  const items = Array.from({ length: 60 }, (_unused, i) => i);
  await live.client.ingestFeatures(
    items.map((i) => ({ entity: 'item', id: `i${i}`, features: { category: `c${i % 3}` } })),
  );
}, 120_000);
afterAll(async () => {
  await admin?.close();
  await live?.stop();
}, 60_000);

const joined = () =>
  totalsOf(actorsOf(live.cluster.status().actors, 'joiner'), [
    ...(['actions', 'organicActions', 'historyActions', 'heldActions', 'duplicates'] as const),
    ...(['joinedActions', 'samples', 'sent', 'received', 'outboxPending'] as const),
  ]);

const impressions = () =>
  totalsOf(actorsOf(live.cluster.status().actors, 'joiner'), ['impressions'])!.impressions;

describe('what people do of their own accord', () => {
  test('is learned: who is into something gets more of it, and nobody showed it to him', async () => {
    const count = 5_000;
    // Each user views the items of one category; some are known as visitors first.
    const events = Array.from({ length: count }, (_unused, n) => {
      const user = n % 6;
      const item = `i${((n * 7) % 20) * 3 + (user % 3)}`;
      const who = user === 4 && n < count / 2 ? { visitor: `v${user}` } : { user: `u${user}` };
      return { type: n % 5 === 0 ? 'purchase' : 'view', ...who, item, id: `e${n}` };
    });
    await live.client.ingestAliases([{ visitor: 'v4', user: 'u4' }]);
    // As they come, some a moment: all at once they would be two dozen steps, after which chance says what is liked.
    for (let start = 0; start < events.length; start += 50) {
      await live.client.ingestEvents(events.slice(start, start + 50));
      await setTimeout(50);
    }
    await live.client.ingestEvents(events.slice(0, 50)); // They are known.
    await live.until('all are learned', () => {
      const now = joined();
      return now?.heldActions === 0 && now.organicActions === count;
    });
    expect(joined()).toMatchObject({ historyActions: 0, joinedActions: 0 });
    // On a busy machine a message may be delivered again, too.
    expect(joined()!.duplicates).toBeGreaterThanOrEqual(50);
    expect(joined()!.samples).toBeGreaterThan(4 * count);

    const shareOf = async (user: string, category: number): Promise<number> => {
      const { items } = await live.client.recommend({ user, k: 10, log: false });
      const own = items.filter(({ item }) => Number(item.slice(1)) % 3 === category);
      return own.length / items.length;
    };
    await live.until('everybody gets what he is into', async () => {
      const users = [0, 1, 2, 3, 4, 5];
      const shares = await Promise.all(users.map((user) => shareOf(`u${user}`, user % 3)));
      return shares.reduce((sum, share) => sum + share, 0) / users.length > 0.6;
    });
  }, 120_000);

  test('joins a slate where it follows one, and balances in the books', async () => {
    const before = joined()!;
    const visitor = 'v100';
    const slate = await live.client.recommend({ visitor, k: 5 });
    expect(slate.items).toHaveLength(5);
    for (const { score, outcomes } of slate.items) {
      const { view, purchase } = outcomes!;
      expect(score).toBeCloseTo(view! + 5 * purchase!, 4);
      // What is bought was looked at: its chance is a share of that.
      expect(purchase).toBeLessThanOrEqual(view!);
    }
    await live.client.ingestEvents([
      { type: 'view', visitor, item: slate.items[0]!.item },
      { type: 'view', item: slate.items[1]!.item, requestId: slate.requestId },
      // He has logged in, and the slate is of the visitor.
      {
        type: 'view',
        user: 'u100',
        visitor,
        item: slate.items[2]!.item,
        requestId: slate.requestId,
      },
      { type: 'dismiss', visitor, item: slate.items[3]!.item },
      { type: 'refund', user: 'u1', item: 'i1', order: 'o1' },
    ]);
    await live.until('all are joined, and one is of a purchase that nobody knows', () => {
      const now = joined()!;
      const news = now.historyActions - before.historyActions;
      return now.heldActions === 0 && news === 1 && now.joinedActions === before.joinedActions + 4;
    });
    const result = await audit(admin, async () => live.cluster.status(), 20_000);
    expect(result.laws.filter(({ verdict }) => verdict !== 'holds')).toEqual([]);
  }, 120_000);

  test('is known in each data center a moment later, and is not offered again', async () => {
    const user = 'h1';
    const everywhere = async (exclude?: { events: string[] }) => {
      const answers = ['east', 'west'].map((from) =>
        live.client.recommend({ user, k: 60, log: false, from, exclude }),
      );
      return (await Promise.all(answers)).map(({ items }) => items.map(({ item }) => item));
    };
    for (const items of await everywhere()) expect(items).toContain('i7');
    await live.client.ingestEvents([{ type: 'view', user, item: 'i7' }]);
    await live.until('it is left out', async () => {
      return (await everywhere()).every((items) => items.length === 59 && !items.includes('i7'));
    });
    for (const items of await everywhere({ events: ['purchase'] })) expect(items).toContain('i7');
  }, 60_000);

  test('of an account that is merged is that of the other one from then on', async () => {
    const [from, to] = ['old1', 'new1'];
    const leftOut = async (user: string) => {
      const { items } = await live.client.recommend({ user, k: 60, log: false });
      const shown = new Set(items.map(({ item }) => item));
      return ['i8', 'i9', 'i10'].filter((item) => !shown.has(item));
    };
    await live.client.ingestEvents([{ type: 'view', user: from, item: 'i8' }]);
    await live.until('it is known', async () => (await leftOut(from)).length === 1);
    expect(await leftOut(to)).toEqual([]);
    const { requestId } = await live.client.recommend({ user: from, k: 1, candidates: ['i9'] });
    for (let i = 0; i < 2; i++) await live.client.ingestMerges([{ from, to }]);
    await live.until('it went over', async () => (await leftOut(to)).includes('i8'));
    const before = joined()!;
    await live.client.ingestEvents([
      { type: 'view', user: to, item: 'i9', requestId },
      { type: 'view', user: from, item: 'i10' },
    ]);
    await live.until('both names are one', async () => {
      const all = await Promise.all([leftOut(to), leftOut(from)]);
      return all.every((items) => items.length === 3);
    });
    await live.until('what was open went along', () => {
      const now = joined()!;
      return now.joinedActions === before.joinedActions + 1 && now.heldActions === 0;
    });
  }, 60_000);

  test('is learned as it was when it was shown, whatever came since', async () => {
    const spec = featureSpecOf(live.cluster.config.features);
    const views = spec.dense.find(({ name }) => name === 'views')!.index;
    const viewsIn = ({
      requestIds,
      examples,
    }: {
      requestIds: readonly string[];
      examples: ExampleBatch;
    }) => requestIds.map((id, i) => [id, examples.dense[i * spec.denseWidth + views]!] as const);
    const shown: (readonly [id: string, views: number])[] = [];
    const learned: (readonly [id: string, views: number])[] = [];
    const { samples, raw } = streamName;
    const tails = await Promise.all([
      admin.tail({ stream: raw('east') }, ({ subject: told, bytes }) => {
        if (lastToken(told) === 'impression')
          shown.push(...viewsIn(parseImpressions(decode(bytes), spec)));
      }),
      admin.tail({ stream: samples }, ({ bytes }) => {
        learned.push(...viewsIn(parseSamples(decode(bytes), spec)));
      }),
    ]);
    const of = (all: typeof shown): number[] =>
      all.filter(([id]) => id === requestId).map(([, n]) => n);
    const candidates = ['i50'];
    const before = impressions();
    const { requestId } = await live.client.recommend({ user: 'h2', k: 1, candidates });
    const others = Array.from({ length: 20 }, (_unused, n) => `h${10 + n}`);
    await live.client.ingestEvents(others.map((user) => ({ type: 'view', user, item: 'i50' })));
    const countOf = async (): Promise<number> => {
      const message = encode(featuresRequest({ users: [], items: candidates }));
      const reply = await admin.request(subject.featuresGet, message, { timeoutMs: 5_000 });
      const { kept } = parseFeaturesReply(decode(reply), { users: [], items: candidates });
      return kept.items[0]!['views'] as number;
    };
    await live.until('it was shown', () => of(shown).length === 1);
    await live.until(
      'others have viewed it since',
      async () => (await countOf()) >= of(shown)[0]! + 20,
    );
    await live.client.ingestEvents([{ type: 'view', user: 'h2', item: 'i50', requestId }]);
    await live.until('it is learned', () => of(learned).length === 1);
    expect(of(learned)).toEqual(of(shown));
    await live.until('it is counted', () => impressions() === before + 1);
    await Promise.all(tails.map((tail) => tail.stop()));
  }, 60_000);

  test('is nothing where it is staff who does it, and nor is what they are shown', async () => {
    const names = ['impressions', 'open', 'ignoredImpressions', 'ignoredActions'] as const;
    const now = () => totalsOf(actorsOf(live.cluster.status().actors, 'joiner'), names)!;
    const before = now();
    const { requestId, items } = await live.client.recommend({ user: 'staff-1', k: 5 });
    expect(items).toHaveLength(5);
    const { item } = items[0]!;
    await live.client.ingestEvents([{ type: 'view', user: 'staff-1', item, requestId }]);
    await live.client.ingestImpressions([{ requestId: 'by hand', user: 'staff-2', item }]);
    await live.until('all are ignored', () => {
      const { ignoredImpressions, ignoredActions, impressions: all } = now();
      return (
        ignoredImpressions === before.ignoredImpressions + 6 &&
        ignoredActions === before.ignoredActions + 1 &&
        all === before.impressions + 6
      );
    });
    const [processor] = actorsOf(live.cluster.status().actors, 'processor');
    await live.until('the last is told', () => {
      const { stats } = live.actorOf('processor', processor!.address);
      return stats.ignored === 7 && stats.ignoredExample === `ignore: ${item} shown to staff-2`;
    });
    const result = await audit(admin, async () => live.cluster.status(), 20_000);
    expect(result.laws.filter(({ verdict }) => verdict !== 'holds')).toEqual([]);
  }, 60_000);

  test('leaves nothing behind where it is a probe', async () => {
    const before = impressions();
    for (let i = 0; i < 20; i++) {
      const answer = await live.client.recommend({ user: 'u1', k: 5, log: false });
      expect([answer.items.length, answer.requestId]).toEqual([5, '']);
    }
    const { requestId, items } = await live.client.recommend({ user: 'u1', k: 4, log: 'shown' });
    await live.client.ingestShown([{ requestId, items: [items[0]!.item] }]);
    await live.until('the slate has come', () => impressions() >= before + 4);
    expect(impressions()).toBe(before + 4);
  }, 60_000);

  test('that can not be used is listed with its reason, and can be told again', async () => {
    const bad = { type: 'wiew', user: 'u1', item: 'i1' };
    await live.client.ingestEvents([bad, { ...bad, type: 'view', context: { device: 'phone' } }]);
    let groups: LetterGroup[] = [];
    await live.until('both are dead letters', async () => {
      groups = groupsOf(await lettersOf(admin));
      return groups.length === 2;
    });
    expect(groups.map(({ code }) => code).sort()).toEqual(['BAD_EVENT', 'UNKNOWN_FEATURE']);
    expect(groups.find(({ code }) => code === 'BAD_EVENT')!.example).toMatchObject({
      message: expect.stringContaining('did you mean "view"?'),
      content: bad,
    });
    const again = toldAgain(await lettersOf(admin)).get('event') as { id: string }[];
    expect(again.map(({ id }) => id)).toEqual([
      expect.stringMatching(/^east:\d+\.0$/),
      expect.stringMatching(/^east:\d+\.1$/),
    ]);
  }, 60_000);
});
