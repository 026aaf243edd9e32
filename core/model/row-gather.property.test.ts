import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { partitionOf } from '../base/fid.js';
import type { ExampleBatch } from '../features/example-batch.js';
import {
  FidDeduper,
  poolRows,
  scatterGradients,
  type GatherPlan,
  type Pooling,
} from './row-gather.js';

/** [row][slot] → keys, few and small so that they repeat within and across slots. */
const cells = (slotCount: number) =>
  fc.array(
    fc.array(
      fc.array(
        fc.bigInt({ min: 0n, max: 9n }).map((n) => n * 0x1_0000_0003n),
        { maxLength: 3 },
      ),
      {
        minLength: slotCount,
        maxLength: slotCount,
      },
    ),
    { maxLength: 12 },
  );

const scenario = fc
  .record({
    slotCount: fc.integer({ min: 1, max: 4 }),
    partitionCount: fc.integer({ min: 1, max: 5 }),
  })
  .chain((shape) => fc.record({ shape: fc.constant(shape), rows: cells(shape.slotCount) }));

function batchOf(rows: bigint[][][], slotCount: number): ExampleBatch {
  const keys = rows.flat(2);
  const offsets = new Uint32Array(rows.length * slotCount + 1);
  rows.flat().forEach((cell, i) => (offsets[i + 1] = offsets[i]! + cell.length));
  const fids = new Uint32Array(2 * keys.length);
  keys.forEach((key, i) => {
    fids[2 * i] = Number(key & 0xffffffffn);
    fids[2 * i + 1] = Number(key >> 32n);
  });
  return {
    rowCount: rows.length,
    slotCount,
    denseCount: 0,
    offsets,
    fids,
    dense: new Float32Array(0),
  };
}

/** Partition, slot and key of every unique row, read from the plan as its receiver would. */
function namesOf(plan: GatherPlan): string[] {
  const names: string[] = [];
  for (let p = 0; p < plan.partitionCount; p++) {
    expect(names.length).toBe(plan.partitionStarts[p]);
    for (let s = 0; s < plan.slotCount; s++) {
      for (let c = plan.counts[p * plan.slotCount + s]!; c > 0; c--) {
        const i = names.length;
        names.push(`${p}/${s}/${plan.fids[2 * i]}:${plan.fids[2 * i + 1]}`);
      }
    }
  }
  expect(plan.partitionStarts[plan.partitionCount]).toBe(plan.uniqueCount);
  return names;
}

function nameIn(batch: ExampleBatch, fid: number, slot: number, partitionCount: number): string {
  const low = batch.fids[2 * fid]!;
  const high = batch.fids[2 * fid + 1]!;
  return `${partitionOf(low, high, partitionCount)}/${slot}/${low}:${high}`;
}

function forEachFid(
  batch: ExampleBatch,
  visit: (fid: number, cell: number, slot: number) => void,
): void {
  for (let cell = 0; cell < batch.rowCount * batch.slotCount; cell++) {
    for (let i = batch.offsets[cell]!; i < batch.offsets[cell + 1]!; i++)
      visit(i, cell, cell % batch.slotCount);
  }
}

describe('a gather plan', () => {
  // One deduper for all runs: what an earlier batch left in its scratch memory must not show.
  const deduper = new FidDeduper();

  test('names every distinct (slot, key) once, by partition and slot, and finds it for each fid', () => {
    fc.assert(
      fc.property(scenario, ({ shape, rows }) => {
        const batch = batchOf(rows, shape.slotCount);
        const plan = deduper.plan(batch, shape.partitionCount);
        const names = namesOf(plan);
        const expected = new Set<string>();
        forEachFid(batch, (fid, _, slot) => {
          const name = nameIn(batch, fid, slot, shape.partitionCount);
          expected.add(name);
          expect(names[plan.inverse[fid]!]).toBe(name);
        });
        expect(names).toHaveLength(expected.size);
        expect(new Set(names)).toEqual(expected);
      }),
    );
  });

  test('grows with the batch and shrinks again', () => {
    const many = Array.from({ length: 3000 }, (_, i) => [[BigInt(i)], [BigInt(i % 7)]]);
    expect(deduper.plan(batchOf(many, 2), 8).uniqueCount).toBe(3007);
    expect(deduper.plan(batchOf(many.slice(0, 3), 2), 8).uniqueCount).toBe(6);
    expect(deduper.plan(batchOf([], 2), 8).uniqueCount).toBe(0);
  });

  test('refuses offsets that disagree with the fids', () => {
    const batch = batchOf([[[1n]]], 1);
    expect(() => deduper.plan({ ...batch, fids: new Uint32Array(4) }, 1)).toThrow(
      'offsets end at 1, batch has 2 fids',
    );
  });
});

