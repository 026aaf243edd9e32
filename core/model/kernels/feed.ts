import type { InputName, InputNode } from '../graph.js';
import type { PooledBatch, RowsBatch } from '../pooled-batch.js';
import { plainColumns } from '../projection.js';
import type { Kernels } from './kernel-module.js';
import type { LinearMemory, Region } from './linear-memory.js';
import { roundUp, strideOf, type Place } from './places.js';
import type { Program } from './program.js';

/**
 * What goes into a program and comes out of it again: a batch is copied to its memory as it is, and its rows are split, pooled
 * and scattered there, block by block.
 */
export class Feed {
  readonly #program: Program;
  readonly #memory: LinearMemory;
  readonly #kernels: Kernels;
  readonly #slotCount: number;
  readonly #factorDim: number;
  readonly #denseCount: number;
  readonly #weights: Place;
  readonly #vectors: Place;
  readonly #weightGradients: Place;
  readonly #vectorGradients: Place;
  readonly #denseRuns: readonly DenseRun[];
  readonly #rows: Region;
  readonly #inverse: Region;
  readonly #offsets: Region;
  readonly #means: number;
  readonly #dense: Region;
  /** Of the batch that was taken. */
  #rowsAt = 0;
  #inverseAt = 0;
  #offsetsAt = 0;
  #denseAt = 0;
  #isPooled = true;

