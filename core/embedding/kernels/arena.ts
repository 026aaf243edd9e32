import { kernelBytes } from './kernel-bytes.js';

/**
 * The linear memory of this process that the kernels work on: tables keep their large pages in it, as typed arrays that
 * are views of it. It is shared memory because that grows without moving, so views stay valid; nobody shares it. What a
 * table gives back is kept by size and used again. It holds 4 GiB at most; pages beyond that are ordinary memory, and
 * the tables they belong to are worked on by TypeScript, with the same results.
 */
const pageBytes = 65_536;
const pagesMax = 65_536;
const lineBytes = 64;
/** Memory asked of the system at once. Too little: many small steps. Too much: memory nobody uses. */
const growPagesMin = 256;

/** Keys in one call of a kernel. */
export const kernelKeysMax = 128;

export interface Kernels {
  find(
    directory: number,
    mask: number,
    splitCount: number,
    seedA: number,
    seedB: number,
    seedC: number,
    keys: number,
    count: number,
    rows: number,
    scratch: number,
  ): number;
  gather(
    directory: number,
    pageShift: number,
    rowBytes: number,
    rows: number,
    count: number,
    bytes: number,
    out: number,
  ): void;
  /** Notes an update of each row in its facts. */
  record(
    directory: number,
    pageShift: number,
    rows: number,
    count: number,
    atSeconds: number,
  ): void;
  adagrad(
    directory: number,
    pageShift: number,
    rowBytes: number,
    rows: number,
    count: number,
    dim: number,
    grads: number,
    rate: number,
    epsilon: number,
  ): void;
}

export interface Block {
  readonly address: number;
  readonly bytes: number;
}

export class Arena {
  readonly kernels: Kernels;
  /** Caller fills them before a call; u32 pairs, and rows. */
  readonly keys: Uint32Array;
  readonly rows: Int32Array;
  readonly places: number;
  readonly #memory: WebAssembly.Memory;
  /** Address 0 stays unused, so that it can mean none. */
  #end = lineBytes;
  readonly #free = new Map<number, number[]>();
  #floatScratch: Float32Array = new Float32Array(0);

  constructor() {
    this.#memory = new WebAssembly.Memory({ initial: 1, maximum: pagesMax, shared: true });
    const bytes = Uint8Array.from(atob(kernelBytes), (character) => character.charCodeAt(0));
    const module = new WebAssembly.Module(bytes);
    const instance = new WebAssembly.Instance(module, { env: { memory: this.#memory } });
    this.kernels = instance.exports as Kernels;
    const scratch = this.allocate(20 * kernelKeysMax)!.address;
    this.keys = new Uint32Array(this.#memory.buffer, scratch, 2 * kernelKeysMax);
    this.rows = new Int32Array(this.#memory.buffer, scratch + 8 * kernelKeysMax, kernelKeysMax);
    this.places = scratch + 12 * kernelKeysMax;
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
      return { address: reused, bytes };
    }
    if (!this.#reserve(this.#end + bytes)) return undefined;
    const address = this.#end;
    this.#end += bytes;
    return { address, bytes };
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
    this.#floatScratch = new Float32Array(this.#memory.buffer, block.address, count);
    return this.#floatScratch;
  }

  #reserve(end: number): boolean {
    const missing = Math.ceil(end / pageBytes) - this.#memory.buffer.byteLength / pageBytes;
    if (missing <= 0) return true;
    for (const pages of [Math.max(missing, growPagesMin), missing]) {
      try {
        this.#memory.grow(pages);
        return true;
      } catch {
        // Beyond 4 GiB, or the system has no more: the smaller step may fit, else ordinary memory is used.
      }
    }
    return false;
  }
}

let opened: Arena | undefined;
let refused = false;

/** The arena of this process; undefined where there is none to be had, such as under a limit on address space. */
export function arena(): Arena | undefined {
  if (opened || refused) return opened;
  try {
    opened = new Arena();
  } catch {
    refused = true; // Everything works without it, at half the speed.
  }
  return opened;
}

/** For tests and benchmarks of the TypeScript path: tables made from now on do without. */
export function withoutArena<T>(work: () => T): T {
  const before = { opened, refused };
  opened = undefined;
  refused = true;
  try {
    return work();
  } finally {
    ({ opened, refused } = before);
  }
}
