import { describe, expect, test } from '@jest/globals';
import { RowInitializer, type InitializerSpec } from './initializer.js';

function rowOf(
  spec: InitializerSpec,
  low: number,
  high: number,
  dim = 8,
  slot = 1,
  seed = 42,
): number[] {
  const out = new Float32Array(dim + 4).fill(99);
  new RowInitializer(spec, slot, seed, dim).write(low, high, out, 2, dim);
  expect([out[0], out[1], out[dim + 2], out[dim + 3]]).toEqual([99, 99, 99, 99]);
  return [...out.subarray(2, dim + 2)];
}

const uniform: InitializerSpec = { kind: 'uniform', minimum: -0.5, maximum: 1.5 };
const normal: InitializerSpec = { kind: 'normal', mean: 2, stddev: 0.5 };

describe('RowInitializer', () => {
  test('zeros and constant', () => {
    expect(rowOf({ kind: 'zeros' }, 1, 2, 3)).toEqual([0, 0, 0]);
    expect(rowOf({ kind: 'constant', value: 0.25 }, 1, 2, 3)).toEqual([0.25, 0.25, 0.25]);
  });

  test('the same key and seed give the same row anywhere; int32 and u32 words are one key', () => {
    for (const spec of [uniform, normal]) {
      expect(rowOf(spec, 7, 8)).toEqual(rowOf(spec, 7, 8));
      expect(rowOf(spec, 0xffffffff, 0x80000000)).toEqual(rowOf(spec, -1, -0x80000000));
    }
    // Kept rows: a change here would change what every absent row reads as.
    expect(rowOf(uniform, 7, 8, 3)).toEqual([
      0.807769775390625, -0.072174072265625, 1.35174560546875,
    ]);
    expect(rowOf(normal, 7, 8, 3)).toEqual([
      2.877824306488037, 1.3196585178375244, 2.9398787021636963,
    ]);
  });

  test('another key, slot or seed gives another row', () => {
    const row = rowOf(uniform, 7, 8);
    expect(rowOf(uniform, 8, 7)).not.toEqual(row);
    expect(rowOf(uniform, 7, 9)).not.toEqual(row);
    expect(rowOf(uniform, 7, 8, 8, 2)).not.toEqual(row);
    expect(rowOf(uniform, 7, 8, 8, 1, 43)).not.toEqual(row);
    expect(new Set(row).size).toBe(row.length);
  });

  test('the first zeroPrefix coordinates are zero for every kind', () => {
    for (const spec of [uniform, normal, { kind: 'constant', value: 3 } as const]) {
      const row = rowOf({ ...spec, zeroPrefix: 2 }, 5, 6);
      expect(row.slice(0, 2)).toEqual([0, 0]);
      expect(row.slice(2).every((value) => value !== 0)).toBe(true);
    }
    expect(rowOf({ ...uniform, zeroPrefix: 9 }, 5, 6, 3)).toEqual([0, 0, 0]);
  });

  test('uniform and normal have the mean and spread they name', () => {
    const draws = (spec: InitializerSpec) =>
      Array.from({ length: 4000 }, (_, i) => {
        const row = new Float32Array(4);
        new RowInitializer(spec, 1, 42, 4).write(i, 0, row, 0, 4);
        return [...row];
      }).flat();
    const mean = (values: number[]) =>
      values.reduce((sum, value) => sum + value, 0) / values.length;
    const stddev = (values: number[]) => {
      const centre = mean(values);
      return Math.sqrt(mean(values.map((value) => (value - centre) ** 2)));
    };
    const uniformDraws = draws(uniform);
    expect(mean(uniformDraws)).toBeCloseTo(0.5, 1);
    expect(stddev(uniformDraws)).toBeCloseTo(2 / Math.sqrt(12), 1);
    expect(uniformDraws.every((value) => value >= -0.5 && value <= 1.5)).toBe(true);
    const truncated = draws({ kind: 'truncated-normal', mean: 2, stddev: 0.5 });
    expect(mean(truncated)).toBeCloseTo(2, 1);
    expect(stddev(truncated)).toBeCloseTo(0.88 * 0.5, 1);
    expect(truncated.every((value) => value >= 1 && value <= 3)).toBe(true);
    expect(truncated.filter((value) => Math.abs(value - 2) > 0.999).length).toBeLessThan(20);
    const limit = Math.sqrt(6 / 5);
    const xavier = draws({ kind: 'xavier', distribution: 'uniform' });
    expect(Math.max(...xavier.map(Math.abs))).toBeLessThanOrEqual(1.000001 * limit);
    expect(stddev(xavier)).toBeCloseTo(limit / Math.sqrt(3), 1);
    expect(stddev(draws({ kind: 'xavier', distribution: 'normal' }))).toBeCloseTo(
      Math.sqrt(2 / 5),
      1,
    );
    const normalDraws = draws(normal);
    expect(mean(normalDraws)).toBeCloseTo(2, 1);
    expect(stddev(normalDraws)).toBeCloseTo(0.5, 1);
  });

  test('refuses figures that are not finite', () => {
    expect(() => new RowInitializer({ kind: 'normal', stddev: Infinity }, 1, 1, 8)).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID' }),
    );
  });
});
