import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { join } from 'node:path';
import { loadClusterConfig } from '../../core/config/load.js';
import type { ClusterConfig } from '../../core/config/schema.js';
import { ImportFiles } from '../import.testkit.js';
import { attributeRoleOf } from './attribute-roles.js';
import { ColumnFactsCounter } from './column-facts.js';
import { configText } from './config-text.js';
import { proposeEvents } from './event-types.js';
import { proposalFor } from './look-at-files.js';

let files: ImportFiles;
beforeAll(async () => {
  files = await ImportFiles.create();
});
afterAll(() => files.remove());

/** What `init` writes of files, as a cluster reads it. */
async function configOf(
  written: Readonly<Record<string, string>>,
): Promise<ClusterConfig & { text: string }> {
  const paths = await Promise.all(
    Object.entries(written).map(([name, text]) => files.write(name, text)),
  );
  const proposal = await proposalFor({
    files: paths.map((path) => ({ path })),
    mapping: { fields: { events: {}, items: {}, users: {}, aliases: {} }, isExact: new Set() },
    encoding: undefined,
    folder: join(files.folder, 'cache'),
  });
  const text = configText(proposal, 'shop');
  return { ...(await loadClusterConfig(await files.write('shop.config.ts', text))), text };
}

const rows = (count: number, row: (i: number) => string): string =>
  Array.from({ length: count }, (_, i) => `${row(i)}\n`).join('');

describe('of the files of a shop', () => {
  const shop = {
    'events.csv': `event_id,timestamp,customer_id,session_id,sku,event,value,device\n${rows(400, (i) => `e${i},${1_790_000_000 + i},c${i % 20},s${i % 30},000${i % 60},${['view', 'view', 'cart', 'purchase', 'refund', 'dismiss'][i % 6]},${i % 6 === 3 ? '9.90' : ''},${['phone', 'tablet'][i % 2]}`)}`,
    'products.csv': `sku,title,category,brand,price,stock,image_url,created_at\n${rows(60, (i) => `000${i},"It's a ""lamp"", no. ${i}",${['Tea', "Men's", '"Books, comics"'][i % 3]},Brand ${i % 15},${(2 + i * 1.5).toFixed(2)},${(i * 7) % 90},https://x.example/${i},2026-09-0${1 + (i % 9)}`)}`,
    'customers.csv': `customer_id,country,birth_year,email\n${rows(20, (i) => `c${i},${['DE', 'AT'][i % 2]},${1950 + i * 3},c${i}@example.com`)}`,
  };
  let config: ClusterConfig & { text: string };
  beforeAll(async () => {
    config = await configOf(shop);
  });

  test('columns are told', () => {
    expect(config.files).toMatchObject({
      events: {
        id: 'event_id',
        timestamp: 'timestamp',
        user: 'customer_id',
        visitor: 'session_id',
        item: 'sku',
        type: 'event',
        value: 'value',
      },
      items: { item: 'sku' },
      users: { user: 'customer_id' },
    });
  });

  test('types of events are what they are called, and outcomes follow from the way to a purchase', () => {
    expect(config.events).toMatchObject({
      ...{ view: { negative: false }, purchase: { value: 'money' }, dismiss: { negative: true } },
      refund: { undoes: 'purchase' },
    });
    expect(config.outcomes).toMatchObject({
      view: { from: ['view', 'cart', 'purchase'] },
      cart: { from: ['cart', 'purchase'], given: 'view' },
      purchase: { from: ['purchase'], given: 'view' },
    });
    expect(Object.keys(config.score)).toEqual(['view', 'cart', 'purchase']);
  });

  test('features are ids, words and buckets, and histories of what tells of a taste', () => {
    const { features } = config;
    expect(features).toMatchObject({
      ...{ category: { kind: 'vocabulary' }, brand: { kind: 'id' }, price: { kind: 'buckets' } },
      ...{ country: { kind: 'vocabulary', values: ['AT', 'DE'] }, birth_year: { kind: 'buckets' } },
      ...{ device: { entity: 'context', kind: 'vocabulary', values: ['phone', 'tablet'] } },
      ...{
        recentItem: { of: 'item' },
        recentCategory: { of: 'category' },
        recentBrand: { of: 'brand' },
      },
      recentPrice: { of: 'price', events: ['view', 'cart', 'purchase'] },
    });
    for (const name of ['stock', 'title', 'image_url', 'created_at', 'email'])
      expect(features).not.toHaveProperty(name);
  });

  test('what is no feature is an attribute, and the text says why', () => {
    expect(config.attributes).toMatchObject({
      item: { title: 'text', stock: 'number', image_url: 'text', created_at: 'time' },
      user: { email: 'text' },
    });
    expect(config.text).toMatch(/stock: 'number', \/\/ No feature: it changes by the hour/);
  });
});

