import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import base from '../../cluster.config.js';
import { bookLines } from '../../cli/event-books.js';
import type { RecommendInput } from '../../client/client.js';
import { parseRecommendation } from '../../client/replies.js';
import { codeOf, errorCodes, messageOf } from '../../core/base/errors.js';
import { loadClusterConfig } from '../../core/config/load.js';
import type { ClusterConfigInput } from '../../core/config/schema.js';
import type { KeptHistory } from '../../core/features/kept-features.js';
import { auc } from '../../core/model/metrics.js';
import { actorsOf } from '../../messages/actor-status.js';
import { decode, encode, protocolVersion } from '../../messages/codec.js';
import { streamName, subject } from '../../messages/default-names.testkit.js';
import { featuresRequest, parseFeaturesReply } from '../../messages/features.js';
import { totalsOf } from '../../messages/stats/totals.js';
import { audit } from '../../operations/audit/audit.js';
import type { OutcomeJudgement } from '../../operations/import/import-judge.js';
import type { ImportReport } from '../../operations/import/import-report.js';
import { call } from '../../runtime/idempotent-call.js';
import { connectAs, type NatsBus } from '../../runtime/nats/nats-bus.js';
import { LiveCluster } from '../support/live-cluster.js';
import { type ShopFiles, writeShopFiles } from '../support/shop-files.js';
import { type Customer, clickOf, smallShop, tenFor, viewOf } from '../support/small-shop.js';
import { jsonOf, starling, temporaryFolder } from '../support/starling-process.js';

/**
 * From three files to recommendations, as somebody with a shop of his own goes: every step of it, one after the other, in one cluster. The
 * shop is another one with STARLING_SHOP_SEED; STARLING_SHOP_PROBES=10000 asks as often as a monitor does in some hours.
 */
const seed = Number(process.env['STARLING_SHOP_SEED'] ?? 1);
const probes = Number(process.env['STARLING_SHOP_PROBES'] ?? 400);
const shop = smallShop({ seed, customers: 300, products: 800, events: 10_000 });
const inferences = ['east', 'west'];
const { folder, remove } = temporaryFolder();
const configFile = path.join(folder, 'shop.config.ts');
const cache = ['--cache', path.join(folder, 'cache')];
let written: ShopFiles;
let told: { readonly init: string; readonly dryRun: Record<string, unknown> };
let judged: readonly OutcomeJudgement[] = [];
let live: LiveCluster;
let admin: NatsBus;

beforeAll(async () => {
  written = writeShopFiles(shop, seed, folder);
  const init = ['--name', 'starling', '--out', configFile, ...cache];
  const made = await starling('init', ...written.files, ...init);
  const dry = ['--dry-run', '--json', '--config', configFile, ...cache];
  const dryRun = jsonOf(await starling('import', ...written.files, ...dry));
  told = { init: made.output, dryRun: dryRun as Record<string, unknown> };
  const config = await loadClusterConfig(configFile);
  const { features, attributes, events, outcomes, score, currency, files } = config;
  const said = { features, attributes, events, outcomes, score, currency, files };
  live = await LiveCluster.start({
    ...(JSON.parse(JSON.stringify(said)) as Partial<ClusterConfigInput>),
    ...{ dataCenters: base.dataCenters!, joining: { partitions: 2 } },
  });
  admin = await connectAs(live.cluster.access('train', 'admin'), { name: 'audit' });
}, 180_000);
afterAll(async () => {
  await admin?.close();
  await live?.stop();
  remove();
}, 60_000);

const command = (...args: string[]) => starling(...args, '--state', live.cluster.stateDir);
const importOf = () => ['import', ...written.files, '--config', configFile, ...cache];

const counts = () =>
  totalsOf(actorsOf(live.cluster.status().actors, 'joiner'), [
    ...(['actions', 'passedActions', 'organicActions', 'historyActions', 'heldActions'] as const),
    ...(['open', 'samples', 'impressions'] as const),
  ])!;

const imported = (): number => {
  const lanes = actorsOf(live.cluster.status().actors, 'joiner').map(({ stats }) => stats.lanes);
  return lanes.reduce((sum, lane) => sum + (lane?.['import']?.['organicActions'] ?? 0), 0);
};

/** In one data center, and nowhere else. */
async function offeredIn(dataCenter: string, request: RecommendInput) {
  const asked = { v: protocolVersion, k: 10, log: false, ...request };
  const reply = await call(live.bus, subject.recommendAt(dataCenter), asked, { deadlineMs: 5_000 });
  return parseRecommendation(reply).items;
}

