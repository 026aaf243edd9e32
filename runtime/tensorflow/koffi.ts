import { createRequire } from 'node:module';
import { StarlingError } from '../../core/base/errors.js';

/**
 * Calls into a C library without compiling anything: the one place that knows `koffi` (prebuilt, MIT, 4 MB with its binary),
 * an optional dependency. Node's own `node:ffi` may take its place here one day.
 *
 * Handles travel as plain numbers, declared `size_t`: addresses of a process fit in 47 bits, and a `void *` would be a
 * BigInt each. Whole arrays are handed over as typed arrays, whose address is passed.
 */
export type CType = string | object;

export interface Koffi {
  load(path: string): { func(name: string, result: CType, parameters: readonly CType[]): unknown };
  struct(fields: Readonly<Record<string, CType>>): object;
  pointer(of: CType): object;
  out(of: CType): object;
  config(options?: Readonly<Record<string, number>>): Readonly<Record<string, number>>;
}

/** koffi runs calls on stacks of its own, 2 MiB large unless told; TensorFlow is used to the 8 MiB of a thread. */
const stackBytes = 8 * 2 ** 20;

const require = createRequire(import.meta.url);

/** @throws StarlingError TENSORFLOW_MISSING where it is not installed. */
export function loadKoffi(): Koffi {
  let koffi: Koffi;
  try {
    koffi = require('koffi') as Koffi;
  } catch (cause) {
    throw new StarlingError(
      'TENSORFLOW_MISSING',
      'the package koffi, by which libtensorflow is called, is not installed: it is an optional dependency of Starling, left out by `npm ci --omit=optional` or not built for this platform',
      {},
      { cause },
    );
  }
  const set = koffi.config();
  // It throws once any library is loaded, also by another copy of the module, as Jest makes them; then it is set already.
  if ((set['sync_stack_size'] ?? 0) < stackBytes) {
    koffi.config({ ...set, sync_stack_size: stackBytes, async_stack_size: stackBytes });
  }
  return koffi;
}
