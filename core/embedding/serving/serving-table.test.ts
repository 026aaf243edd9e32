import { describe, expect, test } from '@jest/globals';
import { mix32 } from '../../base/hash.js';
import { digestText, emptyDigest } from '../digest.js';
import { EmbeddingTable } from '../embedding-table.js';
import { compressions, rowBytesOf, type Compression } from './compression.js';
import { ServingTable } from './serving-table.js';

function tableOf(compression: Compression, dim = 4, fp32Prefix = 0): ServingTable {
  return new ServingTable({ slot: 2, dim, compression, fp32Prefix, seed: 1 });
}

function fidsUpTo(count: number): Uint32Array {
  return Uint32Array.from({ length: 2 * count }, (_, i) => (i % 2 === 0 ? mix32(i) : 3));
}

function lookedUp(table: ServingTable, fids: Uint32Array): Float32Array {
  const out = new Float32Array((fids.length / 2) * table.dim).fill(99);
  table.lookup(fids, 0, fids.length / 2, out, 0);
  return out;
}

function throughTable(compression: Compression, row: readonly number[], fp32Prefix = 0): number[] {
  const table = tableOf(compression, row.length, fp32Prefix);
  table.assign(Uint32Array.of(7, 7), 0, 1, Float32Array.from(row), 0);
  return [...lookedUp(table, Uint32Array.of(7, 7))];
}

function digestOf(table: ServingTable): string {
  const lanes = emptyDigest();
  table.addToDigest(lanes);
  return digestText(lanes);
}

describe('forms', () => {
  test('bytes of a row', () => {
    expect(compressions.map((form) => rowBytesOf(form, 16, 0))).toEqual([64, 32, 20]);
    expect(compressions.map((form) => rowBytesOf(form, 17, 0))).toEqual([68, 36, 24]);
    expect(rowBytesOf('int8', 17, 1)).toBe(24);
    expect(rowBytesOf('int8', 1, 1)).toBe(8);
    expect(() => rowBytesOf('int8', 2, 3)).toThrow('part of the row');
  });

  test.each(compressions)('a table of %s takes its rows, 8 bytes of key and the index', (form) => {
    const table = tableOf(form, 16);
    const rowCount = 50_000;
    const fids = fidsUpTo(rowCount);
    table.assign(fids, 0, rowCount, new Float32Array(16 * rowCount), 0);
    const perRow = table.bytes / rowCount;
    const rowBytes = rowBytesOf(form, 16, 0);
    expect(perRow).toBeGreaterThan(rowBytes + 8 + 16);
    // Index at half load after a doubling, and the last page half empty.
    expect(perRow).toBeLessThan((rowBytes + 8) * 1.2 + 34);
  });
});

describe('ServingTable', () => {
  test.each(compressions)('%s: rows come back, absent ones as zeros and counted', (form) => {
    const table = tableOf(form);
    const weights = Float32Array.of(99, 1, -2, 0.5, 127, -1, 2, -127, 4);
    table.assign(Uint32Array.of(99, 99, 1, 0, 2, 0), 1, 2, weights, 1);
    const out = new Float32Array(14).fill(99);
    const probes = Uint32Array.of(99, 99, 2, 0, 3, 0, 1, 0);
    expect(table.lookup(probes, 1, 3, out, 1)).toBe(1);
    // A scale of 1 for int8, which then has to round 0.5 up or down.
    const half = form === 'int8' ? 1 : 0.5;
    expect([...out]).toEqual([99, -1, 2, -127, 4, 0, 0, 0, 0, 1, -2, half, 127, 99]);
    expect(table.rowCount).toBe(2);
    table.verify();
  });

  test.each(compressions)('%s: all-zero and all-ones keys are keys like any other', (form) => {
    const fids = Uint32Array.of(0, 0, 0xffffffff, 0xffffffff, 0, 0x80000000);
    const table = tableOf(form, 1);
    expect(table.lookup(fids, 0, 3, new Float32Array(3), 0)).toBe(3);
    table.assign(fids, 0, 3, Float32Array.of(1, 2, 3), 0);
    lookedUp(table, fids).forEach((weight, i) => expect(weight).toBeCloseTo(i + 1, 6));
    table.verify();
  });

  test.each(compressions)(
    '%s: a removed row reads as zeros, and its memory is used again',
    (form) => {
      const table = tableOf(form);
      const fids = fidsUpTo(3000);
      table.assign(fids, 0, 3000, new Float32Array(12_000).fill(5), 0);
      const { bytes } = table;
      expect(table.remove(fids, 1000, 1000)).toBe(1000);
      expect(table.remove(fids, 1000, 1000)).toBe(0);
      expect(table.rowCount).toBe(2000);
      table.verify();
      expect([...lookedUp(table, fids.subarray(2000, 4000))].every((weight) => weight === 0)).toBe(
        true,
      );
      const others = fids.map((word, i) => (i % 2 === 0 ? word : 4));
      table.assign(others, 0, 1000, new Float32Array(4000).fill(-5), 0);
      expect(table.bytes).toBe(bytes);
      table.verify();
      expect(
        lookedUp(table, others.subarray(0, 2000)).every((weight) => Math.abs(weight + 5) < 1e-6),
      ).toBe(true);
      expect(
        lookedUp(table, fids.subarray(0, 2000)).every((weight) => Math.abs(weight - 5) < 1e-6),
      ).toBe(true);
    },
  );

  test('a fid sent twice in a batch is one row with the latter weights', () => {
    const table = tableOf('fp32', 1);
    table.assign(Uint32Array.of(1, 0, 2, 0, 1, 0), 0, 3, Float32Array.of(1, 2, 3), 0);
    expect(table.rowCount).toBe(2);
    expect([...lookedUp(table, Uint32Array.of(1, 0))]).toEqual([3]);
  });

  test('arrays that are too short are refused', () => {
    const table = tableOf('int8');
    const fids = Uint32Array.of(1, 0);
    expect(() => table.assign(fids, 0, 1, new Float32Array(3), 0)).toThrow('weights for each fid');
    expect(() => table.assign(fids, 0, 2, new Float32Array(8), 0)).toThrow('within their array');
    expect(() => table.lookup(fids, 0, 1, new Float32Array(4), 1)).toThrow('fit the output');
    expect(() => table.remove(fids, 1, 1)).toThrow('within their array');
  });
});

