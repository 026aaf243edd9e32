import type { ExampleBatch } from '../features/example-batch.js';

/**
 * Whether features still look as they did: the population stability index of each against what it was before,
 *
 *   PSI = Σ (p − q) · ln(p / q), over bins, p of the newest rows and q of those before them,
 *
 * the symmetric Kullback-Leibler distance of two histograms. By its usual reading below 0.1 nothing has changed, and from 0.25 on a feature is another
 * one: a unit that changed, a field that is not filled any more, a sender that sends one value for all.
 *
 * A number has bins between quantiles of its first rows, a slot one for each of 15 hashes of its first id, and both one for rows that have none.
 * "Before" is what came before the newest rows, the older the less it counts (by a fifth with each window). So a change that stays is what is usual
 * after some windows: an alarm says that something changed, and not that it is still so.
 */
const bins = 16;
/** Of the newest rows. Fewer: chance looks like change, as few users make them. More: a change shows late. */
const windowRows = 5_000;
/** Rows before anything is said. */
const referenceRowsMin = 2 * windowRows;
const kept = 0.8;
/** Added to each share, so that an empty bin has a logarithm. */
const share = 1e-3;

export interface DriftShape {
  readonly slots: readonly { readonly name: string; readonly at: number }[];
  /** Places in the numbers of a row; of a vector none is looked at. */
  readonly columns: readonly {
    readonly name: string;
    readonly at: number;
    readonly missingAt?: number;
  }[];
}

export class FeatureDrift {
  readonly #shape: DriftShape;
  readonly #now: Float64Array;
  readonly #before: Float64Array;
  /** Of each column, the upper ends of all bins but the last one; absent as long as its first rows come. */
  readonly #edges: (Float32Array | undefined)[];
  readonly #first: number[][];
  #rows = 0;
  #rowsBefore = 0;
  #said: Readonly<Record<string, number>> = {};

  constructor(shape: DriftShape) {
    this.#shape = shape;
    const features = shape.slots.length + shape.columns.length;
    this.#now = new Float64Array(features * bins);
    this.#before = new Float64Array(features * bins);
    this.#edges = shape.columns.map(() => undefined);
    this.#first = shape.columns.map(() => []);
  }

  /** By feature, of the newest whole window; {} before there are enough rows. */
  get index(): Readonly<Record<string, number>> {
    return this.#said;
  }

  add(batch: ExampleBatch): void {
    for (let row = 0; row < batch.rowCount; row++) {
      this.#addSlots(batch, row);
      this.#addColumns(batch, row);
      if (++this.#rows === windowRows) this.#turn();
    }
  }

  #addSlots({ offsets, fids, slotCount }: ExampleBatch, row: number): void {
    const { slots } = this.#shape;
    for (let slot = 0; slot < slots.length; slot++) {
      const cell = row * slotCount + slots[slot]!.at;
      const start = offsets[cell]!;
      const bin =
        offsets[cell + 1]! === start
          ? 0
          : 1 +
            ((Math.imul(fids[2 * start]! ^ fids[2 * start + 1]!, 0x9e3779b1) >>> 8) % (bins - 1));
      this.#now[slot * bins + bin]!++;
    }
  }

  #addColumns({ dense, denseCount }: ExampleBatch, row: number): void {
    const { columns, slots } = this.#shape;
    for (let i = 0; i < columns.length; i++) {
      const { at, missingAt } = columns[i]!;
      const isMissing = missingAt !== undefined && dense[row * denseCount + missingAt] === 1;
      const value = dense[row * denseCount + at]!;
      const edges = this.#edges[i];
      const bin = isMissing ? 0 : edges ? 1 + binOf(value, edges) : -1;
      if (bin >= 0) this.#now[(slots.length + i) * bins + bin]!++;
      else this.#first[i]!.push(value);
    }
  }

  #turn(): void {
    const { slots, columns } = this.#shape;
    columns.forEach((_column, i) => {
      const first = this.#first[i]!;
      if (this.#edges[i] || first.length === 0) return;
      const edges = (this.#edges[i] = edgesOf(first));
      for (const value of first) this.#now[(slots.length + i) * bins + 1 + binOf(value, edges)]!++;
      this.#first[i] = [];
    });
    const names = [...slots, ...columns].map(({ name }) => name);
    if (this.#rowsBefore >= referenceRowsMin)
      this.#said = Object.fromEntries(
        names.map((name, i) => [
          name,
          stabilityIndex(
            this.#now.subarray(i * bins, (i + 1) * bins),
            this.#before.subarray(i * bins, (i + 1) * bins),
          ),
        ]),
      );
    const isFull = this.#rowsBefore >= referenceRowsMin;
    for (let i = 0; i < this.#now.length; i++)
      this.#before[i] = (isFull ? kept : 1) * this.#before[i]! + this.#now[i]!;
    this.#rowsBefore = (isFull ? kept : 1) * this.#rowsBefore + this.#rows;
    this.#now.fill(0);
    this.#rows = 0;
  }
}

/** Of two histograms with the same bins. */
export function stabilityIndex(now: ArrayLike<number>, before: ArrayLike<number>): number {
  let [nowRows, beforeRows, sum] = [0, 0, 0];
  for (let i = 0; i < now.length; i++) {
    nowRows += now[i]!;
    beforeRows += before[i]!;
  }
  if (nowRows === 0 || beforeRows === 0) return 0;
  for (let i = 0; i < now.length; i++) {
    const p = now[i]! / nowRows + share;
    const q = before[i]! / beforeRows + share;
    sum += (p - q) * Math.log(p / q);
  }
  return sum;
}

/** Quantiles; those that are alike are one. */
function edgesOf(values: readonly number[]): Float32Array {
  const sorted = Float32Array.from(values).sort();
  return Float32Array.from(
    { length: bins - 2 },
    (_unused, i) => sorted[Math.floor(((i + 1) / (bins - 1)) * (sorted.length - 1))]!,
  );
}

/** 0 … bins − 2. */
function binOf(value: number, edges: Float32Array): number {
  let bin = 0;
  while (bin < edges.length && value > edges[bin]!) bin++;
  return bin;
}
