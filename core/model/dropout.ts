import { mix32 } from '../base/hash.js';
import type { ModelSpec } from './network.js';

/**
 * Dropout (Srivastava et al., 2014): in training each unit is 0 with the chance `rate`, and 1 / (1 − rate) times what it is otherwise; where
 * is scored all are there. Which ones is a function of the batch and of the parameters: a step has the same bits again on every executor and
 * host, with no state that could get out of step, and the same batch drops others when it comes again.
 */
export interface DropoutNoise {
  /** See `dropoutSeed`. */
  readonly seed: number;
  readonly rate: number;
  /** Which of the places of the network that drop units. */
  readonly place: number;
}

/** So many words of each are looked at: enough that no two steps have the same. */
const wordsMax = 64;

/** @param values rows, labels and parameters of a step. */
export function dropoutSeed(...all: readonly Float32Array[]): number {
  let seed = 0;
  for (const values of all) {
    const count = Math.min(values.length, wordsMax);
    seed = mix32(seed ^ values.length);
    const words = new Uint32Array(values.buffer, values.byteOffset, count);
    for (let i = 0; i < count; i++) seed = mix32(seed ^ words[i]!);
  }
  return seed;
}

/** Factors of one row, to `out` from `at` on. @param row of the batch. */
export function writeDropout(
  { seed, rate, place }: DropoutNoise,
  row: number,
  columns: number,
  out: Float32Array,
  at: number,
): void {
  const kept = 1 / (1 - rate);
  const limit = rate * 2 ** 32;
  const ofRow = mix32(mix32(seed ^ (place + 1)) ^ (row + 1));
  for (let column = 0; column < columns; column++)
    out[at + column] = mix32(ofRow ^ ((column + 1) * 0x9e3779b1)) < limit ? 0 : kept;
}

/** f32 [rows × columns], of all rows of a batch. */
export function dropoutColumns(
  { columns, index }: { readonly columns: number; readonly index: number },
  { dropout = 0 }: Pick<ModelSpec, 'dropout'>,
  rowCount: number,
  seed: number,
): Float32Array {
  const factors = new Float32Array(rowCount * columns);
  const noise = { seed, rate: dropout, place: index };
  for (let row = 0; row < rowCount; row++)
    writeDropout(noise, row, columns, factors, row * columns);
  return factors;
}
