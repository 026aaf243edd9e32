import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { ColumnsOf } from './columns.js';
import {
  at,
  columnsOfKnown,
  f32,
  f64,
  gatherRows,
  isNone,
  knownOf,
  noneOf,
  pickRows,
  text,
  u16,
  u32,
  u8,
} from './columns.js';

const table = {
  names: text(),
  models: text('main'),
  lanes: u8(),
  places: u16(),
  versions: u32(),
  shares: f32(),
  times: f64(0),
} as const;
type Columns = ColumnsOf<typeof table>;
type Known = Record<string, string | number>;

/** What one row knows: any part of the table. */
const known: fc.Arbitrary<Known> = fc.record(
  {
    names: fc.string({ minLength: 1, maxLength: 3 }),
    models: fc.constantFrom('a', 'b'),
    lanes: fc.integer({ min: 1, max: 255 }),
    places: fc.integer({ min: 1, max: 0xffff }),
    versions: fc.integer({ min: 1, max: 0xffffffff }),
    shares: fc.float({ noNaN: true }),
    times: fc.double({ noNaN: true }).filter((time) => time !== 0),
  },
  { requiredKeys: [] },
);

const batchOf = (rows: readonly Known[]): Columns =>
  gatherRows(
    table,
    rows.map((each) => ({ columns: columnsOfKnown(table, each), row: 0 })),
  );
const rowsOf = (columns: Columns, count: number): Known[] =>
  Array.from({ length: count }, (_unused, row) => knownOf(table, { columns, row }));

describe('columns', () => {
  test('hold what each row knows, in one entry where all know the same', () => {
    fc.assert(
      fc.property(fc.array(known, { minLength: 1, maxLength: 6 }), (rows) => {
        const columns = batchOf(rows);
        expect(rowsOf(columns, rows.length)).toEqual(rows);
        for (const column of Object.values(columns))
          if (column.length > 1) expect(new Set(column as string[]).size).toBeGreaterThan(1);
        expect(isNone(table, columns)).toBe(rows.every((row) => Object.keys(row).length === 0));
      }),
    );
  });

  test('of several batches come together row by row, with rows that know nothing among them', () => {
    const lists = fc.array(fc.option(known, { nil: undefined }), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(lists, lists, (first, second) => {
        const batches = [first, second].map((rows) => batchOf(rows.map((row) => row ?? {})));
        const gathered = gatherRows(table, [
          ...first.map((row, i) => row && { columns: batches[0]!, row: i }),
          ...second.map((row, i) => row && { columns: batches[1]!, row: i }),
        ]);
        const all = [...first, ...second];
        expect(rowsOf(gathered, all.length)).toEqual(all.map((row) => row ?? {}));
      }),
    );
  });

  test('picked are those of the named rows, repeats included', () => {
    const cases = fc
      .array(known, { minLength: 1, maxLength: 6 })
      .chain((rows) => fc.tuple(fc.constant(rows), fc.array(fc.nat(rows.length - 1))));
    fc.assert(
      fc.property(cases, ([rows, indices]) => {
        const picked = pickRows(table, batchOf(rows), indices);
        expect(rowsOf(picked, indices.length)).toEqual(indices.map((i) => rows[i]));
      }),
    );
  });

  test('that know nothing have one entry each, which is that of every row', () => {
    const columns = noneOf(table);
    expect(isNone(table, columns)).toBe(true);
    expect(at(columns.models, 7)).toBe('main');
    expect(at(columns.shares, 7)).toBeNaN();
  });
});
