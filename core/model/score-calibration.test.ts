import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { sigmoid } from './calibration.js';
import { calibrationByDecile } from './deciles.js';
import {
  calibratedLogit,
  calibrationSize,
  calibrationStep,
  calibrationSums,
  initialCalibration,
} from './score-calibration.js';

const all = () => true;
const chance = [true];

/** Normal numbers and labels, the same in each run. */
function* people(count: number) {
  let state = 7;
  const next = (): number => (state = (state * 16_807) % 2_147_483_647) / 2_147_483_647;
  for (let i = 0; i < count; i++) {
    const normal = Math.sqrt(-2 * Math.log(next())) * Math.cos(2 * Math.PI * next());
    const truth = -2 + normal;
    yield { truth, label: next() < sigmoid(truth) ? 1 : 0 };
  }
}

/** Fits batch after batch, each judged before it was taken in. */
function judged(distorted: (truth: number) => number, batchRows: number) {
  const values = initialCalibration(1);
  const scores: number[] = [];
  const labels: number[] = [];
  let batch: { logits: number[]; labels: number[] } = { logits: [], labels: [] };
  for (const { truth, label } of people(60_000)) {
    const logit = distorted(truth);
    scores.push(sigmoid(calibratedLogit(logit, values, 0)));
    labels.push(label);
    batch.logits.push(logit);
    batch.labels.push(label);
    if (batch.logits.length < batchRows) continue;
    const rows = {
      logits: Float32Array.from(batch.logits),
      labels: Float32Array.from(batch.labels),
      weights: new Float32Array(batchRows).fill(1),
      counts: all,
    };
    calibrationStep(values, calibrationSums(rows, values, chance));
    batch = { logits: [], labels: [] };
  }
  return { scores: scores.slice(30_000), labels: labels.slice(30_000) };
}

describe('a calibration', () => {
  test('at first leaves what the network says as it is', () => {
    for (const logit of [-40, -3.5, 0, 0.1, 9, 700])
      expect(calibratedLogit(logit, initialCalibration(2), 1)).toBeCloseTo(logit, 5);
    expect(calibratedLogit(-1.5, new Float32Array(0), 3)).toBe(-1.5);
  });

  test.each<[string, (truth: number) => number, number]>([
    ['too sure', (truth) => 3 * truth + 2, 16],
    ['too sure, in large batches', (truth) => 3 * truth + 2, 1024],
    ['not sure enough', (truth) => 0.4 * truth, 16],
    ['right', (truth) => truth, 16],
  ])('makes rates of the scores of a network that is %s', (_what, distorted, batchRows) => {
    const ratios = calibrationByDecile(judged(distorted, batchRows)).map(({ ratio }) => ratio);
    for (const ratio of ratios) expect(Math.abs(ratio - 1)).toBeLessThan(0.15);
  });

  test('orders nothing anew, whatever batches say', () => {
    const sums = fc.array(fc.double({ min: -1e6, max: 1e6, noNaN: true }), {
      minLength: 3,
      maxLength: 3,
    });
    const logits = fc.uniqueArray(fc.integer({ min: -300, max: 300 }), { minLength: 2 });
    fc.assert(
      fc.property(fc.array(sums, { maxLength: 20 }), logits, (said, drawn) => {
        const values = initialCalibration(1);
        for (const first of said)
          calibrationStep(values, Float32Array.from([...first, 1, 0, 0, 1, 0, 1, 1]));
        const sorted = drawn.map((each) => each / 10).sort((a, b) => a - b);
        const calibrated = sorted.map((each) => calibratedLogit(each, values, 0));
        expect(calibrated.every(Number.isFinite)).toBe(true);
        expect([...calibrated].sort((a, b) => a - b)).toEqual(calibrated);
      }),
    );
  });

  test('is told by rows that were shown and of which something is known, and of chances alone', () => {
    const rows = {
      logits: Float32Array.of(1, 2, 3, 4, 5, 6),
      labels: Float32Array.of(1, 9, 0, 9, 1, 9),
      weights: Float32Array.of(1, 1, 0, 1, 1, 1),
      counts: (row: number) => row !== 2,
    };
    const values = initialCalibration(2);
    const sums = calibrationSums(rows, values, [true, false]);
    expect(sums).toHaveLength(calibrationSize(2));
    // One row of the first head: shown, and known.
    expect(sums[9]).toBe(1);
    expect(sums[2]).toBeCloseTo(sigmoid(1) - 1, 6);
    expect([...sums.subarray(10)].every((each) => each === 0)).toBe(true);
    calibrationStep(values, sums);
    expect(values.subarray(10)).toEqual(initialCalibration(1));
    expect(values[2]).toBeGreaterThan(0);
  });

  test('is not changed by sums that are not finite', () => {
    const values = initialCalibration(1);
    calibrationStep(values, Float32Array.of(NaN, 0, 0, 1, 0, 0, 1, 0, 1, 5));
    expect(values).toEqual(initialCalibration(1));
  });
});
