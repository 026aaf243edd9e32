import type { Blueprint } from '../core/blueprint/blueprint.js';
import { concatExamples, selectExamples } from '../core/features/example-batch.js';
import type { SampleBatch } from '../core/joining/types.js';
import { scaleSums } from '../core/model/number-scales.js';
import { transformValue } from '../core/model/value-transform.js';
import { labelsOfRows } from '../messages/outcomes.js';
import type { SampleBlock, SampleFileWriter } from './sample-file.js';

/** Rows of samples, columns by column, until they are a block. */
type Rows = Omit<SampleBlock, 'said' | 'atSeconds'> & { readonly atMs: Float64Array };

/** Hears whose rows are taken, in the order in which they will be in the file. */
export type TakenRows = (samples: SampleBatch, rows: Uint32Array) => void;

/** Cuts what a window gives into blocks of one size, in the order in which it comes. */
export class SampleSink {
  readonly #blueprint: Blueprint;
  readonly #writer: Pick<SampleFileWriter, 'add'>;
  readonly #blockRows: number;
  readonly #taken: TakenRows;
  #waiting: Rows[] = [];
  #rows = 0;

  constructor(
    blueprint: Blueprint,
    writer: Pick<SampleFileWriter, 'add'>,
    blockRows = Number.MAX_SAFE_INTEGER,
    taken: TakenRows = () => undefined,
  ) {
    this.#blueprint = blueprint;
    this.#writer = writer;
    this.#blockRows = blockRows;
    this.#taken = taken;
  }

  /** @param sinceMs rows of before are left out. @returns how many are taken. */
  add(samples: SampleBatch, sinceMs = -Infinity): number {
    const rows = rowsOf(samples, this.#blueprint);
    const taken = Uint32Array.from(
      [...rows.atMs.keys()].filter((row) => rows.atMs[row]! >= sinceMs),
    );
    if (taken.length === 0) return 0;
    this.#taken(samples, taken);
    const heads = this.#blueprint.outcomes.length;
    this.#waiting.push(taken.length === rows.atMs.length ? rows : selected(rows, taken, heads));
    this.#rows += taken.length;
    while (this.#rows >= this.#blockRows) this.#cut(this.#blockRows);
    return taken.length;
  }

  /** What is left is a block, though a short one. */
  end(): void {
    if (this.#rows > 0) this.#cut(this.#rows);
  }

  #cut(count: number): void {
    const { slotCount, outcomes } = this.#blueprint;
    const { denseCount } = this.#blueprint.model;
    const heads = outcomes.length;
    const all = joinedRows(this.#waiting, slotCount, denseCount);
    const range = (start: number, end: number): Uint32Array =>
      Uint32Array.from({ length: end - start }, (_unused, i) => start + i);
    const whole = count === this.#rows;
    const { atMs, ...block } = whole ? all : selected(all, range(0, count), heads);
    this.#waiting = whole ? [] : [selected(all, range(count, this.#rows), heads)];
    this.#rows -= count;
    const { examples, labels, weights } = block;
    const { rowCount, dense } = examples;
    const said = scaleSums({ rowCount, dense, labels, weights }, this.#blueprint.model);
    this.#writer.add({ ...block, said, atSeconds: Math.floor(maxOf(atMs) / 1000) });
  }
}

/** Labels on the scales of their heads, as the network predicts them. */
function rowsOf({ outcomes, examples, requestIds, atMs }: SampleBatch, blueprint: Blueprint): Rows {
  const names = blueprint.outcomes;
  const { labels, weights } = labelsOfRows(outcomes, names, examples.rowCount);
  blueprint.values.forEach((scale, head) => {
    if (!scale) return;
    for (let i = head; i < labels.length; i += names.length)
      labels[i] = transformValue(scale, labels[i]!);
  });
  const shown = Uint8Array.from(requestIds, (id) => (id === '' ? 0 : 1));
  return { examples, labels, weights, shown, atMs };
}

function selected(rows: Rows, places: Uint32Array, heads: number): Rows {
  const labels = new Float32Array(places.length * heads);
  const weights = new Float32Array(places.length * heads);
  places.forEach((row, i) => {
    for (let head = 0; head < heads; head++) {
      labels[i * heads + head] = rows.labels[row * heads + head]!;
      weights[i * heads + head] = rows.weights[row * heads + head]!;
    }
  });
  return {
    examples: selectExamples(rows.examples, places),
    ...{ labels, weights },
    shown: Uint8Array.from(places, (row) => rows.shown[row]!),
    atMs: Float64Array.from(places, (row) => rows.atMs[row]!),
  };
}

function joinedRows(all: readonly Rows[], slotCount: number, denseCount: number): Rows {
  if (all.length === 1) return all[0]!;
  const rows = all.reduce((sum, { atMs }) => sum + atMs.length, 0);
  const heads = rows === 0 ? 0 : all[0]!.labels.length / all[0]!.atMs.length;
  const labels = new Float32Array(rows * heads);
  const weights = new Float32Array(rows * heads);
  const shown = new Uint8Array(rows);
  const atMs = new Float64Array(rows);
  let at = 0;
  for (const each of all) {
    labels.set(each.labels, at * heads);
    weights.set(each.weights, at * heads);
    shown.set(each.shown, at);
    atMs.set(each.atMs, at);
    at += each.atMs.length;
  }
  const examples = concatExamples(
    all.map((each) => each.examples),
    slotCount,
    denseCount,
  );
  return { examples, labels, weights, shown, atMs };
}

function maxOf(values: Float64Array): number {
  let max = 0;
  for (const value of values) if (value > max) max = value;
  return max;
}
