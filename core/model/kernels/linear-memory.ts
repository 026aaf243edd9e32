/**
 * The memory of one network. What is allocated stays where it is; what grows with the batch is a `Region`, which moves to the
 * end, twice as large, when it is too small. Addresses are of cache lines, and behind each lie a few floats that kernels may
 * read and write when a row is no multiple of four.
 */
const pageBytes = 65_536;
const pagesMax = 65_536;
const lineBytes = 64;

export class LinearMemory {
  readonly memory = new WebAssembly.Memory({ initial: 1, maximum: pagesMax, shared: false });
  floats = new Float32Array(this.memory.buffer);
  words = new Uint32Array(this.memory.buffer);
  /** Address 0 means none. */
  #end = lineBytes;

  /** @returns the address of so many floats, which are 0. */
  allocate(floats: number): number {
    const address = this.#end;
    this.#end += Math.ceil((4 * floats) / lineBytes + 1) * lineBytes;
    const missing = Math.ceil(this.#end / pageBytes) - this.memory.buffer.byteLength / pageBytes;
    if (missing > 0) {
      this.memory.grow(missing);
      this.floats = new Float32Array(this.memory.buffer);
      this.words = new Uint32Array(this.memory.buffer);
    }
    return address;
  }

  region(): Region {
    return new Region(this);
  }
}

export class Region {
  readonly #memory: LinearMemory;
  #address = 0;
  #capacity = 0;

  constructor(memory: LinearMemory) {
    this.#memory = memory;
  }

  /** @returns the address of at least so many floats; those of before are forgotten when it moves. */
  reserve(floats: number): number {
    if (floats > this.#capacity || this.#address === 0) {
      this.#capacity = Math.max(floats, 2 * this.#capacity, 16);
      this.#address = this.#memory.allocate(this.#capacity);
    }
    return this.#address;
  }
}
