import { assert } from '../../base/assert.js';

/**
 * How a serving table stores a row of `dim` weights. What goes in and out is fp32; the forms differ in bytes and error:
 *
 *   fp32   f32 [dim]                                              exact
 *   fp16   f16 [dim]                                              |error| ≤ 2^-11 · |w|, and ≤ 2^-25 where |w| < 2^-14
 *   int8   f32 scale, f32 [fp32Prefix], i8 [dim - fp32Prefix]     |error| ≤ scale / 2, scale = max|w| / 127 of the row
 *
 * Each row is padded with zeros to whole words, at most 3 bytes, so that scales and digests are read as words. Measured
 * on 1 M rows of 17 weights: rows of 24 bytes decode as fast as rows of 21 (20 and 22 M/s).
 *
 * int8 is symmetric. A zero point per row (affine) would take 4 bytes more, and trained factors lie around zero: it
 * lowers their RMS error by a sixth only. The leading weights can stay fp32, since the first-order weight of a row has
 * a scale of its own: where it is the largest, it would coarsen all factors. With 4·n factors it costs no byte: the
 * padding would take the place. docs/embedding.md has the figures.
 *
 * What does not fit: NaN becomes 0, ±Infinity becomes ±65504, and a finite weight beyond what the form can hold (fp16:
 * 65504, int8: 2^127) becomes the largest it can. Trainers refuse such gradients, so this is a second line: a serving
 * shard that threw would be down as long as the delta is in the log, and one that kept a NaN would spoil every score
 * that the row is part of. Such weights are counted (`saturatedCount`).
 */
export const compressions = ['fp32', 'fp16', 'int8'] as const;
export type Compression = (typeof compressions)[number];

const wordBytes = 4;

/** Memory of the weights of one row, padding included; its key and index entry come on top. */
export function rowBytesOf(compression: Compression, dim: number, fp32Prefix: number): number {
  assert(Number.isInteger(dim) && dim > 0, 'a row has at least one weight');
  assert(fp32Prefix >= 0 && fp32Prefix <= dim, 'the prefix is part of the row');
  return Math.ceil(unpaddedBytes(compression, dim, fp32Prefix) / wordBytes) * wordBytes;
}

function unpaddedBytes(compression: Compression, dim: number, fp32Prefix: number): number {
  switch (compression) {
    case 'fp32':
      return 4 * dim;
    case 'fp16':
      return 2 * dim;
    case 'int8':
      return 4 + 4 * fp32Prefix + (dim - fp32Prefix);
  }
}
