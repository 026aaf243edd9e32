import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import base from '../../cluster.config.js';
import { type StarlingClient, clientOn } from '../../client/client.js';
import { actorsOf } from '../../messages/actor-status.js';
import { connectAs, type NatsBus } from '../../runtime/nats/nats-bus.js';
import { LiveCluster } from '../support/live-cluster.js';
import { starling } from '../support/starling-process.js';

/** A shop with two inference data centers, whose items change while people ask. */
let live: LiveCluster;
let west: NatsBus;
let places: readonly { readonly name: string; readonly client: StarlingClient }[];

const item = (id: string, more: object = {}) => ({
  ...{ item: id, category: 'Tea', title: `Tea ${id}`, url: `/p/${id}`, stock: 3 },
  ...more,
});

beforeAll(async () => {
  live = await LiveCluster.start({
    dataCenters: base.dataCenters!,
    features: {
      user: { entity: 'user', kind: 'id' },
      item: { entity: 'item', kind: 'id' },
      category: { entity: 'item', kind: 'id' },
    },
    attributes: { item: { title: 'text', stock: 'number' }, user: { likes: 'text' } },
    events: { view: {} },
  });
  west = await connectAs(live.cluster.access('west', 'client'), { name: 'west' });
  places = [
    { name: 'east', client: live.client },
    { name: 'west', client: clientOn(west) },
  ];
  await live.client.ingestItems(['a', 'b', 'c', 'd'].map((id) => item(id)));
  await everywhere('the catalog is there', ['a', 'b', 'c', 'd']);
}, 180_000);
afterAll(async () => {
  await west?.close();
  await live?.stop();
}, 60_000);

const attributes = ['title', 'stock', 'url', 'category'];

/** What somebody is offered at most, in each data center. */
async function offered(client: StarlingClient) {
  const { items } = await client.recommend({
    ...{ user: 'u', k: 20, log: false, exclude: { events: [] } },
    attributes,
  });
  return new Map(items.map((each) => [each.item, each.attributes]));
}

async function everywhere(what: string, ids: readonly string[]): Promise<void> {
  for (const { name, client } of places)
    await live.until(`${what} in ${name}`, async () => {
      const found = [...(await offered(client).catch(() => new Map<string, unknown>())).keys()];
      return found.sort().join() === [...ids].sort().join();
    });
}

const cli = (...words: string[]) => starling(...words, '--state', live.cluster.stateDir);

