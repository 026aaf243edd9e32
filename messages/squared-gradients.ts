import type { SquaredGradients } from './parameters.js';

/** Of a step, in the order of its plan. */
export interface StepSquares {
  /** f32 [rows × dim], of each row the sum over examples of the squares of what they say. */
  readonly values: Float32Array;
  /** u8 [rows], 1 where that is not the square of what the batch says. */
  readonly repeated: Uint8Array;
}

/** Runs of the rows of a plan, one after the other, which are what is pushed. */
export interface PlanRuns {
  readonly starts: Uint32Array;
  readonly lengths: Uint32Array;
}

/** Of what is pushed, squares of the rows that were read more than once: those of any other are known from its gradient. */
export function repeatedSquares(
  { starts, lengths }: PlanRuns,
  { values, repeated }: StepSquares,
  dim: number,
): SquaredGradients {
  const rows: number[] = [];
  const places: number[] = [];
  let row = 0;
  for (let run = 0; run < starts.length; run++) {
    const end = starts[run]! + lengths[run]!;
    for (let at = starts[run]!; at < end; at++, row++) {
      if (repeated[at] === 0) continue;
      rows.push(row);
      places.push(at);
    }
  }
  const taken = new Float32Array(rows.length * dim);
  places.forEach((at, i) => taken.set(values.subarray(at * dim, (at + 1) * dim), i * dim));
  return { rows: Uint32Array.from(rows), values: taken };
}

/** @returns f32, like `gradients`: the squares that were sent, and of any other row those of its gradient. */
export function allSquares(
  gradients: Float32Array,
  { rows, values }: SquaredGradients,
  dim: number,
): Float32Array {
  const squares = new Float32Array(gradients.length);
  for (let i = 0; i < squares.length; i++) squares[i] = gradients[i]! * gradients[i]!;
  rows.forEach((row, i) => squares.set(values.subarray(i * dim, (i + 1) * dim), row * dim));
  return squares;
}
