import { describe, expect, test } from '@jest/globals';
import type { RowsDelta } from './deltas.js';
import { parseRows, parseWeights, rowsMessage, weightsMessage } from './deltas.js';

const stored = [
  { slot: 11, dim: 2, stateWidth: 1 },
  { slot: 22, dim: 2, stateWidth: 2 },
  { slot: 33, dim: 2, stateWidth: 1 },
];
/** A row of each of the first, two of the second; a key that went of the second and of the third. */
const delta: RowsDelta = {
  ...{ specHash: 'then', partition: 1, epoch: 2, deltaNumber: 3, part: 0, last: true },
  evictedCounts: Uint32Array.of(0, 1, 1),
  evicted: Uint32Array.of(220, 0, 330, 0),
  counts: Uint32Array.of(1, 2, 1),
  fids: Uint32Array.of(1, 0, 2, 0, 3, 0, 4, 0),
  weights: Float32Array.of(1, 1, 2, 2, 3, 3, 4, 4),
  ...{ applied: Float64Array.of(1, 9), resolved: 4, trail: undefined, appliedAtMs: 5 },
  state: Float32Array.of(10, 20, 21, 30, 31, 40),
  updatedAt: Uint32Array.of(1, 2, 3, 4),
  updateCounts: Uint32Array.of(1, 2, 3, 4),
  atSeconds: 7,
};
const message = rowsMessage(delta, stored);
const known = (keptSlots: readonly number[]) => ({
  hash: 'now',
  earlier: new Map([['then', { keptSlots: new Set(keptSlots) }]]),
});
const now = [
  { slot: 11, dim: 2 },
  { slot: 15, dim: 2 },
  { slot: 33, dim: 2 },
];

describe('a delta of before', () => {
  test('is one of now, without the slots that are gone', () => {
    const read = parseRows(message, now, known([11, 33]));
    expect(read).toEqual({
      ...delta,
      specHash: 'now',
      evictedCounts: Uint32Array.of(0, 0, 1),
      evicted: Uint32Array.of(330, 0),
      counts: Uint32Array.of(1, 0, 1),
      fids: Uint32Array.of(1, 0, 4, 0),
      weights: Float32Array.of(1, 1, 4, 4),
      state: Float32Array.of(10, 40),
      updatedAt: Uint32Array.of(1, 4),
      updateCounts: Uint32Array.of(1, 4),
    });
  });

  test('has nothing of a slot that began anew, whatever width it has now', () => {
    const wider = [{ slot: 22, dim: 5 }];
    const read = parseRows(message, wider, known([]));
    expect(read).toMatchObject({
      specHash: 'now',
      counts: Uint32Array.of(0),
      applied: delta.applied,
    });
    expect(read.weights).toHaveLength(0);
  });

  test('is read so of its weights alone too', () => {
    const read = parseWeights(weightsMessage(delta, stored), now, known([11, 33]));
    expect(read.weights).toEqual(Float32Array.of(1, 1, 4, 4));
    expect(read.specHash).toBe('now');
  });

  test('that nobody knows, or that is damaged, is refused', () => {
    expect(() => parseRows({ ...message, specHash: 'other' }, now, known([11]))).toThrow(
      expect.objectContaining({ code: 'SPEC_MISMATCH' }),
    );
    for (const change of [
      { fids: Uint32Array.of(1, 0) },
      { weights: new Float32Array(7) },
      { state: new Float32Array(9) },
      { evicted: new Uint32Array(2) },
      { slots: new Uint32Array(4) },
    ])
      expect(() => parseRows({ ...message, ...change }, now, known([11]))).toThrow(
        expect.objectContaining({ code: 'BAD_MESSAGE' }),
      );
  });

  test('of this blueprint is left as it is', () => {
    const own = { ...message, specHash: 'now' };
    expect(parseRows(own, stored, known([]))).toEqual({ ...delta, specHash: 'now' });
  });
});
