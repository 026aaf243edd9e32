import { kernelBytes } from './kernel-bytes.js';
import type { Kernels } from './kernels.js';

/**
 * A linear memory that the kernels work on, with an instance of them: tables keep their large pages in it, as typed arrays
 * that are views of it. It is shared memory because that grows without moving, so views stay valid; nobody shares it. What
 * a table gives back is kept by size and used again. It holds 4 GiB at most; arena-pool.ts has several.
 */
const pageBytes = 65_536;
const lineBytes = 64;
/** Memory asked of the system at once. Too little: many small steps. Too much: memory nobody uses. */
const growPagesMin = 256;

/** What 32-bit addresses reach. */
export const arenaBytesMax = 2 ** 32;

/**
 * Keys or rows in one call of a kernel; blockKeys of kernels/assembly/memory.ts. Too few: the calls are felt, and few misses
 * overlap. Too many: lines have left the nearest cache when they are used, and so have rows when they are copied out.
 */
export const kernelKeysMax = 128;

/** Fewer are worked on sooner than a kernel is called and its arrays are filled. */
export const kernelKeysMin = 16;

/** A cache line for the sum of what was touched, then three lists of a block. */
const blockScratchBytes = lineBytes + 3 * 4 * kernelKeysMax;

export interface Block {
  readonly arena: Arena;
  readonly address: number;
  readonly bytes: number;
}

let compiled: WebAssembly.Module | undefined;

function kernelModule(): WebAssembly.Module {
  const bytes = () => Uint8Array.from(atob(kernelBytes), (character) => character.charCodeAt(0));
  return (compiled ??= new WebAssembly.Module(bytes()));
}

export class Arena {
  readonly kernels: Kernels;
  /** Caller fills them before a call; u32 pairs, and rows. */
  readonly keys: Uint32Array;
  readonly rows: Int32Array;
  /** Of the passes of a kernel. */
  readonly scratch: number;
  /** A list that `touch` writes and the steps read. */
  readonly places: number;
  readonly bytesMax: number;
  readonly #memory: WebAssembly.Memory;
  /** Address 0 stays unused, so that it can mean none. */
  #end = lineBytes;
  readonly #free = new Map<number, number[]>();
  #floatScratch: Float32Array = new Float32Array(0);
  #floatBlock: Block | undefined;

  /** @throws where no such memory is to be had, such as under a limit on address space. */
  constructor(bytesMax = arenaBytesMax) {
    this.bytesMax = bytesMax;
    const maximum = arenaBytesMax / pageBytes;
    this.#memory = new WebAssembly.Memory({ initial: 1, maximum, shared: true });
    const instance = new WebAssembly.Instance(kernelModule(), { env: { memory: this.#memory } });
    this.kernels = instance.exports as Kernels;
    const lists = this.allocate(12 * kernelKeysMax)!.address;
    this.keys = new Uint32Array(this.#memory.buffer, lists, 2 * kernelKeysMax);
    this.rows = new Int32Array(this.#memory.buffer, lists + 8 * kernelKeysMax, kernelKeysMax);
    this.scratch = this.allocate(blockScratchBytes)!.address;
    this.places = this.allocate(4 * kernelKeysMax)!.address;
  }

  get buffer(): ArrayBufferLike {
    return this.#memory.buffer;
  }

  /** Zeroed memory at a cache line; undefined when there is no more. */
  allocate(wantedBytes: number): Block | undefined {
    const bytes = Math.ceil(wantedBytes / lineBytes) * lineBytes;
    const reused = this.#free.get(bytes)?.pop();
    if (reused !== undefined) {
      new Uint8Array(this.#memory.buffer, reused, bytes).fill(0);
      return { arena: this, address: reused, bytes };
    }
    if (!this.#reserve(this.#end + bytes)) return undefined;
    const address = this.#end;
    this.#end += bytes;
    return { arena: this, address, bytes };
  }

  release({ address, bytes }: Block): void {
    const same = this.#free.get(bytes);
    if (same) same.push(address);
    else this.#free.set(bytes, [address]);
  }

  /** Room for floats on their way in or out, valid until the next call; undefined when there is none. */
  floats(count: number): Float32Array | undefined {
    if (count <= this.#floatScratch.length) return this.#floatScratch;
    const block = this.allocate(4 * count);
    if (!block) return undefined;
    if (this.#floatBlock) this.release(this.#floatBlock);
    this.#floatBlock = block;
    this.#floatScratch = new Float32Array(this.#memory.buffer, block.address, count);
    return this.#floatScratch;
  }

  #reserve(end: number): boolean {
    if (end > this.bytesMax) return false;
    const missing = Math.ceil(end / pageBytes) - this.#memory.buffer.byteLength / pageBytes;
    if (missing <= 0) return true;
    for (const pages of [Math.max(missing, growPagesMin), missing]) {
      try {
        this.#memory.grow(pages);
        return true;
      } catch {
        // Beyond 4 GiB, or the system has no more: the smaller step may fit, else other memory is used.
      }
    }
    return false;
  }
}
