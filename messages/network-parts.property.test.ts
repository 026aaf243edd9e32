import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { decode, encode } from './codec.js';
import { denseStateParts, joinedState, networkPartOf } from './network-parts.js';
import { parseDenseState } from './network-state.js';

function stateOf(count: number, version = 3) {
  return {
    specHash: 'h',
    ...{ denseVersion: version, trainedThrough: 7, epoch: 2, steps: 9, outcomes: ['click'] },
    parameters: Float32Array.from({ length: count }, (_value, i) => i + version / 8),
    optimizerState: Float32Array.from({ length: 2 * count }, (_value, i) => -i),
    applied: Float64Array.of(7, 9, 9),
  };
}

const partsOf = (count: number, parametersMax: number, version?: number) =>
  [...denseStateParts(stateOf(count, version), parametersMax)].map((part) => decode(encode(part)));

describe('a state in parts', () => {
  test('is the state that it was, whatever its size and that of its parts', () => {
    const size = fc.integer({ min: 1, max: 40 });
    fc.assert(
      fc.property(size, size, (count, parametersMax) => {
        const parts = partsOf(count, parametersMax);
        expect(parts).toHaveLength(Math.ceil(count / parametersMax));
        expect(parts.map((part) => networkPartOf(part).last)).toEqual(
          parts.map((_part, i) => i === parts.length - 1),
        );
        const reader = { hash: 'h', parameterCount: count };
        expect(parseDenseState(joinedState(parts), reader)).toEqual(stateOf(count));
      }),
    );
  });

  test('says only at its end which batches are in it', () => {
    const applied = partsOf(7, 3).map((part) => (part as { applied: Float64Array }).applied.length);
    expect(applied).toEqual([0, 0, 3]);
  });

  test('that lacks one, has one of another state, or is out of order is refused', () => {
    const [a, b, c] = partsOf(7, 3);
    const [, other] = partsOf(7, 3, 4);
    const [, longer] = partsOf(8, 4);
    for (const parts of [[], [a, b], [a, c], [b, c], [b, a, c], [a, other, c], [a, longer, c]])
      expect(() => joinedState(parts)).toThrow(/parts of one/);
    expect(() => joinedState([a, b, c])).not.toThrow();
  });
});
