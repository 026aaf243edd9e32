import { assert } from '../../base/assert.js';
import type { InputName, InputNode } from '../graph.js';
import type { PooledBatch, RowsBatch } from '../pooled-batch.js';
import { writeDropout } from '../dropout.js';
import { plainColumns } from '../projection.js';
import type { Kernels } from './kernels.js';
import type { LinearMemory, Region } from './linear-memory.js';
import { OccurrenceFeed, type RowSources } from './occurrence-feed.js';
import { roundUp, strideOf, type Place } from './places.js';
import type { Program } from './program.js';

/**
 * What goes into a program and comes out of it again: a batch is copied to its memory as it is, and its rows are split, pooled
 * and scattered there, block by block.
 */
export class Feed {
  readonly #program: Program;
  readonly #occurrences: OccurrenceFeed;
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
  readonly #dropouts: readonly { readonly node: InputNode; readonly to: Place }[];
  readonly #rows: Region;
  readonly #inverse: Region;
  readonly #offsets: Region;
  readonly #means: number;
  readonly #dense: Region;
  /** Of the first example, what all share. */
  readonly #sharedWeights: number;
  readonly #sharedVectors: number;
  /** Of the batch that was taken. */
  #rowCount = 0;
  #source: Source = { pooled: 0 };
  #denseAt = 0;
  /** Of what is left out in the step that is computed. */
  dropoutSeed = 0;

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
    this.#dropouts = inputsOf(program).flatMap((node) =>
      node.input === 'dropout' ? [{ node, to: program.value(node.id) }] : [],
    );
    this.#rows = memory.region();
    this.#inverse = memory.region();
    this.#offsets = memory.region();
    this.#dense = memory.region();
    this.#means = memory.allocate(slotCount);
    this.#occurrences = new OccurrenceFeed(program);
    this.#sharedWeights = memory.allocate(slotCount);
    this.#sharedVectors = memory.allocate(slotCount * factorDim);
  }

  takePooled({ rowCount, pooled, dense }: PooledBatch): void {
    const [slot] = this.#occurrences.slots;
    assert(
      slot === undefined,
      `the network looks at the rows of slot ${slot} one by one, and they came pooled`,
    );
    const cell = this.#slotCount * (1 + this.#factorDim);
    // Rows that fill up the last four are zeros.
    this.#source = { pooled: this.#upload(this.#rows, pooled, roundUp(rowCount, 4) * cell) };
    this.#rowCount = rowCount;
    this.#takeDense(dense, rowCount);
  }

  /** @param occurrencesMax of a slot, in a block. */
  takeRows({ rowCount, rows, pooling, dense, shared }: RowsBatch, occurrencesMax: number): void {
    const { plan, batch, poolings } = pooling;
    const rowsAt = this.#upload(this.#rows, rows, rows.length);
    const inverse = this.#inverse.reserve(plan.inverse.length);
    const cells = roundUp(rowCount, 4) * this.#slotCount;
    const offsets = this.#offsets.reserve(cells + 1);
    const { words } = this.#memory;
    words.set(plan.inverse, inverse / 4);
    const start = offsets / 4;
    words.set(batch.offsets, start);
    words.fill(plan.inverse.length, start + batch.offsets.length, start + cells + 1);
    poolings.forEach((each, slot) => (words[this.#means / 4 + slot] = each === 'mean' ? 1 : 0));
    const { marks } = batch;
    this.#source = { rows: rowsAt, inverse, offsets, shared, marks, occurrencesMax };
    this.#rowCount = rowCount;
    this.#takeDense(dense, rowCount);
  }

  /**
   * Brings examples of the batch, from `first` on, to where the program begins.
   *
   * @returns how many; the rest comes in further blocks.
   */
  give(first: number): number {
    const most = Math.min(this.#program.rows, this.#rowCount - first);
    const source = this.#source;
    const isPooled = 'pooled' in source;
    const rows = isPooled ? most : this.#occurrences.fitting(first, most, source);
    const n = roundUp(rows, 4);
    if (isPooled) this.#split(source.pooled, first, n);
    else {
      this.#pool(source, first, n);
      this.#occurrences.give(first, rows, n, source);
    }
    for (const { at, columns, to } of this.#denseRuns)
      this.#kernels.copyColumns(
        ...([this.#denseAt + 4 * (first * this.#denseCount + at), this.#denseCount] as const),
        ...([n, columns, false, to.address, to.stride] as const),
      );
    this.#giveDropout(first, n);
    return rows;
  }

  #giveDropout(first: number, rows: number): void {
    const { floats } = this.#memory;
    const rate = this.#program.graph.spec.dropout ?? 0;
    for (const { node, to } of this.#dropouts) {
      const noise = { seed: this.dropoutSeed, rate, place: node.index };
      for (let row = 0, at = to.address / 4; row < rows; row++, at += to.stride)
        writeDropout(noise, first + row, node.columns, floats, at);
    }
  }

  #split(pooled: number, first: number, n: number): void {
    const [weights, vectors] = [this.#weights, this.#vectors];
    const [slots, k] = [this.#slotCount, this.#factorDim];
    this.#kernels.split(
      ...([pooled + 4 * first * slots * (1 + k), n, slots, k] as const),
      ...([weights.address, weights.stride, vectors.address, vectors.stride] as const),
    );
  }

  #pool({ rows, inverse, offsets, shared }: RowSources, first: number, n: number): void {
    const [weights, vectors] = [this.#weights, this.#vectors];
    const [slots, k] = [this.#slotCount, this.#factorDim];
    this.#kernels.pool(
      ...([rows, inverse, offsets + 4 * first * slots, this.#means, n, slots, k] as const),
      ...([weights.address, weights.stride, vectors.address, vectors.stride] as const),
    );
    if (!shared) return;
    const { before, behind } = shared;
    for (const [slot, count] of [
      [0, before],
      [slots - behind, behind],
    ] as const) {
      if (count === 0) continue;
      this.#share(weights, this.#sharedWeights, slot, count, first, n);
      this.#share(vectors, this.#sharedVectors, slot * k, count * k, first, n);
    }
  }

  /** Gives all rows of the block columns of the first row of the batch. */
  #share(
    { address, stride }: Place,
    kept: number,
    column: number,
    columns: number,
    first: number,
    n: number,
  ): void {
    const [from, to] = [kept + 4 * column, address + 4 * column];
    if (first === 0) this.#kernels.copyColumns(to, 0, 1, columns, false, from, columns);
    this.#kernels.copyColumns(from, 0, n, columns, false, to, stride);
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
    const source = this.#source;
    assert(!('pooled' in source), 'what came pooled is joined, not scattered');
    this.#kernels.scatter(
      ...([weights.address, weights.stride, vectors.address, vectors.stride] as const),
      ...([source.inverse, source.offsets + 4 * first * slots, this.#means] as const),
      ...([rows, slots, k, this.#occurrences.gradients, all, squares] as const),
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

/** Where the rows of a batch are, pooled or as they were pulled. */
type Source = { readonly pooled: number } | RowSources;

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