describe('a catalog', () => {
  test('changes in part: what is not named stays, in every data center', async () => {
    await live.client.ingestItems([
      { item: 'a', stock: 2, url: null },
      { item: 'b', mode: 'replace', attributes: { title: 'Sencha' } },
    ]);
    for (const { name, client } of places) {
      await live.until(`the changes are in ${name}`, async () => {
        const found = await offered(client);
        return found.get('a')?.['stock'] === 2 && found.get('b')?.['title'] === 'Sencha';
      });
      const found = await offered(client);
      expect(found.get('a')).toEqual({ title: 'Tea a', stock: 2, category: 'Tea' });
      expect(found.get('b')).toEqual({ title: 'Sencha' });
    }
  });

  test('offers nobody what is hidden, not yet or no more available, and shows it again', async () => {
    const [hourAgo, inAnHour] = [-1, 1].map((hours) => Date.now() + hours * 3_600_000);
    await live.client.ingestItems([
      { item: 'a', hidden: true },
      { item: 'b', availableFrom: inAnHour! },
      { item: 'c', availableUntil: new Date(hourAgo!).toISOString() },
    ]);
    await everywhere('what is hidden is gone', ['d']);
    await live.client.ingestItems([
      { item: 'a', hidden: false },
      { item: 'b', availableFrom: hourAgo!, availableUntil: inAnHour! },
      { item: 'c', availableUntil: null },
    ]);
    await everywhere('what is shown again is back', ['a', 'b', 'c', 'd']);
  });

  test('offers nobody what is only clicked, nor what was deleted, however often that is clicked', async () => {
    await live.client.ingestItems([{ item: 'd', deleted: true }]);
    await everywhere('what is deleted is gone', ['a', 'b', 'c']);
    const clicked = ['d', 'made-up', '<b>not an item</b>'];
    const { consumed } = joiner();
    await live.client.ingestEvents(
      Array.from({ length: 60 }, (_unused, n) => ({
        ...{ type: 'view', user: `u${n}`, item: clicked[n % 3]! },
      })),
    );
    await live.until('the clicks are learned', () => joiner().organic >= 60);
    expect(joiner().consumed).toBeGreaterThan(consumed);
    for (const { client } of places) {
      const named = { user: 'u', k: 9, log: false, candidates: [...clicked, 'a'] };
      expect((await client.recommend(named)).items.map((each) => each.item)).toEqual(['a']);
      expect([...(await offered(client)).keys()].sort()).toEqual(['a', 'b', 'c']);
    }
    await live.client.ingestItems([item('d')]);
    await everywhere('what is told again is back', ['a', 'b', 'c', 'd']);
  });

  test('is filtered by what it knows of items, users and the moment', async () => {
    await live.client.ingestItems([
      { item: 'a', stock: 0 },
      { item: 'b', stock: null },
      { item: 'c', stock: 9 },
    ]);
    await live.client.ingestUsers([{ user: 'u9', likes: 'Tea' }]);
    const ask = async (client: StarlingClient, filter: string | Record<string, string>) => {
      const probe = { user: 'u9', k: 9, log: false, exclude: { events: [] }, filter };
      const { items, stages } = await client.recommend(probe);
      return { ids: items.map((each) => each.item).sort(), stages };
    };
    for (const { name, client } of places) {
      await live.until(`what is in stock is known in ${name}`, async () => {
        const { ids, stages } = await ask(client, 'item.stock > 0 && item.title != "x"');
        return ids.join() === 'c,d' && stages?.missing?.['item.stock'] === 1;
      });
      await live.until(`the user is known in ${name}`, async () => {
        const { ids } = await ask(client, 'item.category == user.likes && item.stock <= 3');
        return ids.join() === 'a,d';
      });
      expect((await ask(client, { title: 'Sencha' })).ids).toEqual(['b']);
      await expect(ask(client, 'item.stok > 0')).rejects.toThrow(
        'filter: item.stok, column 1: no such attribute; nearest: stock',
      );
    }
    const { code, output } = await cli('recommend', '--user', 'u9', '--filter', 'item.stock == 9');
    expect([code, output]).toEqual([0, expect.stringMatching(/ c /)]);
    await live.client.ingestItems(['a', 'b', 'c'].map((id) => item(id)));
  });

  test('is looked at and changed by the command line', async () => {
    expect(await cli('items', 'get', 'nobody')).toMatchObject({ code: 1 });
    expect((await cli('items', 'set', 'e', '{"title":"Matcha","price":20}')).code).toBe(0);
    await everywhere('it is there', ['a', 'b', 'c', 'd', 'e']);
    expect((await cli('items', 'patch', 'e', '{"price":null,"stock":"4"}')).code).toBe(0);
    const known = { title: 'Matcha', stock: 4 };
    await live.until('it is changed', async () => {
      const { output } = await cli('items', 'get', 'e', '--json');
      const { attributes: found } = JSON.parse(output) as { attributes: object };
      return JSON.stringify(found) === JSON.stringify(known);
    });
    expect((await cli('items', 'hide', 'e')).output).toContain('e is hidden');
    await everywhere('it is hidden', ['a', 'b', 'c', 'd']);
    expect((await cli('items', 'show', 'e')).code).toBe(0);
    await everywhere('it is shown', ['a', 'b', 'c', 'd', 'e']);
    expect((await cli('items', 'delete', 'e')).code).toBe(0);
    await everywhere('it is gone', ['a', 'b', 'c', 'd']);
    expect(await cli('items', 'delete', 'e')).toMatchObject({ code: 1 });
    await live.client.ingestUsers([{ user: 'u7', town: 'Kiel' }]);
    await live.until('the user is known', async () => {
      const { code, output } = await cli('users', 'get', 'u7');
      return code === 0 && output.includes('Kiel');
    });
  });
});

function joiner() {
  const { stats } = actorsOf(live.cluster.status().actors, 'joiner')[0]!;
  return { organic: stats.organicActions ?? 0, consumed: stats.consumed?.['0'] ?? 0 };
}