describe('weights at the limits', () => {
  test('fp16 keeps negative zero, int8 does not', () => {
    expect(throughTable('fp16', [-0, 1])).toEqual([-0, 1]);
    expect(throughTable('int8', [-0, 1]).map((weight) => weight + 0)).toEqual([0, 1]);
    expect(throughTable('int8', [0, 0, 0])).toEqual([0, 0, 0]);
  });

  test('NaN becomes 0 and infinities ±65504, in every form, and they are counted', () => {
    for (const form of compressions) {
      const table = tableOf(form, 4);
      const fid = Uint32Array.of(1, 0);
      table.assign(fid, 0, 1, Float32Array.of(NaN, Infinity, -Infinity, 65504), 0);
      const expected = [0, 65504, -65504, 65504];
      lookedUp(table, fid).forEach((weight, d) => expect(weight).toBeCloseTo(expected[d]!, 1));
      expect(table.saturatedCount).toBe(3);
    }
    expect(throughTable('int8', [NaN, 1], 1)).toEqual([0, 1]);
  });

  test('finite weights beyond the form saturate; fp32 has none', () => {
    const huge = Math.fround(3.4e38);
    expect(throughTable('fp32', [huge, -huge])).toEqual([huge, -huge]);
    expect(throughTable('fp16', [huge, -huge, 65519])).toEqual([65504, -65504, 65504]);
    const [up, down] = throughTable('int8', [huge, -huge]);
    expect(up! / 2 ** 127).toBeCloseTo(1, 6);
    expect(down).toBe(-up!);
    const table = tableOf('fp16', 2);
    table.assign(Uint32Array.of(1, 0), 0, 1, Float32Array.of(65519, 65520), 0);
    expect(table.saturatedCount).toBe(1);
  });

  test('the first weight in fp32 spares int8 a coarse scale', () => {
    const row = [100, 0.01, -0.02, 0.03, 0.0001];
    expect(throughTable('int8', row).slice(1)).toEqual([0, -0, 0, 0].map((zero) => zero + 0));
    const spared = throughTable('int8', row, 1);
    expect(spared[0]).toBe(100);
    for (let d = 1; d < 5; d++)
      expect(Math.abs(spared[d]! - row[d]!)).toBeLessThanOrEqual((0.03 / 254) * 1.001);
  });
});

describe('digest', () => {
  const fids = fidsUpTo(500);
  const weights = Float32Array.from({ length: 2000 }, (_, i) => mix32(i) / 2 ** 31 - 1);

  test.each(compressions)('%s: the same for the same rows, however they got there', (form) => {
    const once = tableOf(form);
    once.assign(fids, 0, 500, weights, 0);
    const detour = tableOf(form);
    detour.assign(fids, 200, 300, weights, 0);
    detour.remove(fids, 300, 150);
    for (let i = 499; i >= 0; i--) detour.assign(fids, i, 1, weights, 4 * i);
    expect(digestOf(detour)).toBe(digestOf(once));
    detour.assign(fids, 0, 1, Float32Array.of(9, 9, 9, 9), 0);
    expect(digestOf(detour)).not.toBe(digestOf(once));
    once.remove(fids, 0, 500);
    expect(digestOf(once)).toBe('0000000000000000');
  });

  test('of fp32 rows it is the digest of the training weights', () => {
    const training = new EmbeddingTable({
      slot: 2,
      dim: 4,
      initializer: { kind: 'zeros' },
      optimizer: { kind: 'adagrad', learningRate: 0.1 },
      seed: 8,
    });
    const facts = new Uint32Array(500).fill(1);
    training.assign({
      count: 500,
      fids,
      rowStart: 0,
      weights,
      weightsStart: 0,
      state: undefined,
      stateStart: 0,
      updatedAt: facts,
      updateCounts: facts,
    });
    const serving = tableOf('fp32');
    serving.assign(fids, 0, 500, weights, 0);
    const lanes = emptyDigest();
    training.addToDigest(lanes, false);
    expect(digestOf(serving)).toBe(digestText(lanes));
  });
});
