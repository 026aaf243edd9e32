import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { RawFeatures } from '../features/raw-features.js';
import type { CandidateLimits, Wanted } from './catalog.js';
import { Catalog } from './catalog.js';
import type { Filter } from './item-filter.js';

/** The same in as few words as possible, with a copy of everything per request. */
class PlainCatalog {
  readonly items = new Map<string, RawFeatures>();
  popular: readonly string[] = [];

  put(id: string, features: RawFeatures): void {
    this.items.set(id, features);
  }

  setPopular(items: readonly string[]): void {
    this.popular = items;
    for (const id of items) if (!this.items.has(id)) this.items.set(id, {});
  }

  candidates({ exclude, filter }: Wanted, limits: CandidateLimits): string[] {
    const all = [...this.items.keys()];
    const offset = Math.floor(limits.start * all.length);
    const inOrder = [
      ...this.popular.slice(0, limits.popular),
      ...(limits.recent > 0 ? all.slice(-limits.recent).reverse() : []),
      ...all.slice(offset),
      ...all.slice(0, offset),
    ];
    const fitting = inOrder.filter((id) => !exclude.has(id) && this.matches(id, filter));
    return [...new Set(fitting)].slice(0, limits.max);
  }

  matches(id: string, filter: Filter = {}): boolean {
    const features = this.items.get(id) ?? {};
    return Object.entries(filter).every(([name, wanted]) => {
      const has = name === 'item' ? [id] : valuesOf(features[name]);
      const wants = [wanted].flat().map(String);
      return has.some((value) => wants.includes(value));
    });
  }
}

function valuesOf(value: unknown): string[] {
  if (Array.isArray(value)) return value.map(String);
  if (typeof value === 'string') return value.split('|');
  return typeof value === 'number' ? [String(value)] : [];
}

const ids = fc.integer({ min: 0, max: 30 }).map((n) => `i${n}`);
const plainValues = fc.constantFrom<string | number>(
  'a',
  'b',
  '',
  '1',
  1,
  -0,
  2.5,
  NaN,
  '1e3',
  1e3,
);
const values = fc.oneof(
  plainValues,
  fc.array(plainValues, { maxLength: 3 }),
  fc.constantFrom('a|b', '|', 'b|1', null, true, { a: 1 }),
);
const features = fc.dictionary(fc.constantFrom('kind', 'year', 'item'), values, { maxKeys: 3 });
const filters = fc.option(
  fc.dictionary(
    fc.constantFrom('kind', 'year', 'item'),
    fc.oneof(plainValues, fc.array(fc.oneof(plainValues, ids), { maxLength: 3 })),
    { maxKeys: 2 },
  ),
  { nil: undefined },
);
const steps = fc.oneof(
  { weight: 4, arbitrary: fc.record({ put: ids, features }) },
  { weight: 1, arbitrary: fc.record({ popular: fc.array(ids, { maxLength: 6 }) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      exclude: fc.array(ids, { maxLength: 4 }),
      filter: filters,
      limits: fc.record({
        max: fc.integer({ min: 0, max: 20 }),
        popular: fc.integer({ min: 0, max: 6 }),
        recent: fc.integer({ min: 0, max: 40 }),
        start: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      }),
    }),
  },
);

describe('a catalog', () => {
  test('gives the candidates of a plain walk over a copy of all items', () => {
    fc.assert(
      fc.property(fc.array(steps, { maxLength: 60 }), (list) => {
        const catalog = new Catalog();
        const plain = new PlainCatalog();
        for (const step of list) {
          if ('put' in step) {
            catalog.put(step.put, step.features);
            plain.put(step.put, step.features);
          } else if ('popular' in step) {
            catalog.setPopular(step.popular);
            plain.setPopular(step.popular);
          } else {
            const wanted = { exclude: new Set(step.exclude), filter: step.filter };
            const found = catalog.candidates(wanted, step.limits);
            expect(found).toEqual(plain.candidates(wanted, step.limits));
            for (const id of ['i0', 'i7', 'nobody'])
              expect(catalog.matches(id, step.filter)).toBe(plain.matches(id, step.filter));
          }
        }
        expect(catalog.size).toBe(plain.items.size);
      }),
    );
  });

  test('begins with the popular, then the newest, then goes round from where it is told', () => {
    const catalog = new Catalog();
    for (const id of ['a', 'b', 'c', 'd', 'e']) catalog.put(id, {});
    catalog.put('b', { told: 'again' }); // Keeps its place.
    catalog.setPopular(['c']);
    const wanted = { exclude: new Set(['d']), filter: undefined };
    const limits = { max: 9, popular: 1, recent: 1, start: 0.2 };
    expect(catalog.candidates(wanted, limits)).toEqual(['c', 'e', 'b', 'a']);
    expect(catalog.candidates(wanted, { ...limits, max: 2 })).toEqual(['c', 'e']);
  });

  test('knows nothing any more once it was cleared', () => {
    const catalog = new Catalog();
    for (let i = 0; i < 3000; i++) catalog.put(`i${i}`, {});
    catalog.setPopular(['i1']);
    catalog.clear();
    catalog.put('new', {});
    const limits = { max: 9, popular: 9, recent: 9, start: 0 };
    expect(catalog.candidates({ exclude: new Set(), filter: undefined }, limits)).toEqual(['new']);
  });
});