async function everywhere(request: RecommendInput): Promise<string[][]> {
  const all = await Promise.all(inferences.map((each) => offeredIn(each, request)));
  return all.map((items) => items.map(({ item }) => item));
}

async function historyOf(user: string, name: string): Promise<readonly unknown[]> {
  const asked = { users: [user], items: [] };
  const bytes = encode(featuresRequest(asked));
  const reply = await admin.request(subject.featuresGet, bytes, { timeoutMs: 5_000 });
  const { kept } = parseFeaturesReply(decode(reply), asked);
  return (kept.users[0]?.[name] as KeptHistory | undefined)?.values ?? [];
}

/** What the model says of ten products for each of some customers. */
function scoresOf(customers: readonly Customer[]): Promise<(readonly number[])[]> {
  return Promise.all(
    customers.map(async (customer, i) => {
      const candidates = tenFor(customer, shop, i).map(({ sku }) => sku);
      return (await live.client.rank({ user: customer.id, candidates })).scores;
    }),
  );
}

async function digests(): Promise<string> {
  const all = [...(await live.digests())].sort(([a], [b]) => a - b);
  return JSON.stringify(all.map(([partition, { digest }]) => [partition, digest]));
}

/** When nothing is on its way. */
async function restingDigests(): Promise<string> {
  let resting = await digests();
  await live.until('all is learned', async () => {
    const last = resting;
    await new Promise((resolve) => setTimeout(resolve, 500));
    resting = await digests();
    return resting === last;
  });
  return resting;
}

async function expectBalanced(): Promise<void> {
  const result = await audit(admin, async () => live.cluster.status(), 30_000);
  expect(result.laws.filter(({ verdict }) => verdict !== 'holds')).toEqual([]);
}

const number = (count: number): string => count.toLocaleString('en-US');
const ofCategory = (name: string): string[] =>
  shop.products.filter(({ category }) => category === name).map(({ sku }) => sku);
const categoryOf = new Map(shop.products.map(({ sku, category }) => [sku, category]));