test('names that are no names of features, or come twice, still give a configuration', async () => {
  const config = await configOf({
    'products.csv': `id,größe,user,__proto__,weird */ name,country\n${rows(40, (i) => `p${i},${i % 20},x${i % 5},y${i % 5},z${i % 5},c${i % 5}`)}`,
    'customers.csv': `id,country\n${rows(40, (i) => `u${i},c${i % 5}`)}`,
  });
  const sources = Object.values(config.features).map((feature) =>
    'source' in feature ? feature.source : '',
  );
  expect(sources).toEqual(expect.arrayContaining(['größe', 'weird */ name', 'country', 'country']));
});

test('ratings get a threshold, and times without a zone a question', async () => {
  const config = await configOf({
    'ratings.csv': `userId,movieId,rating,timestamp\n${rows(50, (i) => `${i % 9},${i % 20},${1 + (i % 5)},2026-01-01 10:00:${10 + i}`)}`,
  });
  expect(config.files?.events).toMatchObject({ rating: 'rating', threshold: 4 });
  expect(config.timezone).toBe('UTC');
  expect(config.text).toContain('yours, such as Europe/Berlin?');
});

test.each([
  [['1', '2', '3'], 'attribute'],
  [['a|b', 'b|c', 'a|c'], 'ids'],
  [['2026-01-01', '2026-01-02', '2026-01-03'], 'attribute'],
])('a column of %j is %s', (cells, kind) => {
  const counter = new ColumnFactsCounter('sku', '.');
  for (const cell of cells) counter.add(cell);
  expect(attributeRoleOf(counter.facts).kind).toBe(kind);
});

test.each<[string[], Record<string, string>]>([
  [['view', 'cart', 'purchase', 'dismiss'], {}],
  [['view', 'addtocart', 'transaction'], { addtocart: 'cart', transaction: 'purchase' }],
  [['Product Viewed', 'Added to cart'], { 'Product Viewed': 'view', 'Added to cart': 'cart' }],
  // What is there already is not something else too.
  [['view', 'page_view', 'buy', 'purchase'], {}],
  [
    ['1', '2', 'shown', 'größer!'],
    { 1: 'type_1', 2: 'type_2', shown: 'type_shown', 'größer!': 'gro_er' },
  ],
  [['a b', 'a_b', 'a-b?'], { 'a b': 'a_b_2', 'a-b?': 'a-b' }],
  [['日本'], { 日本: 'type' }],
])('types that are written %j are called %j', (written, named) => {
  const proposed = proposeEvents(new Map(written.map((type) => [type, 1])), new Map());
  expect(Object.fromEntries(proposed.named)).toEqual(named);
  expect([...proposed.events.keys()].sort()).toEqual(
    written.map((type) => named[type] ?? type).sort(),
  );
});

test('one type alone needs no outcomes', () => {
  expect(proposeEvents(new Map([['view', 9]]), new Map()).outcomes.size).toBe(0);
});

test('what files call otherwise is called so in the configuration, and values go with it', async () => {
  const config = await configOf({
    'log.csv': `time,user,item,event,amount\n${rows(60, (i) => `${1_790_000_000 + i},u${i % 9},i${i % 20},${['page_view', 'add_to_cart', 'Order placed'][i % 3]},${i % 3 === 2 ? 5 : ''}`)}`,
  });
  const types = { page_view: 'view', add_to_cart: 'cart', 'Order placed': 'purchase' };
  expect(config.files?.events).toMatchObject({ types });
  expect(config.events).toMatchObject({ view: {}, cart: {}, purchase: { value: 'money' } });
  expect(Object.keys(config.score)).toEqual(['view', 'cart', 'purchase']);
});
