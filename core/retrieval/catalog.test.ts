import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { RawFeatures } from '../features/raw-features.js';
import type { AttributeTypes } from '../features/attributes.js';
import { Catalog, type CandidateLimits, sliceMax } from './catalog.js';
import type { Filter } from './item-filter.js';
import { compileFilter } from './item-filter.js';
import { valueOf } from './item-row.js';

interface PlainWanted {
  readonly exclude: ReadonlySet<string>;
  readonly filter: Filter | undefined;
}

/** The same in as few words as possible, with a copy of everything per request. */
class PlainCatalog {
  readonly items = new Map<string, RawFeatures>();
  popular: readonly string[] = [];

  put(id: string, features: RawFeatures): void {
    this.items.set(id, features);
  }

  patch(id: string, told: RawFeatures): void {
    this.items.set(id, { ...this.items.get(id), ...told });
  }

  remove(id: string): void {
    this.items.delete(id);
    // Who comes again is popular again when that is told again.
    this.popular = this.popular.filter((each) => each !== id);
  }

  candidates({ exclude, filter }: PlainWanted, limits: CandidateLimits): string[] {
    const all = [...this.items.keys()];
    const seen = all.filter((id) => this.items.get(id)!['hidden'] !== true);
    const popular = this.popular.filter((id) => this.items.has(id)).slice(0, limits.popular);
    const inOrder = [
      ...popular,
      ...(limits.recent > 0 ? seen.slice(-limits.recent).reverse() : []),
      ...all,
    ];
    const offered = inOrder.filter((id) => seen.includes(id) && !exclude.has(id));
    const fitting = offered.filter((id) => this.matches(id, filter));
    return [...new Set(fitting)].slice(0, limits.max);
  }

  matches(id: string, filter: Filter = {}): boolean {
    const features = this.items.get(id) ?? {};
    if (features['hidden'] === true) return false;
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
  return typeof value === 'number' || typeof value === 'boolean' ? [String(value)] : [];
}

const types: AttributeTypes = { kind: 'text', year: 'number', tags: 'list', item: 'text' };

/** As a catalog keeps it. */
function typed(told: RawFeatures): RawFeatures {
  return Object.fromEntries(
    Object.entries(told).map(([name, value]) => [
      name,
      name === 'hidden' ? value : valueOf(value, types[name]!),
    ]),
  );
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
const features = fc.dictionary(fc.constantFrom('kind', 'year', 'tags', 'item'), values, {
  maxKeys: 3,
});
const hidden = fc.option(fc.boolean(), { nil: undefined });
const filters = fc.option(
  fc.dictionary(
    fc.constantFrom('kind', 'year', 'tags', 'item'),
    fc.oneof(plainValues, fc.array(fc.oneof(plainValues, ids), { maxLength: 3 })),
    { maxKeys: 2 },
  ),
  { nil: undefined },
);
const steps = fc.oneof(
  { weight: 4, arbitrary: fc.record({ put: ids, features, hidden, isPatch: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ remove: ids }) },
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
      }),
    }),
  },
);