  constructor(program: Program) {
    const { memory, kernels, graph } = program;
    const { slotCount, factorDim, denseCount } = graph.spec;
    this.#program = program;
    this.#memory = memory;
    this.#kernels = kernels;
    this.#slotCount = slotCount;
    this.#factorDim = factorDim;
    this.#denseCount = denseCount;
    [this.#weights, this.#weightGradients] = this.#placesOf('weights', slotCount);
    [this.#vectors, this.#vectorGradients] = this.#placesOf('vectors', slotCount * factorDim);
    this.#denseRuns = denseRuns(program);
    this.#rows = memory.region();
    this.#inverse = memory.region();
    this.#offsets = memory.region();
    this.#dense = memory.region();
    this.#means = memory.allocate(slotCount);
  }

  takePooled({ rowCount, pooled, dense }: PooledBatch): void {
    const cell = this.#slotCount * (1 + this.#factorDim);
    // Rows that fill up the last four are zeros.
    this.#rowsAt = this.#upload(this.#rows, pooled, roundUp(rowCount, 4) * cell);
    this.#takeDense(dense, rowCount);
    this.#isPooled = true;
  }

  takeRows({ rowCount, rows, pooling, dense }: RowsBatch): void {
    const { plan, batch, poolings } = pooling;
    this.#rowsAt = this.#upload(this.#rows, rows, rows.length);
    this.#inverseAt = this.#inverse.reserve(plan.inverse.length);
    const cells = roundUp(rowCount, 4) * this.#slotCount;
    this.#offsetsAt = this.#offsets.reserve(cells + 1);
    const { words } = this.#memory;
    words.set(plan.inverse, this.#inverseAt / 4);
    const start = this.#offsetsAt / 4;
    words.set(batch.offsets, start);
    words.fill(plan.inverse.length, start + batch.offsets.length, start + cells + 1);
    poolings.forEach((each, slot) => (words[this.#means / 4 + slot] = each === 'mean' ? 1 : 0));
    this.#takeDense(dense, rowCount);
    this.#isPooled = false;
  }

  /** Brings rows of the batch to where the program begins. */
  give(first: number, rows: number): void {
    const n = roundUp(rows, 4);
    const [weights, vectors] = [this.#weights, this.#vectors];
    const [slots, k] = [this.#slotCount, this.#factorDim];
    const targets = [weights.address, weights.stride, vectors.address, vectors.stride] as const;
    if (this.#isPooled) {
      const at = this.#rowsAt + 4 * first * slots * (1 + k);
      this.#kernels.split(at, n, slots, k, ...targets);
    } else {
      const offsets = this.#offsetsAt + 4 * first * slots;
      const sources = [this.#rowsAt, this.#inverseAt, offsets, this.#means] as const;
      this.#kernels.pool(...sources, n, slots, k, ...targets);
    }
    for (const { at, columns, to } of this.#denseRuns)
      this.#kernels.copyColumns(
        ...([this.#denseAt + 4 * (first * this.#denseCount + at), this.#denseCount] as const),
        ...([n, columns, false, to.address, to.stride] as const),
      );
  }

  /** Gradients of pooled rows, to their places among all. */
  joinGradients(first: number, rows: number, all: number): void {
    const [weights, vectors] = [this.#weightGradients, this.#vectorGradients];
    const [slots, k] = [this.#slotCount, this.#factorDim];
    this.#kernels.join(
      ...([weights.address, weights.stride, vectors.address, vectors.stride] as const),
      ...([rows, slots, k, all + 4 * first * slots * (1 + k)] as const),
    );
  }

  /** Gradients of rows, added to those of the batch, and their squares to theirs, if there is a place for them. */
  scatterGradients(first: number, rows: number, all: number, squares: number): void {
    const [weights, vectors] = [this.#weightGradients, this.#vectorGradients];
    const [slots, k] = [this.#slotCount, this.#factorDim];
    this.#kernels.scatter(
      ...([weights.address, weights.stride, vectors.address, vectors.stride] as const),
      ...([this.#inverseAt, this.#offsetsAt + 4 * first * slots, this.#means] as const),
      ...([rows, slots, k, all, squares] as const),
    );
  }

  #takeDense(dense: Float32Array, rowCount: number): void {
    if (this.#denseRuns.length === 0) return;
    this.#denseAt = this.#upload(this.#dense, dense, roundUp(rowCount, 4) * this.#denseCount);
  }

  #upload(region: Region, values: Float32Array, size: number): number {
    const address = region.reserve(size);
    const start = address / 4;
    this.#memory.floats.set(values, start);
    this.#memory.floats.fill(0, start + values.length, start + size);
    return address;
  }

  /** Where the network has no use for them they still have a place, and learn nothing. */
  #placesOf(name: InputName, columns: number): readonly [Place, Place] {
    const input = inputsOf(this.#program).find((node) => node.input === name);
    const value = input && this.#program.value(input.id);
    const gradient =
      input && this.#program.hasGradients ? this.#program.gradient(input.id) : undefined;
    const unused = (): Place => {
      const stride = strideOf(columns);
      return { address: this.#memory.allocate(roundUp(columns, 4) * this.#program.rows), stride };
    };
    return [value ?? unused(), gradient ?? unused()];
  }
}

/** Columns of the dense features that go to one place. */
interface DenseRun {
  readonly at: number;
  readonly columns: number;
  readonly to: Place;
}

function denseRuns(program: Program): DenseRun[] {
  const { spec } = program.graph;
  return inputsOf(program).flatMap((node) => {
    const to = program.value(node.id);
    if (node.input === 'projected') {
      const { at, width } = spec.vectors![node.index]!;
      return [{ at, columns: width, to }];
    }
    if (node.input !== 'dense') return [];
    return runsOf(plainColumns(spec)).map(({ at, columns, before }) => ({
      ...{ at, columns },
      to: { ...to, address: to.address + 4 * before },
    }));
  });
}

/** Columns that follow one another, together. `before`: how many columns come first. */
function runsOf(columns: readonly number[]): { at: number; columns: number; before: number }[] {
  const runs: { at: number; columns: number; before: number }[] = [];
  columns.forEach((column, before) => {
    const last = runs.at(-1);
    if (last && last.at + last.columns === column) last.columns++;
    else runs.push({ at: column, columns: 1, before });
  });
  return runs;
}

/** Those that the network looks at. */
function inputsOf(program: Program): InputNode[] {
  return program.graph.nodes.filter(
    (node): node is InputNode => node.kind === 'input' && program.has(node.id),
  );
}
