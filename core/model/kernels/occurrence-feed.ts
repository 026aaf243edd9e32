import type { Graph } from '../graph.js';
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
    const inputs = graph.nodes.flatMap((node) =>
      node.kind === 'input' && node.input === 'occurrences' && program.has(node.id) ? [node] : [],
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
    }
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