describe('pooling and scattering', () => {
  const dim = 3;
  const deduper = new FidDeduper();
  const poolingsOf = (slotCount: number): Pooling[] =>
    Array.from({ length: slotCount }, (_, s) => (s % 2 === 0 ? 'mean' : 'sum'));

  test('pool what a Map of rows by name pools, zeros for an empty slot', () => {
    fc.assert(
      fc.property(scenario, ({ shape, rows }) => {
        const batch = batchOf(rows, shape.slotCount);
        const plan = deduper.plan(batch, shape.partitionCount);
        const poolings = poolingsOf(shape.slotCount);
        const names = namesOf(plan);
        const model = new Map(names.map((name, i) => [name, [i + 1, i * 0.5, -i]]));
        const values = Float32Array.from([...model.values()].flat());
        const expected = new Float64Array(batch.rowCount * shape.slotCount * dim);
        forEachFid(batch, (fid, cell, slot) => {
          const count = batch.offsets[cell + 1]! - batch.offsets[cell]!;
          const scale = poolings[slot] === 'mean' ? 1 / count : 1;
          const row = model.get(nameIn(batch, fid, slot, shape.partitionCount))!;
          row.forEach((value, d) => (expected[cell * dim + d]! += value * scale));
        });
        const pooled = poolRows({ plan, batch, dim, poolings }, values);
        expect(pooled).toHaveLength(expected.length);
        pooled.forEach((value, i) => expect(value).toBeCloseTo(expected[i]!, 4));
      }),
    );
  });

  test('scatter is the transpose of pool: <pool(r), g> = <r, scatter(g)>', () => {
    fc.assert(
      fc.property(scenario, ({ shape, rows }) => {
        const batch = batchOf(rows, shape.slotCount);
        const plan = deduper.plan(batch, shape.partitionCount);
        const pooling = { plan, batch, dim, poolings: poolingsOf(shape.slotCount) };
        const values = Float32Array.from({ length: plan.uniqueCount * dim }, (_, i) => Math.sin(i));
        const pooled = poolRows(pooling, values);
        const gradient = pooled.map((_, i) => Math.cos(3 * i));
        const scattered = scatterGradients(pooling, gradient);
        expect(scattered).toHaveLength(values.length);
        expect(dot(values, scattered)).toBeCloseTo(dot(pooled, gradient), 3);
      }),
    );
  });
});

function dot(a: Float32Array, b: Float32Array): number {
  return a.reduce((sum, value, i) => sum + value * b[i]!, 0);
}

test('a slot that uses the rows of another one has them, and their gradients come together', () => {
  // Slot 1 lists what slot 0 has one of.
  const batch = batchOf([[[5n], [6n, 5n]]], 2);
  const plan = new FidDeduper().plan(batch, 1, [0, 0]);
  expect([...plan.counts]).toEqual([2, 0]);
  const pooling = { plan, batch, dim: 1, poolings: ['sum', 'mean'] as Pooling[] };
  const rows = Float32Array.from({ length: 2 }, (_unused, i) => plan.fids[2 * i]!);
  expect([...poolRows(pooling, rows)]).toEqual([5, 5.5]);
  const gradients = scatterGradients(pooling, Float32Array.of(1, 2));
  const byKey = new Map([...gradients].map((gradient, i) => [plan.fids[2 * i], gradient]));
  expect(byKey.get(5)).toBe(2);
  expect(byKey.get(6)).toBe(1);
});
