import type { DenseLayout } from '../dense-parameters.js';
import { scaleColumns } from '../number-scales.js';
import type { ModelSpec } from '../network.js';
import type { SideRows, SplitParts } from '../split-scorer.js';
import type { Side } from '../two-sides.js';
import type { Kernels } from './kernels.js';
import type { LinearMemory } from './linear-memory.js';
import { roundUp } from './places.js';

/** Rows that are computed in one go, while they are in cache; a multiple of four. */
export const blockRows = 128;

/** What every side of a network shares. */
export interface SplitContext {
  readonly model: ModelSpec;
  readonly parts: SplitParts;
  readonly layout: DenseLayout;
  readonly kernels: Kernels;
  readonly memory: LinearMemory;
  /** Units of the first layer of the tower; 0 without one. */
  readonly units: number;
  /** Its kernel. */
  readonly first: string;
}

/** Of a block of rows, at these addresses, by row. */
export interface Derived {
  /** f32 [rows × roundUp(units, 8)], before bias and ReLU. */
  readonly layer: number;
  /** f32 [rows × roundUp(factorDim, 4)]: Σv. */
  readonly sums: number;
  /** Σw + dense·linear + pairs within the side. */
  readonly base: Float32Array;
}

/**
 * What a network makes of the rows of one side alone.
 *
 *   x [rows × (slots·k | projected·k | plain)]   the columns of the first layer that are the side's
 */
export class SideProgram {
  readonly #context: SplitContext;
  readonly #side: Side;
  readonly #x: number;
  readonly #ldx: number;
  readonly #width: number;
  readonly #panels: number;
  readonly #weights: number;
  readonly #layer: number;
  readonly #sums: number;
  readonly #projections: readonly Projection[];
  readonly #base = new Float32Array(blockRows);
  #linear: Float32Array = new Float32Array(0);
  #scales: Float32Array = new Float32Array(0);

