import { kernelKeysMax, kernelKeysMin } from '../kernels/arena.js';
import { scatter } from '../row-transfer.js';
import type { Compression } from './compression.js';
import type { PackedRows } from './packed-rows.js';

interface Form {
  readonly compression: Compression;
  readonly dim: number;
  readonly fp32Prefix: number;
}

/** decode-rows.ts in WebAssembly, with the same bits; false, with nothing done, where that can't be done or does not pay. */
export function decodeByKernel(
  { compression, dim, fp32Prefix }: Form,
  store: PackedRows,
  rows: Int32Array,
  rowCount: number,
  out: Float32Array,
  outStart: number,
): boolean {
  const { directory, pageShift, rowBytes } = store;
  const { reaches } = directory;
  if (reaches.length === 0 || rowCount < kernelKeysMin || rowCount > kernelKeysMax) return false;
  for (const { arena } of reaches) if (!arena.floats(kernelKeysMax * dim)) return false;
  for (const [r, { arena, list }] of reaches.entries()) {
    const count = directory.select(r, rows, rowCount, pageShift);
    const { kernels, scratch } = arena;
    const listed = arena.rows.byteOffset;
    const decoded = arena.floats(kernelKeysMax * dim)!;
    const target = decoded.byteOffset;
    if (compression === 'fp32')
      kernels.gather(list, pageShift, rowBytes, listed, count, 0, 4 * dim, target, scratch);
    else if (compression === 'fp16')
      kernels.gatherFp16(list, pageShift, rowBytes, listed, count, dim, target, scratch);
    else
      kernels.gatherInt8(
        list,
        pageShift,
        rowBytes,
        listed,
        count,
        dim,
        fp32Prefix,
        target,
        scratch,
      );
    scatter(decoded, count, dim, rowCount, out, outStart);
  }
  return true;
}
