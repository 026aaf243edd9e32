import { describe, expect, test } from '@jest/globals';
import { mixSketch, quantile, rankIn, sketchOf, sketchSize } from './quantile-sketch.js';

const rows = (count: number, value: (i: number) => number) =>
  Float32Array.from({ length: count }, (_, i) => value(i));
/** In [0, 1), without a pattern. */
const spread = (i: number) => (i * 0.6180339887) % 1;

describe('a sketch of quantiles', () => {
  test('knows where a value stands', () => {
    const sketch = sketchOf(rows(1000, (i) => 50 * spread(i)));
    for (const p of [0.1, 0.5, 0.9]) {
      expect(rankIn(sketch, 50 * p)).toBeCloseTo(p, 2);
      expect(quantile(sketch, p)).toBeCloseTo(50 * p, 0);
    }
    expect([rankIn(sketch, -1), rankIn(sketch, 51)]).toEqual([0, 1]);
  });

  test('puts a value that many have into the middle of them', () => {
    const sketch = sketchOf(rows(1000, (i) => (i < 400 ? 0 : i < 600 ? 1 : 2)));
    expect([0, 1, 2].map((value) => Math.round(100 * rankIn(sketch, value)))).toEqual([
      expect.closeTo(20, -1),
      expect.closeTo(50, -1),
      expect.closeTo(80, -1),
    ]);
    expect(rankIn(sketchOf(rows(9, () => 7)), 7)).toBe(0.5);
  });

  test('of parts is that of the whole, in whatever batches they come', () => {
    const values = rows(4096, (i) => Math.exp(4 * spread(i)));
    for (const size of [1, 32, 1024]) {
      const sketch = new Float32Array(sketchSize);
      for (let start = 0; start < values.length; start += size)
        mixSketch(sketch, sketchOf(values.slice(start, start + size)), 1e6);
      expect(sketch[0]).toBe(4096);
      for (const p of [0.1, 0.25, 0.5, 0.75, 0.9])
        expect(Math.abs(rankIn(sketch, Math.exp(4 * p)) - p)).toBeLessThan(0.03);
    }
  });

  test('is not moved by two wild values, wherever they come', () => {
    const plain = rows(4096, spread);
    for (const [at, value] of [
      [0, 1e9],
      [31, -1e30],
      [2000, 3e38],
    ] as const) {
      // prettier-ignore
      const values = plain.slice();
      values[at] = values[at + 1] = value;
      const sketch = new Float32Array(sketchSize);
      for (let start = 0; start < values.length; start += 32)
        mixSketch(sketch, sketchOf(values.slice(start, start + 32)), 10_000);
      for (const p of [0.1, 0.5, 0.9]) expect(Math.abs(rankIn(sketch, p) - p)).toBeLessThan(0.03);
    }
  });

  test('follows what values become', () => {
    const sketch = sketchOf(rows(1000, spread));
    for (let n = 0; n < 100; n++)
      mixSketch(sketch, sketchOf(rows(100, (i) => 100 + spread(i))), 1000);
    expect(rankIn(sketch, 100.5)).toBeCloseTo(0.5, 1);
  });

  test('takes nothing of what is not finite, or of nothing', () => {
    expect(sketchOf(Float32Array.of(NaN, Infinity))[0]).toBe(0);
    const sketch = sketchOf(Float32Array.of(1, 2, 3));
    const before = sketch.slice();
    mixSketch(sketch, new Float32Array(sketchSize), 10);
    mixSketch(sketch, new Float32Array(sketchSize).fill(NaN), 10);
    mixSketch(sketch, new Float32Array(sketchSize).fill(Infinity), 10);
    expect(sketch).toEqual(before);
  });
});
