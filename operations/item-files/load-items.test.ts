import { describe, expect, test } from '@jest/globals';
import type { ItemInput } from '../../client/ingest.js';
import { featureSpecOf } from '../../core/features/feature-spec.js';
import type { RawFeatures } from '../../core/features/raw-features.js';
import { ItemPrints } from '../../core/retrieval/item-prints.js';
import { AttributeReader } from '../../messages/attribute-reader.js';
import type { ItemLoad, ItemRow } from './load-items.js';
import { loadItems } from './load-items.js';

const spec = featureSpecOf({
  item: { entity: 'item', kind: 'id', source: 'item' },
  image: { entity: 'item', kind: 'vector', length: 2, scale: 'unit', source: 'image' },
});
const reader = new AttributeReader(spec, { user: {}, item: { price: 'number' } });
const nowMs = Date.parse('2026-11-30T12:00:00Z');

/** A shop's items, and what was sent to it. */
function shopOf(...rows: ItemRow[]) {
  const present = new ItemPrints();
  for (const { id, attributes } of rows) present.put(id, attributes);
  const sent: ItemInput[] = [];
  const load = (file: readonly ItemRow[], options: Partial<ItemLoad> = {}) =>
    loadItems({
      ...{ present, reader, mode: 'replace', absentMax: 0.5, nowMs },
      rows: async function* () {
        for (let i = 0; i < file.length; i += 2) yield file.slice(i, i + 2);
        await Promise.resolve();
      },
      send: async (items) => void sent.push(...items),
      ...options,
    });
  return { present, sent, load };
}
const row = (id: string, attributes: RawFeatures): ItemRow => ({ id, attributes });
const lamp = { title: 'A lamp', price: 9.5, image: Float32Array.of(1, 2) };

describe('a file of items', () => {
  test('sends what it says anew, and nothing else', async () => {
    const { load, sent } = shopOf(row('a', lamp), row('b', { price: 3 }), row('c', { price: 4 }));
    const file = [
      row('a', { title: 'A lamp', price: '9.50', image: '[1,2]' }),
      row('b', { price: '5' }),
      row('c', { price: null }),
      row('d', { price: 'cheap', title: 'D' }),
    ];
    expect(await load(file)).toEqual({
      ...{ rows: 4, added: 1, changed: 2, unchanged: 1, hidden: 0, broughtBack: 0 },
      ...{ unreadable: 1, unreadableExample: 'item d: price: expected a number; got "cheap"' },
    });
    expect(sent).toEqual([
      { item: 'b', attributes: { price: 5 } },
      { item: 'c', attributes: { price: null } },
      { item: 'd', attributes: { title: 'D' } },
    ]);
    // It is known now.
    expect(await load(file)).toMatchObject({ added: 0, changed: 0, unchanged: 4 });
    expect(sent).toHaveLength(3);
  });

  test('hides what it lacks, once and after all else, and brings it back', async () => {
    const { load, sent } = shopOf(
      row('a', lamp),
      row('b', lamp),
      row('c', { ...lamp, hidden: true }),
    );
    const [a, b, c] = [row('a', lamp), row('b', { ...lamp, price: 1 }), row('c', lamp)] as const;
    expect(await load([b, c])).toMatchObject({ changed: 1, unchanged: 1, hidden: 1 });
    const mark = { item: 'a', attributes: { absentSince: '2026-11-30T12:00:00.000Z' } };
    expect(sent.splice(0)).toEqual([{ item: 'b', attributes: b.attributes }, mark]);
    expect(await load([b, c])).toMatchObject({ changed: 0, hidden: 0 });
    expect(await load([a, b, c])).toMatchObject({ changed: 1, broughtBack: 1, unchanged: 2 });
    // What was hidden by hand is not said otherwise.
    expect(sent).toEqual([{ item: 'a', attributes: { ...lamp, absentSince: null } }]);
  });

  test('that lacks too much sends nothing, and says how much that is', async () => {
    const { load, sent } = shopOf(...['a', 'b', 'c', 'd'].map((id) => row(id, lamp)));
    const file = [row('a', { price: 1 }), row('e', lamp)];
    await expect(load(file, { absentMax: 0.7 })).rejects.toMatchObject({
      code: 'ITEMS_ABSENT',
      message: expect.stringContaining(
        'lacks 3 of 4 items (75 %), and at most 70 % may go',
      ) as unknown,
      details: { absent: 3, of: 4, absentMax: 0.7 },
    });
    expect(sent).toEqual([]);
  });

  test('that breaks off sends nothing', async () => {
    const { load, sent } = shopOf(row('a', lamp));
    const rows = async function* () {
      yield [row('b', lamp)];
      await Promise.resolve();
      throw new Error('unexpected end of file');
    };
    await expect(load([], { rows })).rejects.toThrow('unexpected end');
    expect(sent).toEqual([]);
  });

  test('of changes alone hides nothing; nor does a trial', async () => {
    const { load, sent } = shopOf(row('a', lamp), row('b', lamp));
    const file = [row('a', { price: 1 })];
    expect(await load(file, { dryRun: true })).toMatchObject({ changed: 1, hidden: 1 });
    expect(sent).toEqual([]);
    const other = shopOf(row('a', lamp), row('b', lamp));
    expect(await other.load(file, { mode: 'patch' })).toMatchObject({ changed: 1, hidden: 0 });
    expect(other.sent).toEqual([{ item: 'a', attributes: { price: 1 } }]);
  });

  test('may have an item twice: the last row says what it is', async () => {
    const { load, sent } = shopOf(row('a', { price: 1 }));
    const file = [row('a', { price: 2 }), row('a', { price: 1 })];
    expect(await load(file)).toMatchObject({ changed: 2, unchanged: 0, hidden: 0 });
    expect(sent.map(({ attributes }) => attributes)).toEqual([{ price: 2 }, { price: 1 }]);
  });
});