describe('from the files of a shop to its recommendations', () => {
  test('1: a configuration is made of them, with the reason beside what is not plain', () => {
    const text = readFileSync(configFile, 'utf8');
    expect(told.init).toContain(
      'events; id = event_id, timestamp = timestamp, user = customer_id, visitor = session_id, item = sku, type = event, value = value',
    );
    expect(told.init).toContain(`starling import --config ${configFile}`);
    expect(live.cluster.config).toMatchObject({
      features: {
        ...{ user: { kind: 'id' }, item: { kind: 'id' }, category: { entity: 'item' } },
        ...{ price: { kind: 'buckets' }, tier: { kind: 'vocabulary' } },
        ...{ recentItem: { kind: 'history' }, recentCategory: { kind: 'history' } },
      },
      attributes: { item: { title: 'text', stock: 'number', description: 'text' } },
      events: { purchase: { value: 'money' }, dismiss: { negative: true } },
      outcomes: { view: {}, cart: { given: 'view' }, purchase: { given: 'view' } },
    });
    expect(text).toMatch(/stock: 'number', \/\/ No feature: it changes by the hour/);
  });

  test('2: before there are any items nothing is recommended, which is said', async () => {
    const { output, code } = await command('recommend', '--user', shop.customers[0]!.id);
    expect([code, output]).toEqual([0, expect.stringContaining('warning: there are no items')]);
    expect(live.cluster.config.features).not.toHaveProperty('genres');
  });

  test('3: the dry run has counted what was written', () => {
    const { rows, byType, ...truth } = written.truth;
    expect(told.dryRun['counts']).toMatchObject({
      ...truth,
      ...{ eventRows: rows, byType, refused: 0, timeless: 0 },
      ...{ items: shop.products.length, users: shop.customers.length },
    });
  });

  test('4, 6, 7: all comes in once, beside live clicks, whoever is killed meanwhile', async () => {
    const { truth } = written;
    let clicks = 0;
    let isOver = false;
    const refusals: string[] = [];
    const clicking = (async () => {
      while (!isOver) {
        const user = `guest-${clicks % 20}`;
        const { items } = await live.client
          .recommend({ user, k: 3, log: false })
          .catch((error: unknown) => {
            // On a busy machine some come too late; nothing else may be.
            if (!errorCodes[codeOf(error)].retryable) refusals.push(messageOf(error));
            return { items: [] };
          });
        const item = items[0]?.item ?? shop.products[0]!.sku;
        await live.client.ingestEvents([{ type: 'view', user, item }]);
        clicks++;
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
    })();
    const killed = beginImport();
    await live.until('some of it is learned', () => imported() > 0);
    killed.kill('SIGKILL');
    await once(killed, 'exit');
    const joiner = actorsOf(live.cluster.status().actors, 'joiner')[0]!;
    const again = command(...importOf(), '--json');
    process.kill(joiner.pid!, 'SIGKILL');
    const report = jsonOf(await again) as ImportReport;
    ({ judged } = report);
    isOver = true;
    await clicking;
    const dismissed = truth.byType['dismiss']!;
    const learned = truth.events - dismissed;
    expect(report).toMatchObject({
      ...{ wentOn: true, learned, known: 0, aliases: truth.aliases },
      notLearned: [{ events: dismissed, reason: expect.stringMatching(/^a dismissal/) }],
      rows: { eventRows: truth.rows, events: truth.events, repeated: truth.repeated },
    });
    await live.until('figures of joiners have come', () => imported() === learned);
    expect(bookLines(live.cluster.status())).toContain(
      `imported: ${number(truth.events)} = ${number(learned)} learned of their own accord + ${number(dismissed)} not learned`,
    );
    const all = number(truth.events + clicks);
    await live.until('live clicks are learned', () =>
      bookLines(live.cluster.status()).some((line) => line.startsWith(`events: ${all} = `)),
    );
    // Neither clock has made the other's events late.
    const lanes = actorsOf(live.cluster.status().actors, 'joiner').map(({ stats }) => stats.lanes);
    for (const lane of lanes)
      for (const { lateActions, orphanActions } of Object.values(lane ?? {}))
        expect([lateActions, orphanActions]).toEqual([0, 0]);
    expect(refusals).toEqual([]);
    await expectBalanced();
  }, 240_000);

  test('9: the report says how well the last tenth was known before it was learned', () => {
    const named = Object.fromEntries(judged.map(({ outcome, ...said }) => [outcome, said]));
    expect(Object.keys(named)).toEqual(['view', 'cart', 'purchase']);
    // Whoever knows each taste can't tell what is chosen from what others choose by chance.
    const known = (auc: number) => (auc - 0.5) / (ceilingOf(shop) - 0.5);
    expect(known(named['view']!.auc)).toBeGreaterThan(0.7);
    for (const outcome of ['cart', 'purchase'])
      expect(known(named[outcome]!.auc)).toBeGreaterThan(0.7);
    expect(named['view']!.calibration).toBeGreaterThan(0.8);
    expect(named['view']!.calibration).toBeLessThan(1.25);
  });

  test('5: a second time nothing is learned, and no row is another one', async () => {
    const before = await restingDigests();
    const second = await command(...importOf());
    expect(second.code).toBe(0);
    const { rows } = written.truth;
    expect(second.output).toContain(`${number(rows)} repeated, nothing learned`);
    expect(await digests()).toBe(before);
  }, 60_000);

  test('another configuration than that of the cluster is refused by name, before anything is sent', async () => {
    const other = path.join(folder, 'other.config.json');
    const { features, ...config } = live.cluster.config;
    const { brand, recentBrand, oftenBrand, ...rest } = features;
    void [brand, recentBrand, oftenBrand];
    writeFileSync(other, JSON.stringify({ ...config, features: rest }));
    const refused = await command('import', ...written.files, '--config', other, ...cache);
    expect([refused.code, refused.output]).toEqual([
      1,
      expect.stringMatching(/other features .* than this configuration/),
    ]);
    // What such a change would be is said before.
    const plan = await command('config', 'plan', other);
    expect(plan.output).toContain('brand');
  }, 60_000);

  test('8: who bought is offered what he likes; who never came what others do', async () => {
    const bought = new Map<string, number>();
    for (const { type, user } of shop.events as readonly { type: string; user: string }[])
      if (type === 'purchase') bought.set(user, (bought.get(user) ?? 0) + 1);
    const buyers = shop.customers.filter(({ id }) => (bought.get(id) ?? 0) >= 3).slice(0, 60);
    const shares: number[] = [];
    for (const { id: user, favourites } of buyers) {
      const attributes = ['title', 'category'];
      const { items } = await live.client.recommend({ user, k: 10, log: false, attributes });
      for (const { item, attributes: shown } of items)
        expect(shown).toMatchObject({ category: categoryOf.get(item), title: expect.any(String) });
      const liked = items.filter(({ item }) => favourites.includes(categoryOf.get(item)!));
      shares.push(liked.length / 10);
    }
    expect(shares.reduce((sum, each) => sum + each, 0) / shares.length).toBeGreaterThan(0.7);
    const { items } = await live.client.recommend({ user: 'never-seen', log: false, k: 10 });
    expect(items).toHaveLength(10);
  }, 60_000);

  test('10: products come into the order in which each customer likes them', async () => {
    const judged = shop.customers.slice(0, 60);
    const scores = await scoresOf(judged);
    const areas = judged.map((customer, i) => {
      const likings = tenFor(customer, shop, i).map((product) => clickOf(customer, product));
      const median = [...likings].sort((a, b) => a - b)[5]!;
      const labels = Float32Array.from(likings, (liking) => (liking >= median ? 1 : 0));
      return auc(Float32Array.from(scores[i]!), labels);
    });
    expect(areas.reduce((sum, each) => sum + each, 0) / areas.length).toBeGreaterThan(0.75);
    const [customer] = judged;
    const candidates = tenFor(customer!, shop, 0).map(({ sku }) => sku);
    const ranked = await command(
      ...['rank', '--user', customer!.id, '--candidates', candidates.join(), '--json'],
    );
    expect(jsonOf(ranked)).toMatchObject({ candidates, degraded: false });
  }, 60_000);

  test('11, 15, 16: products come, change in part, hide, go and come back, in every data center', async () => {
    const tea = { category: 'Tea', brand: 'Tea 1', price: 9.5, title: 'Erster Tee' };
    const set = await command('items', 'set', 'new-1', JSON.stringify({ attributes: tea }));
    expect(set).toEqual({ code: 0, output: 'new-1 is as told\n' });
    const shown = async (dataCenter: string) => {
      const filter =
        'item.category == "Tea" && item.brand == "Tea 1" && item.title == "Erster Tee"';
      const attributes = ['title', 'price', 'stock', 'brand', 'category'];
      const [first] = await offeredIn(dataCenter, { user: 'u', filter, attributes });
      return first?.attributes;
    };
    const isEverywhere = (what: string, expected: object | undefined) =>
      live.until(what, async () => {
        const all = await Promise.all(inferences.map(shown));
        return all.every(
          (each) => JSON.stringify(sorted(each)) === JSON.stringify(sorted(expected)),
        );
      });
    await isEverywhere('it is found', tea);
    const lovers = shop.customers.filter(({ favourites }) => favourites.includes('Tea'));
    await live.until('it is before people who like such, without a filter', async () => {
      const some = lovers.slice(0, 20).map(({ id: user }) => ({ user, k: 50 }));
      const lists = await Promise.all(some.map((request) => offeredIn('east', request)));
      return lists.filter((items) => items.some(({ item }) => item === 'new-1')).length >= 2;
    });
    expect((await command('items', 'patch', 'new-1', '{"price":4.25}')).code).toBe(0);
    await isEverywhere('its price alone is another', { ...tea, price: 4.25 });
    const wrong = await command('items', 'patch', 'new-1', '{"price":"cheap"}');
    expect(wrong.output).toContain('left out: price:');
    expect((await command('items', 'hide', 'new-1')).code).toBe(0);
    await isEverywhere('it is hidden', undefined);
    expect((await command('items', 'delete', 'new-1')).code).toBe(0);
    const before = counts().organicActions;
    await live.client.ingestEvents([{ type: 'view', user: 'guest-1', item: 'new-1' }]);
    await live.until('a view of it counts', () => counts().organicActions > before);
    await isEverywhere('it is not back for that', undefined);
    await command('items', 'set', 'new-1', JSON.stringify(tea));
    await isEverywhere('it is told again', tea);
  }, 120_000);

  test('12: what somebody bought is not offered to him, for as long as it says, and to him alone', async () => {
    const [buyer, other] = shop.customers.slice(1).map(({ id: user }) => ({ user }));
    const exclude = { events: ['purchase'], within: '30d' };
    const item = (await everywhere({ ...buyer!, exclude }))[0]![0]!;
    const bought = { ...buyer, item, type: 'purchase', value: 19.9 };
    const sent = await command('events', 'send', JSON.stringify(bought), '--json');
    expect(jsonOf(sent)).toMatchObject({ accepted: 1, warnings: [] });
    const isGone = (lists: string[][]) => lists.every((items) => !items.includes(item));
    const all = { ...buyer!, k: 900 };
    await live.until('it is gone everywhere', async () =>
      isGone(await everywhere({ ...all, exclude })),
    );
    for (const items of await everywhere({ ...other!, k: 900, exclude: { events: [] } }))
      expect(items).toContain(item);
    await live.until('it is back when the time has passed', async () =>
      (await everywhere({ ...all, exclude: { ...exclude, within: '1s' } })).every((items) =>
        items.includes(item),
      ),
    );
    await live.until('it stands in his history', async () => {
      return (await historyOf(buyer!.user, 'recentItem'))[0] === item;
    });
  }, 60_000);

  test('13, 14: who is new is offered what he looks at; so is a visitor, who is somebody from then on', async () => {
    const teas = ofCategory('Tea').slice(0, 6);
    const lookAt = async (
      who: { user: string } | { visitor: string },
      items: readonly string[],
    ) => {
      const { organicActions, impressions } = counts();
      await live.client.ingestEvents(items.map((item) => ({ type: 'view', ...who, item })));
      await live.until('the views are learned', () => {
        return counts().organicActions >= organicActions + items.length;
      });
      expect(counts().impressions).toBe(impressions);
      await live.until('he is offered tea', async () =>
        (await everywhere(who)).every(
          (offered) => offered.filter((item) => categoryOf.get(item) === 'Tea').length >= 5,
        ),
      );
    };
    await lookAt({ user: 'somebody-new' }, teas.slice(0, 3));
    await lookAt({ visitor: 'v-1' }, teas.slice(3));
    const lately = (who: string) => historyOf(who, 'recentCategory');
    await live.until('he has a history', async () => (await lately('visitor/v-1')).length === 3);
    const said = JSON.stringify({ visitor: 'v-1', user: 'somebody-new' });
    expect((await command('ingest', 'alias', said)).output).toContain('1 event accepted');
    await live.until('both are one', async () => (await lately('somebody-new')).length === 6);
    await live.until('nothing is the visitor’s', async () => {
      return (await lately('visitor/v-1')).length === 0;
    });
    for (const items of await everywhere({ user: 'somebody-new', k: 900 }))
      for (const tea of teas) expect(items).not.toContain(tea);
  }, 120_000);

  test(
    '17: probes teach nothing: not an impression is open, no row is another one',
    async () => {
      const resting = await restingDigests();
      const logged = () =>
        Promise.all(inferences.map((name) => admin.streamState(streamName.raw(name))));
      const before = await logged();
      const { open, samples, impressions } = counts();
      const users = shop.customers.map(({ id }) => id);
      for (let asked = 0; asked < probes; asked += 20) {
        const some = users.slice(asked % 100).slice(0, 20);
        const answers = await Promise.all(
          some.map((user) => live.client.recommend({ user, log: false })),
        );
        for (const { items, requestId } of answers)
          expect([items.length, requestId]).toEqual([10, '']);
      }
      expect(await logged()).toEqual(before);
      expect(counts()).toMatchObject({ open, samples, impressions });
      expect(await digests()).toBe(resting);
    },
    60_000 + 50 * probes,
  );

  test('19: who is erased is gone, and nobody else is another one', async () => {
    const [gone, ...others] = shop.customers.slice(3, 9);
    const before = await scoresOf(others);
    const erased = jsonOf(await command('users', 'erase', gone!.id, '--json'));
    expect(erased).toMatchObject({ wasKnown: true, inUse: [] });
    const asked = await command('users', 'get', gone!.id);
    expect([asked.code, asked.output]).toEqual([1, expect.stringMatching(/was erased at 2/)]);
    expect(await historyOf(gone!.id, 'recentItem')).toEqual([]);
    expect((await command('audit', '--user', gone!.id)).code).toBe(0);
    expectAlike(await scoresOf(others), before);
  }, 90_000);

  test('18: after a restart there is the same as before', async () => {
    const ten = shop.customers.slice(20, 30);
    const [before, books] = [await scoresOf(ten), bookLines(live.cluster.status())];
    await admin.close();
    await live.restart();
    admin = await connectAs(live.cluster.access('train', 'admin'), { name: 'audit' });
    await live.until('joiners have told', () => bookLines(live.cluster.status()).length > 0);
    expect(bookLines(live.cluster.status())).toEqual(books);
    expectAlike(await scoresOf(ten), before);
    await expectBalanced();
  }, 120_000);

  test('what the model looks at changes while it runs, and back, and nothing of what was learned is lost', async () => {
    const ten = shop.customers.slice(20, 30);
    const before = await scoresOf(ten);
    const { features, score, ...config } = live.cluster.config;
    const carts = { entity: 'user', kind: 'count', events: ['cart'], by: 'category' };
    const next = path.join(folder, 'next.config.json');
    writeFileSync(
      next,
      JSON.stringify({
        ...{ ...config, features: { ...features, carts } },
        score: { ...score, purchase: 40 },
      }),
    );
    const plan = await command('config', 'plan', next);
    expect(plan.code).toBe(0);
    expect(plan.output).toMatch(/carts/);
    expect(plan.output).toMatch(/score/);
    let isOver = false;
    let answers = 0;
    const troubles: string[] = [];
    const asking = (async () => {
      for (; !isOver; await new Promise((resolve) => setTimeout(resolve, 200))) {
        const user = ten[answers % 10]!.id;
        const answer = await live.client.recommend({ user, k: 10, log: false }).catch(String);
        if (typeof answer === 'string') troubles.push(answer);
        else if (answer.items.length === 10) answers++;
        else troubles.push(`${answer.items.length} items: ${answer.warnings.join()}`);
      }
    })();
    expect(await command('config', 'apply', next)).toMatchObject({ code: 0 });
    expect((await command('config', 'list')).output).toMatch(/^\s*2\b/m);
    const back = ['config', 'rollback', '1'];
    const unasked = await command(...back);
    expect([unasked.code === 0, unasked.output]).toEqual([
      false,
      expect.stringContaining('--allow forget:carts'),
    ]);
    const gone = await command(...back, '--allow', 'forget:carts');
    expect(gone).toMatchObject({ code: 0 });
    isOver = true;
    await asking;
    expect([troubles, answers > 0]).toEqual([[], true]);
    expectAlike(await scoresOf(ten), before);
  }, 180_000);

  test('20: what was not learned from has a line, with its reason, how often, and an example', async () => {
    // Of no type that is declared; an item that is no text.
    const wrong = JSON.stringify({ user: 'u', item: 'i', type: 'looked' });
    await live.bus.append(subject.ingest('event'), Buffer.from(wrong)).catch(() => undefined);
    await live.until('it is a dead letter', async () => {
      const { output } = await command('dead-letters');
      return output.includes('1 × ') && output.includes('such as {"user":"u"');
    });
    const events = /^events: ([\d,]+) = (.*)$/.exec(bookLines(live.cluster.status())[0]!)!;
    const parts = events[2]!.split(' + ').map((part) => Number(part.replace(/\D/g, '')));
    expect(number(parts.reduce((sum, each) => sum + each, 0))).toBe(events[1]);
    await expectBalanced();
  }, 60_000);
});

function beginImport(): ChildProcess {
  const bin = path.join(import.meta.dirname, '../../cli/starling.js');
  const args = [...importOf(), '--state', live.cluster.stateDir];
  return spawn(process.execPath, [bin, ...args], { stdio: 'ignore' });
}

/** AUC of what truly makes people open a product, of the last tenth, against what others chose. */
function ceilingOf({ events, products, customers }: typeof shop): number {
  const bySku = new Map(products.map((product) => [product.sku, product]));
  const byId = new Map(customers.map((customer) => [customer.id, customer]));
  const all = events as readonly { type: string; user: string; item: string }[];
  const last = all.slice(Math.floor(0.9 * all.length)).filter(({ type }) => type === 'view');
  const scores = last.flatMap(({ user, item }, i) => {
    const others = [1, 2, 3, 4].map((n) => last[(i + 37 * n) % last.length]!.item);
    return [item, ...others].map((sku) => viewOf(byId.get(user)!, bySku.get(sku)!));
  });
  const labels = Float32Array.from(scores, (_unused, i) => (i % 5 === 0 ? 1 : 0));
  return auc(Float32Array.from(scores), labels);
}

const sorted = (of: object | undefined): unknown =>
  of && Object.entries(of).sort(([a], [b]) => (a < b ? -1 : 1));

function expectAlike(now: readonly (readonly number[])[], before: typeof now): void {
  now.forEach((scores, i) =>
    scores.forEach((score, j) => expect(score).toBeCloseTo(before[i]![j]!, 5)),
  );
}
