import type { OccurrenceMarks } from '../../features/example-batch.js';
import type { Graph, InputName } from '../graph.js';
import { markWidth, requireHistory, writeMarks, type HistoryInput } from '../history-marks.js';
import type { RowsBatch } from '../pooled-batch.js';
import type { SharedSlots } from '../row-gather.js';
import { occurrencesMin, type OccurrencePlaces, type Program } from './program.js';
import type { Place } from './places.js';

/** Where the rows of a batch lie, and who reads them. */
export interface RowSources {
  readonly rows: number;
  readonly inverse: number;
  /** u32 [examples × slots + 1] */
  readonly offsets: number;
  readonly shared: SharedSlots | undefined;
  readonly marks: OccurrenceMarks | undefined;
  /** How many occurrences of a slot a block of examples has at most. */
  readonly occurrencesMax: number;
}

/**
 * Rows of slots that the network looks at one by one: block by block they are copied to where it reads them, and how many examples
 * are a block depends on how many they have.
 */
export class OccurrenceFeed {
  readonly #program: Program;
  readonly #slots: readonly (readonly [slot: number, places: OccurrencePlaces])[];
  readonly #values: ReadonlyMap<number, Place>;
  readonly #marks: ReadonlyMap<number, { readonly history: HistoryInput; readonly to: Place }>;
  readonly #slotCount: number;
  readonly #rowWidth: number;
  /** Of what they learn, for `scatter`: by slot address, stride and starts; 0 if there are none. */
  readonly gradients: number;

  constructor(program: Program) {
    const { graph, memory } = program;
    const { slotCount, factorDim } = graph.spec;
    this.#program = program;
    this.#slots = [...program.slots];
    this.#slotCount = slotCount;
    this.#rowWidth = 1 + factorDim;
    const inputsOf = (name: InputName) =>
      graph.nodes.flatMap((node) =>
        node.kind === 'input' && node.input === name && program.has(node.id) ? [node] : [],
      );
    const inputs = inputsOf('occurrences');
    this.#marks = new Map(
      inputsOf('marks').map(({ id, index }) => {
        const history = requireHistory(graph.spec.histories, index);
        return [index, { history, to: program.value(id) }];
      }),
    );
    this.#values = new Map(inputs.map(({ id, index }) => [index, program.value(id)]));
    this.gradients = 0;
    if (inputs.length === 0 || !program.hasGradients) return;
    this.gradients = memory.allocate(3 * slotCount);
    for (const { id, index } of inputs) {
      const { address, stride } = program.gradient(id);
      const { starts } = program.occurrences(index);
      memory.words.set([address, stride, starts], this.gradients / 4 + 3 * index);
    }
  }

  get slots(): readonly number[] {
    return this.#slots.map(([slot]) => slot);
  }

  /** Of so many examples from `first` on, how many fit at once: all, or a multiple of four. */
  fitting(first: number, examples: number, sources: RowSources): number {
    const { offsets, shared, occurrencesMax } = sources;
    const { words } = this.#program.memory;
    let rows = examples;
    for (const [slot] of this.#slots) {
      const step = this.#stepOf(slot, shared);
      let at = offsets / 4 + first * step + slot;
      let total = 0;
      for (let row = 0; row < rows; row++, at += step) {
        total += words[at + 1]! - words[at]!;
        if (total > occurrencesMax) rows = row & ~3;
      }
    }
    return rows;
  }

  give(first: number, rows: number, padded: number, sources: RowSources): void {
    const { kernels } = this.#program;
    for (const [slot, places] of this.#slots) {
      const to = this.#values.get(slot);
      const step = this.#stepOf(slot, sources.shared);
      places.examples = padded;
      places.total = kernels.gatherOccurrences(
        ...([sources.rows, sources.inverse, sources.offsets + 4 * (first * step + slot)] as const),
        ...([step, rows, padded, this.#rowWidth, to?.address ?? 0, to?.stride ?? 0] as const),
        places.starts,
      );
      this.#giveMarks(slot, places, first, rows, sources);
    }
  }

  #giveMarks(
    slot: number,
    { total }: OccurrencePlaces,
    first: number,
    rows: number,
    { offsets, marks, shared }: RowSources,
  ): void {
    const found = this.#marks.get(slot);
    if (!found) return;
    const { history, to } = found;
    const { words, floats } = this.#program.memory;
    const step = this.#stepOf(slot, shared);
    const start = to.address / 4;
    const width = markWidth(history);
    let at = start;
    for (let row = 0, cell = offsets / 4 + first * step + slot; row < rows; row++, cell += step) {
      const [from, end] = [words[cell]!, words[cell + 1]!];
      if (step === 0 && row > 0) {
        // What all share is as in the first; beside the columns there may be others, of whoever comes next too.
        const length = (end - from) * to.stride;
        if (length > 0) floats.copyWithin(at, start, start + length - to.stride + width);
        at += length;
        continue;
      }
      for (let place = from; place < end; place++, at += to.stride)
        writeMarks(history, marks, place, floats, at);
    }
    for (; at < start + total * to.stride; at += to.stride) floats.fill(0, at, at + width);
  }

  /** From the cell of an example to that of the next; what all share is that of the first. */
  #stepOf(slot: number, shared: SharedSlots | undefined): number {
    const isShared = shared && (slot < shared.before || slot >= this.#slotCount - shared.behind);
    return isShared ? 0 : this.#slotCount;
  }
}

/**
 * How many a block has at most, so that four examples of the batch fit into one. It is a function of the batch: sums of gradients
 * must not depend on what was computed before.
 */
export function occurrencesNeeded({ nodes }: Graph, { rowCount, pooling }: RowsBatch): number {
  const { offsets, slotCount } = pooling.batch;
  let longest = 0;
  for (const node of nodes) {
    if (node.kind !== 'input' || node.input !== 'occurrences') continue;
    for (let cell = node.index; cell < rowCount * slotCount; cell += slotCount)
      longest = Math.max(longest, offsets[cell + 1]! - offsets[cell]!);
  }
  return Math.max(occurrencesMin, 4 * longest);
}
