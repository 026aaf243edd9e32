import { describe, expect, test } from '@jest/globals';
import { initialCalibration } from './score-calibration.js';
import {
  cutValues,
  scaleStep,
  scaleSums,
  scaledDense,
  scalesIn,
  scalesSize,
} from './number-scales.js';

/** A number that may be missing, one that is not scaled, and one that is never missing; a chance and a value. */
const spec = {
  denseCount: 4,
  scaled: [{ at: 0, missingAt: 1 }, { at: 3 }],
  heads: 2,
  losses: ['cross-entropy', 'squared'] as const,
};
const batchOf = (rows: readonly (readonly number[])[], values: readonly number[] = []) => ({
  rowCount: rows.length,
  dense: Float32Array.from(rows.flat()),
  labels: Float32Array.from(rows.flatMap((_row, i) => [0, values[i] ?? 0])),
  weights: new Float32Array(2 * rows.length).fill(1),
});

describe('scales of numbers', () => {
  test('are behind the calibration, and say nothing before anything is known', () => {
    const scales = scalesIn(new Float32Array([...initialCalibration(2), ...new Float32Array(scalesSize(spec))]), spec); // prettier-ignore
    expect(scales).toHaveLength(scalesSize(spec));
    const batch = batchOf([[9, 0, 0.5, 8]]);
    expect([...scaledDense(batch, spec, scales)]).toEqual([0, 0, 0.5, 0]);
    scaleStep(scales, scaleSums(batch, spec));
    expect([...scaledDense(batch, spec, scales)]).toEqual([0, 0, 0.5, 0]); // The middle of one.
    // What an example says is not changed.
    expect([...batch.dense]).toEqual([9, 0, 0.5, 8]);
  });

  test('bring numbers to −1 … 1, but for what is missing, which they do not count', () => {
    const scales = new Float32Array(scalesSize(spec));
    const rows = [10, 20, 30, 40, 1e9].map((price) => [price, 0, 7, -price]);
    scaleStep(scales, scaleSums(batchOf([...rows, [0, 1, 7, 0]]), spec));
    expect(scales[0]).toBe(5);
    const seen = scaledDense(batchOf([[10, 0, 7, 0], [30, 0, 7, 0], [1e30, 0, 7, 0], [0, 1, 7, 0]]), spec, scales); // prettier-ignore
    expect([0, 4, 8, 12].map((at) => seen[at])).toEqual([-1, 0, 1, 0]);
  });

  test('cut values that are far from all others, once there are some', () => {
    const scales = new Float32Array(scalesSize(spec));
    const few = batchOf([[1, 0, 0, 0], [1, 0, 0, 0]], [999_999_999, 0]); // prettier-ignore
    cutValues(few, spec, scales, scaleSums(few, spec), [undefined, 'none']);
    // Nobody can tell whether that is much; that there was nothing is known.
    expect([...few.weights]).toEqual([1, 0, 1, 1]);
    const values = Array.from({ length: 40 }, (_, i) =>
      i === 7 ? 999_999_999 : i === 8 ? 0 : 10 + i,
    );
    const batch = batchOf(values.map(() => [1, 0, 0, 0]), values); // prettier-ignore
    cutValues(batch, spec, scales, scaleSums(batch, spec), [undefined, 'none']);
    expect(batch.weights.every((weight) => weight === 1)).toBe(true);
    expect(batch.labels[15]).toBeLessThan(400);
    expect([batch.labels[1], batch.labels[17], batch.labels[79]]).toEqual([10, 0, 49]);
  });
});
