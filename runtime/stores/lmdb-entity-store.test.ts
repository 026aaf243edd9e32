import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import type { RawFeatures } from '../../core/features/raw-features.js';
import { LmdbActivityStore } from './lmdb-activity-store.js';
import { LmdbEntityStore } from './lmdb-entity-store.js';

let folder: string;
let store: LmdbEntityStore;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'starling-entities-'));
  store = new LmdbEntityStore(folder);
});
afterEach(async () => {
  await store.close();
  rmSync(folder, { recursive: true });
});

const change = (n: number, ...ids: string[]) => ({
  entity: 'item' as const,
  ids,
  features: ids.map(() => ({ n })),
});

async function reopen(): Promise<void> {
  await store.close();
  store = new LmdbEntityStore(folder);
}

function all(kind: 'user' | 'item' = 'item') {
  const view = store.view();
  const rows = [...view.rows(kind)].map(({ id, since, features }) => [id, since, features.n]);
  view.close();
  return rows;
}

describe('a store of entities', () => {
  test('goes on where it was, with what it had', async () => {
    await store.take(change(1, 'a', 'b'), 1);
    await store.take(undefined, 2);
    await store.take(change(3, 'b'), 3);
    await reopen();
    expect([store.sequence, store.entityCount]).toEqual([3, 2]);
    expect(store.get('item', 'b')).toEqual({ n: 3 });
    expect(store.get('user', 'b')).toBeUndefined();
  });

  test('keeps vectors as they are', async () => {
    // In a process of its own: what Jest calls a Float32Array is none to lmdb.
    const program = `
      const { LmdbEntityStore } = await import(${JSON.stringify(new URL('lmdb-entity-store.js', import.meta.url).href)});
      const features = [{ image: Float32Array.of(0.5, -2), sizes: ['S', 2] }];
      for (const round of [1, 2]) {
        const store = new LmdbEntityStore(process.argv[1], (_entity, name) => name === 'image');
        if (round === 1) await store.take({ entity: 'item', ids: ['a'], features }, 1);
        else console.log(store.attributes('item', 'a'));
        await store.close();
      }`;
    const args = ['--input-type=module', '-e', program, path.join(folder, 'vectors')];
    const { stdout } = await promisify(execFile)(process.execPath, args);
    expect(stdout).toBe("{ image: Float32Array(2) [ 0.5, -2 ], sizes: [ 'S', 2 ] }\n");
  });

  test('says what it had when it is closed: the last heartbeat of an actor asks', async () => {
    await store.take(change(1, 'a', 'b'), 1);
    const activity = new LmdbActivityStore(path.join(folder, 'activity'));
    const closing = Promise.all([store.close(), activity.close()]);
    expect([store.entityCount, activity.count]).toEqual([2, 0]);
    await closing;
    expect([store.entityCount, activity.count]).toEqual([2, 0]);
    store = new LmdbEntityStore(folder);
  });

  test('takes several records at once, in their order', async () => {
    await store.takeAll([
      { change: change(1, 'a'), sequence: 1 },
      { change: undefined, sequence: 2 },
      { change: change(3, 'a', 'b'), sequence: 3 },
    ]);
    await store.takeAll([]);
    await reopen();
    expect(store.sequence).toBe(3);
    expect(all()).toEqual([
      ['a', 1, 3],
      ['b', 3, 3],
    ]);
  });

  test('patches, replaces and forgets', async () => {
    const item = { entity: 'item', ids: ['a', 'b'] } as const;
    const first = { ...item, features: [{ n: 1, price: 9 }, { n: 2 }] };
    const patch = { ...item, mode: 'patch' as const, features: [{ n: null, stock: 3 }, { x: 1 }] };
    await store.take(first, 1);
    await store.take({ ...patch, erased: [false, true] }, 2);
    expect(store.get('item', 'a')).toEqual({ price: 9, stock: 3 });
    expect([store.get('item', 'b'), store.entityCount]).toEqual([undefined, 1]);
    await store.take({ ...item, ids: ['a'], features: [{ price: 8 }] }, 3);
    await store.take({ ...item, mode: 'patch', ids: ['b'], features: [{ n: 5 }] }, 4);
    await reopen();
    expect(store.get('item', 'a')).toEqual({ price: 8 });
    expect(all()).toEqual([
      ['a', 1, undefined],
      ['b', 4, 5],
    ]);
  });

  test('keeps nothing of a user that was told by when he was erased, whatever its order, and what is told later', async () => {
    const told = (n: number, atMs: number) => ({
      ...({ entity: 'user', mode: 'patch', ids: ['u'], features: [{ n }], atMs } as const),
    });
    await store.take(told(1, 100), 1);
    await store.take({ ...told(0, 200), features: [{}], erased: [true] }, 2);
    await store.take(told(2, 150), 3);
    await reopen();
    expect(store.attributes('user', 'u')).toBeUndefined();
    // Said again it does not meet who came since.
    await store.take(told(3, 300), 4);
    await store.take({ ...told(0, 200), features: [{}], erased: [true] }, 5);
    expect(store.attributes('user', 'u')).toEqual({ n: 3 });
    // In a snapshot it is a row as any, that names nobody.
    const view = store.view();
    const rows = [...view.rows('user')];
    view.close();
    await store.reset();
    for (const { id, since, features } of rows)
      await store.add({
        entity: 'user',
        ids: [id],
        features: [features],
        since: Float64Array.of(since),
      });
    await store.restored(5);
    await store.take(told(4, 199), 6);
    expect(store.attributes('user', 'u')).toEqual({ n: 3 });
    expect(rows.map(({ id }) => id)).toEqual([
      'u',
      expect.stringMatching(/^~erased\/[0-9a-f]{24}$/),
    ]);
  });

  test('reads features without what else is known, and both where that is asked', async () => {
    await store.close();
    store = new LmdbEntityStore(folder, (entity, name) => entity === 'item' && name === 'n');
    const lamp = { n: 1, title: 'A lamp' };
    await store.take({ entity: 'item', ids: ['a'], features: [lamp] }, 1);
    await store.take({ entity: 'user', ids: ['u'], features: [{ n: 2 }] }, 2);
    expect([store.get('item', 'a'), store.get('user', 'u')]).toEqual([{ n: 1 }, {}]);
    const [a, u] = [store.attributes('item', 'a'), store.attributes('user', 'u')];
    expect([a, u, store.attributes('item', 'b')]).toEqual([lamp, { n: 2 }, undefined]);
    const view = store.view();
    const rows = [...view.rows('item')];
    view.close();
    expect(rows).toEqual([{ id: 'a', since: 1, features: lamp }]);
    const emptied = { ...lamp, title: null };
    await store.take({ entity: 'item', mode: 'patch', ids: ['a'], features: [emptied] }, 3);
    expect(store.attributes('item', 'a')).toEqual({ n: 1 });
    await store.reset();
    await store.add({ entity: 'item', ids: ['a'], features: [lamp], since: Float64Array.of(1) });
    expect([store.get('item', 'a'), store.attributes('item', 'a')]).toEqual([{ n: 1 }, lamp]);
    await store.reset();
    expect(store.attributes('item', 'a')).toBeUndefined();
  });

  test('keeps the place in the log where an entity was told of first', async () => {
    await store.take(change(1, 'b'), 1);
    await store.take(change(2, 'a', 'b'), 2);
    expect(all()).toEqual([
      ['a', 2, 2],
      ['b', 1, 2],
    ]);
  });

  test('is of one moment to who reads all of it, whatever is written meanwhile', async () => {
    for (let n = 1; n <= 50; n++) await store.take(change(n, `i${n % 10}`), n);
    const view = store.view();
    const rows: { readonly features: RawFeatures }[] = [];
    for (const row of view.rows('item')) {
      if (rows.push(row) === 1)
        for (let n = 51; n <= 100; n++) await store.take(change(n, `i${n % 20}`), n);
    }
    view.close();
    expect(view.sequence).toBe(50);
    expect(rows).toHaveLength(10);
    expect(Math.max(...rows.map((row) => row.features.n as number))).toBe(50);
    expect(all()).toHaveLength(20);
  });

  test('begins from nothing where it died while a snapshot was put in', async () => {
    await store.take(change(1, 'a'), 9);
    await store.reset();
    const since = Float64Array.of(4);
    await store.add({ entity: 'user', ids: ['u'], features: [{ n: 4 }], since });
    await reopen();
    expect(store.sequence).toBe(0);
    await store.reset();
    await store.add({ entity: 'user', ids: ['u'], features: [{ n: 5 }], since });
    await store.restored(7);
    await reopen();
    expect([store.sequence, store.entityCount, all('user'), all('item')]).toEqual([
      7,
      1,
      [['u', 4, 5]],
      [],
    ]);
  });
});
