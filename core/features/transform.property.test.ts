import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { writeKey } from '../base/fid.js';
import { concatExamples } from './example-batch.js';
import { type FeatureDeclaration, featureSpecOf } from './feature-spec.js';
import { isMissingValue } from './missing-value.js';
import { type EncodedEntity, createTransform } from './transform.js';

const features: Record<string, FeatureDeclaration> = {
  user: { entity: 'user', kind: 'id', source: 'user' },
  age: { entity: 'user', kind: 'buckets', boundaries: [18, 35, 50], source: 'age' },
  item: { entity: 'item', kind: 'id', source: 'item' },
  genres: { entity: 'item', kind: 'ids', pooling: 'sum', valuesMax: 3, source: 'genres' },
  price: { entity: 'item', kind: 'dense', normalisation: { method: 'log1p' }, source: 'price' },
  device: { entity: 'context', kind: 'id', source: 'device' },
  hour: { entity: 'context', kind: 'dense', normalisation: { method: 'none' }, source: 'hour' },
};
const spec = featureSpecOf(features);

const id = fc.oneof(fc.nat().map(String), fc.string({ minLength: 1, maxLength: 12 }));
const optional = { requiredKeys: [] as [] };
const word = fc.string({ minLength: 1, maxLength: 5 }).filter((text) => !text.includes('|'));
const userRaw = fc.record({ age: fc.integer({ min: 0, max: 99 }) }, optional);
const itemRaw = fc.record(
  {
    genres: fc.array(word, { minLength: 1, maxLength: 5 }),
    price: fc.integer({ min: -9, max: 999 }),
  },
  optional,
);
const contextRaw = fc.record({ device: word, hour: fc.integer({ min: 0, max: 23 }) }, optional);
const event = fc.record({ user: id, userRaw, item: id, itemRaw, contextRaw });

/** As a CSV file has them: every value is text. */
function asText(raw: Record<string, unknown>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(raw).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.join('|') : String(value as string | number),
    ]),
  );
}

/** The definition of a row, one feature at a time. */
function naiveRow(event: {
  user: string;
  userRaw: { age?: number };
  item: string;
  itemRaw: { genres?: string[]; price?: number };
  contextRaw: { device?: string; hour?: number };
}): { keys: number[][]; dense: number[] } {
  const key = (value: string | number): number[] => {
    const words = new Uint32Array(2);
    writeKey(words, 0, value);
    return [...words];
  };
  const { age } = event.userRaw;
  const { genres, price } = event.itemRaw;
  const { device, hour } = event.contextRaw;
  const bucket = age === undefined ? [] : [[18, 35, 50].filter((b) => b <= age).length];
  const keys = [
    bucket.flatMap(key),
    key(event.user),
    (genres ?? []).slice(0, 3).flatMap(key),
    key(event.item),
    isMissingValue(device, false) ? [] : key(device!),
  ];
  const logPrice = price === undefined ? 0 : Math.sign(price) * Math.log1p(Math.abs(price));
  const missing = (value: unknown) => (value === undefined ? 1 : 0);
  return { keys, dense: [Math.fround(logPrice), missing(price), hour ?? 0, missing(hour)] };
}

describe('the feature transform', () => {
  test('assembled rows are what each feature says by itself', () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 6 }), (events) => {
        const transform = createTransform(spec);
        const batch = transform.assemble(
          events.map((e) => transform.encodeEntity('user', e.user, e.userRaw)),
          events.map((e) => transform.encodeEntity('item', e.item, e.itemRaw)),
          events.map((e) => transform.encodeEntity('context', '', e.contextRaw)),
        );
        const rows = events.map(naiveRow);
        const cells = rows.flatMap((row) => row.keys);
        const ends = cells.map((_, c) => cells.slice(0, c + 1).flat().length / 2);
        expect([...batch.offsets]).toEqual([0, ...ends]);
        expect([...batch.fids]).toEqual(cells.flat());
        expect([...batch.dense]).toEqual(rows.flatMap((row) => row.dense));
      }),
    );
  });

  test('training from files sees the same bytes as serving from requests', () => {
    fc.assert(
      fc.property(fc.array(event, { minLength: 1, maxLength: 6 }), (events) => {
        // Serving: typed values, one request for each user with an encoding shared by all rows.
        const serving = createTransform(spec);
        const cache = new Map<string, EncodedEntity>();
        const served = events.map((e) => {
          const key = JSON.stringify([e.item, e.itemRaw]);
          const item = cache.get(key) ?? serving.encodeEntity('item', e.item, e.itemRaw);
          cache.set(key, item);
          const user = serving.encodeEntity('user', e.user, e.userRaw);
          return serving.assemble(
            [user],
            [item],
            [serving.encodeEntity('context', '', e.contextRaw)],
          );
        });
        // Training: text from files, all rows at once, in another process.
        const training = createTransform(featureSpecOf(structuredClone(features)));
        const trained = training.assemble(
          events.map((e) => training.encodeEntity('user', e.user, asText(e.userRaw))),
          events.map((e) => training.encodeEntity('item', e.item, asText(e.itemRaw))),
          events.map((e) => training.encodeEntity('context', '', asText(e.contextRaw))),
        );
        expect(trained).toEqual(concatExamples(served, spec.slots.length, spec.denseWidth));
        expect(training.spec.hash).toBe(serving.spec.hash);
      }),
    );
  });

  test('no raw value, of whatever type, gives anything but an encoding or a typed error', () => {
    const transform = createTransform(spec);
    fc.assert(
      fc.property(
        fc.constantFrom('genres', 'price', 'item', 'other'),
        fc.anything(),
        (name, value) => {
          try {
            const { counts, fids, dense } = transform.encodeEntity('item', '1', { [name]: value });
            expect(fids.length).toBe(2 * counts.reduce((sum, count) => sum + count, 0));
            expect(dense.every(Number.isFinite)).toBe(true);
          } catch (error) {
            expect(['BAD_EVENT', 'UNKNOWN_FEATURE']).toContain((error as { code?: string }).code);
          }
        },
      ),
    );
  });
});
