import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import path from 'node:path';
import base from '../../cluster.config.js';
import type { RecommendInput } from '../../client/client.js';
import { parseRecommendation } from '../../client/replies.js';
import { bookLines } from '../../cli/event-books.js';
import type { KeptHistory } from '../../core/features/kept-features.js';
import { auc } from '../../core/model/metrics.js';
import { actorsOf } from '../../messages/actor-status.js';
import { decode, encode, protocolVersion } from '../../messages/codec.js';
import { streamName, subject } from '../../messages/default-names.testkit.js';
import { featuresRequest, parseFeaturesReply } from '../../messages/features.js';
import { totalsOf } from '../../messages/stats/totals.js';
import { audit } from '../../operations/audit/audit.js';
import { call } from '../../runtime/idempotent-call.js';
import { connectAs, type NatsBus } from '../../runtime/nats/nats-bus.js';
import { LiveCluster } from '../support/live-cluster.js';
import { clickOf, featuresOf, smallShop, tenFor } from '../support/small-shop.js';
import { jsonOf, starling } from '../support/starling-process.js';

/** A shop of which nothing is shown by us: what its customers do is all that is known. */
const shop = smallShop({ events: 6_000 });
const inferences = ['east', 'west'];
let live: LiveCluster;
let admin: NatsBus;

beforeAll(async () => {
  live = await LiveCluster.start({
    dataCenters: base.dataCenters!,
    features: {
      user: { entity: 'user', kind: 'id' },
      item: { entity: 'item', kind: 'id' },
      category: { entity: 'item', kind: 'id' },
      brand: { entity: 'item', kind: 'id' },
      price: { entity: 'item', kind: 'buckets', boundaries: [20, 40, 60, 80] },
      lately: { entity: 'user', kind: 'history', of: 'category', length: 30 },
      brandsLately: { entity: 'user', kind: 'history', of: 'brand', length: 30 },
      bought: { entity: 'user', kind: 'history', of: 'item', events: ['purchase'], length: 10 },
      sold: { entity: 'item', kind: 'count', events: ['purchase'], normalisation: 'none' },
    },
    events: { view: {}, cart: {}, purchase: { value: 'money' } },
    outcomes: {
      view: { from: ['view', 'cart', 'purchase'] },
      cart: { from: ['cart', 'purchase'], given: 'view' },
      purchase: { given: 'view' },
    },
    score: { view: 1, cart: 2, purchase: 5 },
  });
  admin = await connectAs(live.cluster.access('train', 'admin'), { name: 'audit' });
}, 120_000);
afterAll(async () => {
  await admin?.close();
  await live?.stop();
}, 60_000);

const command = (...args: string[]) =>
  starling(...args, '--state', path.join(live.folder, 'state'));

const counts = () =>
  totalsOf(actorsOf(live.cluster.status().actors, 'joiner'), [
    ...(['actions', 'organicActions', 'historyActions', 'heldActions', 'duplicates'] as const),
    ...(['joinedActions', 'open', 'samples', 'impressions'] as const),
  ])!;

/** In one data center, and nowhere else. */
async function recommendIn(dataCenter: string, request: RecommendInput): Promise<string[]> {
  const asked = { v: protocolVersion, k: 10, log: false, ...request };
  const reply = await call(live.bus, subject.recommendAt(dataCenter), asked, { deadlineMs: 5_000 });
  return parseRecommendation(reply).items.map(({ item }) => item);
}

const everywhere = (request: RecommendInput): Promise<string[][]> =>
  Promise.all(inferences.map((dataCenter) => recommendIn(dataCenter, request)));

async function keptOf(user: string, item: string) {
  const asked = { users: [user], items: [item] };
  const bytes = encode(featuresRequest(asked));
  const reply = await admin.request(subject.featuresGet, bytes, { timeoutMs: 5_000 });
  const { kept } = parseFeaturesReply(decode(reply), asked);
  const historyOf = (name: string): readonly unknown[] =>
    (kept.users[0]?.[name] as KeptHistory | undefined)?.values ?? [];
  return {
    ...{ lately: historyOf('lately'), bought: historyOf('bought') },
    sold: (kept.items[0]?.['sold'] ?? 0) as number,
  };
}

/** How well scores tell what somebody likes more from what he likes less; ties count half. */
function aucOf(scores: readonly number[], likings: readonly number[]): number {
  const median = [...likings].sort((a, b) => a - b)[Math.floor(likings.length / 2)]!;
  return auc(
    Float32Array.from(scores),
    Float32Array.from(likings, (liking) => (liking >= median ? 1 : 0)),
  );
}