describe('a catalog', () => {
  test('gives the candidates of a plain walk over a copy of all items', () => {
    fc.assert(
      fc.property(fc.array(steps, { maxLength: 60 }), (list) => {
        const catalog = new Catalog(types);
        const plain = new PlainCatalog();
        for (const step of list) {
          if ('put' in step) {
            const told = {
              ...step.features,
              ...(step.hidden === undefined ? {} : { hidden: step.hidden }),
            };
            catalog.put(step.put, told, step.isPatch ? 'patch' : 'replace');
            if (step.isPatch) plain.patch(step.put, typed(told));
            else plain.put(step.put, typed(told));
          } else if ('remove' in step) {
            catalog.remove(step.remove);
            plain.remove(step.remove);
          } else if ('popular' in step) {
            catalog.setPopular(step.popular);
            plain.popular = step.popular.filter((id) => plain.items.has(id));
          } else {
            const exclude = new Set(step.exclude);
            const fits = step.filter && compileFilter(step.filter);
            // Where the walk begins is told by places, of which some are of items that are gone.
            const limits = { ...step.limits, start: 0 };
            const found = catalog.candidates({ exclude, fits, nowMs: 0 }, limits);
            expect(found).toEqual(plain.candidates({ exclude, filter: step.filter }, limits));
            for (const id of ['i0', 'i7', 'nobody']) {
              const expected = plain.items.has(id) && plain.matches(id, step.filter);
              expect(catalog.offers(id, { exclude: new Set(), fits, nowMs: 0 })).toBe(expected);
            }
          }
        }
        expect(catalog.size).toBe(plain.items.size);
      }),
    );
  });

  test('begins with the popular, then the newest, then goes round from where it is told', () => {
    const catalog = new Catalog({});
    for (const id of ['a', 'b', 'c', 'd', 'e']) catalog.put(id, {});
    catalog.put('b', { told: 'again' }); // Keeps its place.
    catalog.setPopular(['c']);
    const wanted = { exclude: new Set(['d']), fits: undefined, nowMs: 0 };
    const limits = { max: 9, popular: 1, recent: 1, start: 0.2 };
    expect(catalog.candidates(wanted, limits)).toEqual(['c', 'e', 'b', 'a']);
    expect(catalog.candidates(wanted, { ...limits, max: 2 })).toEqual(['c', 'e']);
  });

  test('keeps its order when those that are gone make room', () => {
    const catalog = new Catalog({ n: 'number' });
    for (let i = 0; i < 3000; i++) catalog.put(`i${i}`, { n: i, hidden: i === 2995 });
    catalog.put('i2996', { availableUntil: '1970-01-01T00:00:00.001Z' }, 'patch');
    catalog.setPopular(['i1', 'i2990']);
    for (let i = 0; i < 2990; i++) catalog.remove(`i${i}`);
    expect([catalog.size, catalog.placeCount < 2000]).toEqual([10, true]);
    const limits = { max: 99, popular: 9, recent: 2, start: 0 };
    const wanted = { exclude: new Set<string>(), fits: undefined, nowMs: 1 };
    const order = ['i2990', 'i2999', 'i2998', 'i2991', 'i2992', 'i2993', 'i2994', 'i2997'];
    expect(catalog.candidates(wanted, limits)).toEqual(order);
    catalog.put('i1', { n: 1 });
    expect(catalog.candidates(wanted, limits).slice(0, 2)).toEqual(['i2990', 'i1']);
    catalog.setPopular(['i1', 'i2990']);
    expect(catalog.candidates(wanted, limits)[0]).toBe('i1');
    const fits = compileFilter({ n: 2993 });
    expect(catalog.candidates({ ...wanted, fits }, limits)).toEqual(['i2993']);
  });

  test('offers what is available, from when and until when that is', () => {
    const catalog = new Catalog({});
    const at = (ms: number) => new Date(ms).toISOString();
    catalog.put('a', { availableFrom: at(10), availableUntil: at(20) });
    const isOffered = (nowMs: number) =>
      catalog.offers('a', { exclude: new Set(), fits: undefined, nowMs });
    expect([9, 10, 19, 20].map(isOffered)).toEqual([false, true, true, false]);
    catalog.put('a', { availableUntil: null }, 'patch');
    expect([9, 10, 20].map(isOffered)).toEqual([false, true, true]);
    catalog.put('a', {});
    expect(isOffered(9)).toBe(true);
  });

  test('knows nothing any more once it was cleared', () => {
    const catalog = new Catalog({});
    for (let i = 0; i < 3000; i++) catalog.put(`i${i}`, {});
    catalog.setPopular(['i1']);
    catalog.clear();
    catalog.put('new', {});
    const limits = { max: 9, popular: 9, recent: 9, start: 0 };
    expect(
      catalog.candidates({ exclude: new Set<string>(), fits: undefined, nowMs: 0 }, limits),
    ).toEqual(['new']);
  });
});

test('an item that no file has any more is offered to nobody until one has it, whoever else hides or shows it', () => {
  const catalog = new Catalog({});
  const isOffered = () => catalog.offers('a', { exclude: new Set(), fits: undefined, nowMs: 0 });
  const absentSince = '2026-11-30T12:00:00.000Z';
  catalog.put('a', {});
  const steps: [RawFeatures, boolean][] = [
    [{ absentSince }, false],
    [{ hidden: true }, false],
    [{ absentSince: null }, false],
    [{ hidden: null }, true],
    [{ hidden: true, absentSince }, false],
    [{ hidden: false }, false],
    [{ absentSince: null }, true],
  ];
  for (const [told, offered] of steps) {
    catalog.put('a', told, 'patch');
    expect(isOffered()).toBe(offered);
  }
  catalog.put('a', { absentSince });
  expect(isOffered()).toBe(false);
  catalog.put('a', {});
  expect(isOffered()).toBe(true);
});

test('a walk chooses nothing twice while items come and go between its slices', () => {
  const catalog = new Catalog({});
  const count = 4 * sliceMax;
  for (let i = 0; i < count; i++) catalog.put(`i${i}`, {});
  catalog.setPopular(['i7', `i${count - 1}`]);
  const wanted = { exclude: new Set([`i${count - 2}`]), fits: undefined, nowMs: 0 };
  const walk = catalog.walk(wanted, { max: 1e6, popular: 2, recent: 5, start: 0.5 });
  let step = walk.next(false);
  for (let slice = 0; !step.done; slice++) {
    // Most of what was looked at goes, so that the rest moves together.
    for (let i = 0; i < count; i++) if (i % 4 < 3 && slice === 1) catalog.remove(`i${i}`);
    catalog.put(`new${slice}`, {});
    step = walk.next(false);
  }
  const { items, isWhole } = step.value;
  expect([isWhole, new Set(items).size]).toEqual([true, items.length]);
  expect(items.slice(0, 2)).toEqual(['i7', `i${count - 1}`]);
  expect(items).not.toContain(`i${count - 2}`);
  const stopped = catalog.walk(wanted, { max: 1e6, popular: 0, recent: 0, start: 0 });
  stopped.next(false);
  const last = stopped.next(true);
  expect(last).toMatchObject({ done: true, value: { isWhole: false } });
});