  constructor(context: SplitContext, side: Side) {
    const { model, memory, units } = context;
    const { factorDim: k } = model;
    this.#context = context;
    this.#side = side;
    this.#width = (side.slots.length + side.vectors.length) * k + side.plain.length;
    this.#ldx = roundUp(Math.max(this.#width, 1), 4);
    this.#x = memory.allocate(blockRows * this.#ldx);
    this.#weights = memory.allocate(this.#width * units);
    this.#panels = memory.allocate(this.#width * roundUp(units, 8));
    this.#layer = memory.allocate(blockRows * roundUp(Math.max(units, 1), 8));
    this.#sums = memory.allocate(blockRows * roundUp(k, 4));
    this.#projections = side.vectors.map(({ vector, at, width }, i) => ({
      ...{ vector, at, width, column: (side.slots.length + i) * k },
      ...{ ldv: roundUp(width, 4), input: memory.allocate(blockRows * roundUp(width, 4)) },
      ...{ panels: memory.allocate(width * roundUp(k, 8)), linear: memory.allocate(width) },
      ...{ kernel: memory.allocate(width * k), order: memory.allocate(blockRows) },
      ...{ output: memory.allocate(blockRows * roundUp(k, 8)) },
    }));
  }

  load(values: Float32Array, scales: Float32Array): void {
    const { layout, memory, kernels, units, first, model } = this.#context;
    const { factorDim: k, slotCount, vectors = [] } = model;
    const { slots, vectors: own, plain } = this.#side;
    this.#scales = scales;
    const linear = parameter(layout, values, 'linear');
    this.#linear = Float32Array.from(plain, (column) => linear[column.plain]!);
    for (const projection of this.#projections) {
      const { vector, width, kernel, panels, linear: at } = projection;
      memory.floats.set(parameter(layout, values, `vector${vector}.linear`), at / 4);
      memory.floats.set(parameter(layout, values, `vector${vector}.kernel`), kernel / 4);
      kernels.pack(kernel, width, k, false, panels);
    }
    if (units === 0 || this.#width === 0) return;
    const all = parameter(layout, values, first);
    let to = this.#weights / 4;
    const take = (row: number, rows: number): void => {
      memory.floats.set(all.subarray(row * units, (row + rows) * units), to);
      to += rows * units;
    };
    for (const slot of slots) take(slot * k, k);
    for (const { vector } of own) take((slotCount + vector) * k, k);
    for (const column of plain) take((slotCount + vectors.length) * k + column.plain, 1);
    kernels.pack(this.#weights, this.#width, units, false, this.#panels);
  }

  /** @param count of rows, from `first` on; at most `blockRows`. */
  derive({ pooled, dense }: SideRows, first: number, count: number): Derived {
    const { kernels, units, parts } = this.#context;
    const padded = roundUp(count, 4);
    this.#fill(pooled, this.#scaled(dense, first, count), first, count);
    this.#project(count, padded);
    if (units > 0) {
      const m = roundUp(units, 8);
      if (this.#width === 0)
        this.#context.memory.floats.fill(0, this.#layer / 4, this.#layer / 4 + padded * m); // prettier-ignore
      else
        kernels.product(
          ...([this.#x, this.#ldx, this.#panels, padded, this.#width, units] as const),
          ...([0, false, false, this.#layer, m] as const),
        );
    }
    if (parts.interactions) this.#sum(count);
    return { layer: this.#layer, sums: this.#sums, base: this.#base };
  }

  /** A copy, as the network sees them. */
  #scaled(dense: Float32Array, first: number, rowCount: number): Float32Array {
    const { denseCount, scaled } = this.#side;
    const some = dense.slice(first * denseCount, (first + rowCount) * denseCount);
    if (scaled.length > 0) scaleColumns(some, { rowCount, denseCount, scaled }, this.#scales);
    return some;
  }

  /** Vectors and numbers to their columns, first-order weights to `base`. */
  #fill(pooled: Float32Array, dense: Float32Array, first: number, count: number): void {
    const { slots, plain, denseCount } = this.#side;
    const k = this.#context.model.factorDim;
    const { floats } = this.#context.memory;
    const slotCount = slots.length;
    const plainFrom = (slotCount + this.#projections.length) * k;
    for (let row = 0; row < count; row++) {
      let from = (first + row) * slotCount * (1 + k);
      let to = this.#x / 4 + row * this.#ldx;
      let sum = 0;
      for (let s = 0; s < slotCount; s++) {
        sum += pooled[from++]!;
        for (let d = 0; d < k; d++) floats[to++] = pooled[from++]!;
      }
      to = this.#x / 4 + row * this.#ldx + plainFrom;
      for (let i = 0; i < plain.length; i++) {
        const value = dense[row * denseCount + plain[i]!.at]!;
        floats[to++] = value;
        sum += value * this.#linear[i]!;
      }
      this.#base[row] = sum;
      for (const { at, width, input, ldv } of this.#projections) {
        const start = row * denseCount + at;
        floats.set(dense.subarray(start, start + width), input / 4 + row * ldv);
      }
    }
  }

  /** Vectors of items to rows as those of slots. */
  #project(count: number, padded: number): void {
    const { kernels, memory, model } = this.#context;
    const { factorDim: k } = model;
    for (const each of this.#projections) {
      const { input, ldv, panels, width, linear, order, output, column } = each;
      const m = roundUp(k, 8);
      kernels.product(input, ldv, panels, padded, width, k, 0, false, false, output, m);
      kernels.dot(input, ldv, linear, count, width, 0, false, false, order);
      const { floats } = memory;
      for (let row = 0; row < count; row++) {
        this.#base[row]! += floats[order / 4 + row]!;
        const to = this.#x / 4 + row * this.#ldx + column;
        for (let d = 0; d < k; d++) floats[to + d] = floats[output / 4 + row * m + d]!;
      }
    }
  }

  /** Σv of each row, and what its own pairs come to. */
  #sum(count: number): void {
    const { memory, model } = this.#context;
    const { factorDim: k } = model;
    const vectors = this.#side.slots.length + this.#projections.length;
    const lds = roundUp(k, 4);
    const { floats } = memory;
    for (let row = 0; row < count; row++) {
      const x = this.#x / 4 + row * this.#ldx;
      const to = this.#sums / 4 + row * lds;
      let pairs = 0;
      for (let d = 0; d < k; d++) {
        let sum = 0;
        let squares = 0;
        for (let v = 0; v < vectors; v++) {
          const value = floats[x + v * k + d]!;
          sum += value;
          squares += value * value;
        }
        floats[to + d] = sum;
        pairs += sum * sum - squares;
      }
      this.#base[row]! += pairs / 2;
    }
  }
}

interface Projection {
  readonly vector: number;
  /** Where it starts among the dense columns of the side, and how many numbers it has. */
  readonly at: number;
  readonly width: number;
  /** Of x. */
  readonly column: number;
  readonly input: number;
  readonly ldv: number;
  readonly kernel: number;
  readonly panels: number;
  readonly linear: number;
  readonly order: number;
  readonly output: number;
}

/** Empty where the network has none of that name. */
export function parameter(layout: DenseLayout, values: Float32Array, name: string): Float32Array {
  const entry = layout.entries.find((each) => each.name === name);
  return entry ? values.subarray(entry.offset, entry.offset + entry.size) : values.subarray(0, 0);
}