describe('a shop', () => {
  test('tells what its customers do, and every event is in one line of the books', async () => {
    await live.client.ingestFeatures(shop.products.map(featuresOf));
    const { events } = shop;
    for (let start = 0; start < events.length; start += 100)
      await live.client.ingestEvents(events.slice(start, start + 100));
    await live.client.ingestEvents(events.slice(0, 50)); // One in 200 comes twice.
    const count = events.length;
    await live.until('all are learned', () => counts().organicActions === count);
    expect(counts()).toMatchObject({ historyActions: 0, heldActions: 0, joinedActions: 0 });
    const number = count.toLocaleString('en-US');
    expect(bookLines(live.cluster.status())).toEqual([
      `events: ${number} = ${number} learned of their own accord`,
      expect.stringMatching(/^came again: [\d,]+$/),
    ]);
    const result = await audit(admin, async () => live.cluster.status(), 20_000);
    expect(result.laws.filter(({ verdict }) => verdict !== 'holds')).toEqual([]);
  }, 120_000);

  test('gets products put into the order in which each customer likes them', async () => {
    const judged = shop.customers.slice(0, 60);
    await live.until('it has learned what they like', async () => {
      const all = await Promise.all(
        judged.map(async (customer, i) => {
          const ten = tenFor(customer, shop, i);
          const candidates = ten.map(({ sku }) => sku);
          const { scores } = await live.client.rank({ user: customer.id, candidates });
          return aucOf(
            scores,
            ten.map((product) => clickOf(customer, product)),
          );
        }),
      );
      // The favourite category alone would say as much.
      return all.reduce((sum, each) => sum + each, 0) / all.length >= 0.8;
    });
    const [customer] = judged;
    const candidates = tenFor(customer!, shop, 0).map(({ sku }) => sku);
    const ranked = await command(
      ...['rank', '--user', customer!.id, '--candidates', candidates.join(), '--json'],
    );
    expect(jsonOf(ranked)).toMatchObject({ candidates, degraded: false });
  }, 120_000);

  test('does not offer what somebody has bought, for as long as it says, and to him alone', async () => {
    const [buyer, other] = shop.customers.slice(1).map(({ id: user }) => ({ user }));
    const exclude = { events: ['purchase'], within: '30d' };
    const item = (await recommendIn('east', { ...buyer!, exclude }))[0]!;
    const before = await keptOf(buyer!.user, item);
    const bought = { ...buyer, item, type: 'purchase', value: 19.9 };
    const told = await command('ingest', 'event', JSON.stringify(bought), '--json');
    expect(jsonOf(told)).toMatchObject({ accepted: 1, warnings: [] });
    const isGone = (lists: string[][]) => lists.every((items) => !items.includes(item));
    await live.until('it is gone everywhere', async () =>
      isGone(await everywhere({ ...buyer!, k: 300, exclude })),
    );
    for (const items of await everywhere({ ...other!, k: 300, exclude: { events: [] } }))
      expect(items).toContain(item);
    await live.until('it is back when the time has passed', async () =>
      (await everywhere({ ...buyer!, k: 300, exclude: { ...exclude, within: '1s' } })).every(
        (items) => items.includes(item),
      ),
    );
    expect(isGone(await everywhere({ ...buyer!, k: 300, exclude }))).toBe(true);
    const answer = await command(
      ...['recommend', '--user', buyer!.user, '--exclude-events', 'purchase', '--within', '30d'],
      ...['--k', '300', '--log', 'false', '--json'],
    );
    expect(JSON.stringify(jsonOf(answer))).not.toContain(`"${item}"`);
    await live.until('it stands in his history and in the count', async () => {
      const { bought: all, sold } = await keptOf(buyer!.user, item);
      return all[0] === item && sold === before.sold + 1;
    });
  }, 60_000);

  test('offers somebody new what he looks at, also a visitor, who is somebody from then on', async () => {
    const teas = shop.products.filter(({ category }) => category === 'Tea').map(({ sku }) => sku);
    const lookAt = async (
      who: { user: string } | { visitor: string },
      items: readonly string[],
    ) => {
      const before = counts();
      await live.client.ingestEvents(items.map((item) => ({ type: 'view', ...who, item })));
      await live.until('the views are learned', () => {
        return counts().organicActions === before.organicActions + items.length;
      });
      expect(counts().impressions).toBe(before.impressions);
      await live.until('he is offered tea', async () =>
        (await everywhere(who)).every(
          (offered) => offered.filter((item) => teas.includes(item)).length >= 5,
        ),
      );
    };
    await lookAt({ user: 'new-1' }, teas.slice(0, 3));
    await lookAt({ visitor: 'v-1' }, teas.slice(3, 6));
    const visitor = 'visitor/v-1';
    const seen = async (who: string) => (await keptOf(who, teas[0]!)).lately;
    await live.until('he has a history', async () => (await seen(visitor)).length === 3);
    expect(await seen(visitor)).toEqual(['Tea', 'Tea', 'Tea']);
    const said = JSON.stringify({ visitor: 'v-1', user: 'new-1' });
    expect((await command('ingest', 'alias', said)).output).toContain('1 event accepted');
    await live.until('both are one', async () => (await seen('new-1')).length === 6);
    await live.until('nothing is the visitor’s', async () => (await seen(visitor)).length === 0);
    for (const items of await everywhere({ user: 'new-1', k: 300 }))
      for (const tea of teas.slice(0, 6)) expect(items).not.toContain(tea);
  }, 60_000);

  test('learns nothing from probes: not an impression is open, no row is another one', async () => {
    const digests = async () =>
      [...(await live.digests())].map(([partition, { digest }]) => [partition, digest]);
    let resting = JSON.stringify(await digests());
    await live.until('all is learned', async () => {
      const last = resting;
      resting = JSON.stringify(await digests());
      return resting === last;
    });
    const logged = () =>
      Promise.all(inferences.map((name) => admin.streamState(streamName.raw(name))));
    const before = await logged();
    const { open, samples, impressions } = counts();
    const users = shop.customers.map(({ id }) => id);
    for (let asked = 0; asked < 500; asked += 20) {
      const some = users.slice(asked % 100).slice(0, 20);
      const answers = await Promise.all(
        some.map((user) => live.client.recommend({ user, log: false })),
      );
      for (const { items, requestId } of answers)
        expect([items.length, requestId]).toEqual([10, '']);
    }
    expect(await logged()).toEqual(before);
    expect(counts()).toMatchObject({ open, samples, impressions });
    expect(JSON.stringify(await digests())).toBe(resting);
  }, 60_000);
});
