import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { bookLines } from '../../cli/event-books.js';
import { actorsOf } from '../../messages/actor-status.js';
import { audit } from '../../operations/audit/audit.js';
import { connectAs, type NatsBus } from '../../runtime/nats/nats-bus.js';
import { LiveCluster } from '../support/live-cluster.js';
import { smallShop } from '../support/small-shop.js';
import { jsonOf, starling } from '../support/starling-process.js';

/** A shop's own history, of months ago, into a cluster that has people already. */
const shop = smallShop({ events: 6_000 });
const sinceMs = Date.UTC(2026, 0, 5);
const apartMs = 120_000;
let live: LiveCluster;
let admin: NatsBus;
let files: readonly string[];
let common: readonly string[];

beforeAll(async () => {
  live = await LiveCluster.start({
    features: {
      user: { entity: 'user', kind: 'id' },
      item: { entity: 'item', kind: 'id' },
      category: { entity: 'item', kind: 'id' },
      brand: { entity: 'item', kind: 'id' },
      lately: { entity: 'user', kind: 'history', of: 'category', length: 30 },
      sold: { entity: 'item', kind: 'count', events: ['purchase'], normalisation: 'none' },
    },
    events: { view: {}, cart: {}, purchase: { value: 'money' } },
    outcomes: { view: { from: ['view', 'cart', 'purchase'] }, purchase: { given: 'view' } },
    joining: { windowMs: 30 * 60_000, partitions: 2 },
  });
  admin = await connectAs(live.cluster.access('train', 'admin'), { name: 'audit' });
  files = [eventsFile(), productsFile()];
  common = [
    ...['--config', live.writeConfig(), '--cache', path.join(live.folder, 'cache')],
    ...['--state', path.join(live.folder, 'state')],
  ];
}, 120_000);
afterAll(async () => {
  await admin?.close();
  await live?.stop();
}, 60_000);

type Cell = string | number | null | undefined;

function written(name: string, head: string, rows: readonly (readonly Cell[])[]): string {
  const file = path.join(live.folder, name);
  const lines = rows.map((row) => row.map((cell) => `"${cell ?? ''}"`).join());
  writeFileSync(file, [head, ...lines, ''].join('\n'));
  return file;
}

function eventsFile(): string {
  const rows = shop.events.map(({ user, item, type, value }, i) => [
    ...[`e${i}`, new Date(sinceMs + i * apartMs).toISOString()],
    ...[user as string, item as string, type, value],
  ]);
  // Some rows come twice.
  const head = 'event_id,timestamp,user,item,type,value';
  return written('events.csv', head, [...rows, ...rows.slice(0, 30)]);
}

function productsFile(): string {
  const rows = shop.products.map(({ sku, category, brand, price }) => [
    sku,
    category,
    brand,
    price,
  ]);
  return written('products.csv', 'item,category,brand,price', rows);
}

const imported = () => {
  const lanes = actorsOf(live.cluster.status().actors, 'joiner').map(({ stats }) => stats.lanes);
  return lanes.reduce((sum, lane) => sum + (lane?.['import']?.['organicActions'] ?? 0), 0);
};
const bin = path.join(import.meta.dirname, '../../cli/starling.js');

function beginImport(): ChildProcess {
  return spawn(process.execPath, [bin, 'import', ...common, ...files], { stdio: 'ignore' });
}

test('files come in once and whole, beside live clicks, whoever is killed meanwhile; a second time nothing is learned', async () => {
  const count = shop.events.length;
  let clicks = 0;
  let isOver = false;
  const clicking = (async () => {
    while (!isOver) {
      const user = shop.customers[clicks % shop.customers.length]!.id;
      const { items } = await live.client.recommend({ user, k: 3, log: false });
      const item = items[0]?.item ?? shop.products[0]!.sku;
      await live.client.ingestEvents([{ type: 'view', user, item }]);
      clicks++;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  })();

  const killed = beginImport();
  await live.until('some of it is learned', () => imported() > 0);
  killed.kill('SIGKILL');
  await once(killed, 'exit');
  const joiner = actorsOf(live.cluster.status().actors, 'joiner')[0]!;
  const again = starling('import', ...common, ...files, '--json');
  process.kill(joiner.pid!, 'SIGKILL');
  const report = jsonOf(await again) as Record<string, unknown>;
  isOver = true;
  await clicking;
  expect(report).toMatchObject({ wentOn: true, learned: count, known: 0, notLearned: [] });
  expect(report['rows']).toMatchObject({ eventRows: count + 30, events: count, repeated: 30 });

  await live.until('figures of joiners have come', () => imported() === count);
  const second = await starling('import', ...common, ...files);
  expect(second.code).toBe(0);
  expect(second.output).toContain(
    `${(count + 30).toLocaleString('en-US')} repeated, nothing learned`,
  );
  const number = count.toLocaleString('en-US');
  await live.until('live clicks are learned', () =>
    bookLines(live.cluster.status()).some((line) =>
      line.startsWith(`events: ${(count + clicks).toLocaleString('en-US')} = `),
    ),
  );
  expect(bookLines(live.cluster.status())).toContain(
    `imported: ${number} = ${number} learned of their own accord`,
  );
  const result = await audit(admin, async () => live.cluster.status(), 30_000);
  expect(result.laws.filter(({ verdict }) => verdict !== 'holds')).toEqual([]);
}, 170_000);

test('another configuration than that of the cluster is refused by name, before anything is sent', async () => {
  const other = path.join(live.folder, 'other.config.json');
  const { features, ...config } = live.cluster.config;
  const { brand, ...rest } = features;
  void brand;
  writeFileSync(other, JSON.stringify({ ...config, features: rest }));
  const refused = await starling('import', ...files, '--config', other, ...common.slice(2));
  expect(refused.code).toBe(1);
  expect(refused.output).toMatch(/other features .* than this configuration/);
}, 60_000);
