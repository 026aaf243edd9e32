import type { ExampleBatch } from '../features/example-batch.js';
import type { FactRow, ImpressionFacts } from './event-facts.js';
import { gatherFacts, noFacts } from './event-facts.js';
import type { PackedRow } from './row-codec.js';
import { outcomeMask, type ImpressionBatch, type SampleBatch } from './types.js';

/** What the join adds to an impression to make it a sample. */
export interface Learned {
  /** Who the person is by now. */
  readonly person: string;
  /** Outcomes that are known, by bits. */
  readonly known: number;
  /** Of these, what was told as 0 before, by bits; absent: nothing was. */
  readonly late?: number;
  /** By outcome; of those that are not known, anything. */
  readonly labels: ArrayLike<number>;
  readonly sampleRate: number;
  /** How much it counts as it is learned; absent: 1. */
  readonly weight?: number;
  readonly acceptedAtMs: number;
}

const one = Uint8Array.of(1);
const alike = Float32Array.of(1);

interface MarkLists {
  readonly eventTypes: number[];
  readonly agesSeconds: number[];
}

/** Columns of the samples to come, fed row by row from batches and from packed rows. Buffers are reused by every take. */
export class SampleBuilder {
  readonly #outcomes: readonly string[];
  readonly #slotCount: number;
  readonly #denseCount: number;
  #requestIds: string[] = [];
  #users: string[] = [];
  #items: string[] = [];
  readonly #labels: readonly number[][];
  #known: number[] = [];
  #late: number[] = [];
  #sampleRates: number[] = [];
  #weights: number[] = [];
  #scores: number[] = [];
  #atMs: number[] = [];
  #acceptedAtMs: number[] = [];
  #facts: (FactRow | undefined)[] = [];
  /** Of every fid so far, once a row has had marks. */
  #marks: MarkLists | undefined;
  #offsets = new Uint32Array(1024);
  #fids = new Uint32Array(2048);
  #dense = new Float32Array(1024);
  #fidCount = 0;

  /** @param outcomes their names, in the order of their bits. */
  constructor(outcomes: readonly string[], slotCount: number, denseCount: number) {
    this.#outcomes = outcomes;
    this.#labels = outcomes.map(() => []);
    this.#slotCount = slotCount;
    this.#denseCount = denseCount;
  }

  get rowCount(): number {
    return this.#items.length;
  }

  /** Adds row `row` of `batch`. */
  addRow(batch: ImpressionBatch, row: number, learned: Learned): void {
    const { offsets, fids, dense } = batch.examples;
    const start = offsets[row * this.#slotCount]!;
    const stop = offsets[(row + 1) * this.#slotCount]!;
    this.#reserve(stop - start);
    const rowStart = this.rowCount * this.#slotCount;
    for (let s = 1; s <= this.#slotCount; s++) {
      this.#offsets[rowStart + s] = this.#fidCount + offsets[row * this.#slotCount + s]! - start;
    }
    copyWords(fids, 2 * start, this.#fids, 2 * this.#fidCount, 2 * (stop - start));
    copyWords(
      dense,
      row * this.#denseCount,
      this.#dense,
      this.rowCount * this.#denseCount,
      this.#denseCount,
    );
    this.#addMarks(batch.examples, start, stop);
    this.#fidCount += stop - start;
    this.#addFacts(batch.facts, row);
    this.#addScalars(batch.requestIds[row]!, batch.items[row]!, learned);
    this.#scores.push(batch.scores[row]!);
    this.#atMs.push(batch.atMs[row]!);
  }

  /** Adds a packed row that `decodeRow` found in `bytes`. */
  addPacked(bytes: Uint8Array, packed: PackedRow, learned: Learned): void {
    this.#reserve(packed.fidCount);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const rowStart = this.rowCount * this.#slotCount;
    for (let s = 0; s < this.#slotCount; s++) {
      this.#offsets[rowStart + s + 1] =
        this.#fidCount + view.getUint32(packed.slotEndsOffset + 4 * s, true);
    }
    for (let f = 0; f < 2 * packed.fidCount; f++) {
      this.#fids[2 * this.#fidCount + f] = view.getUint32(packed.fidsOffset + 4 * f, true);
    }
    for (let d = 0; d < this.#denseCount; d++) {
      this.#dense[this.rowCount * this.#denseCount + d] = view.getFloat32(
        packed.denseOffset + 4 * d,
        true,
      );
    }
    this.#addPackedMarks(bytes, view, packed);
    this.#fidCount += packed.fidCount;
    this.#addFacts(packed.facts, 0);
    this.#addScalars(packed.requestId, packed.item, learned);
    this.#scores.push(packed.score);
    this.#atMs.push(packed.atMs);
  }

  /** The samples since the last take, in the order of their closing. */
  take(): SampleBatch {
    const rowCount = this.rowCount;
    const batch: SampleBatch = {
      requestIds: this.#requestIds,
      users: this.#users,
      items: this.#items,
      outcomes: Object.fromEntries(
        this.#outcomes.map((name, i) => [name, this.#outcomeColumns(i)]),
      ),
      sampleRates: Float32Array.from(this.#sampleRates),
      scores: Float32Array.from(this.#scores),
      atMs: Float64Array.from(this.#atMs),
      acceptedAtMs: Float64Array.from(this.#acceptedAtMs),
      facts: gatherFacts(this.#facts),
      examples: {
        rowCount,
        slotCount: this.#slotCount,
        denseCount: this.#denseCount,
        offsets: this.#offsets.slice(0, rowCount * this.#slotCount + 1),
        fids: this.#fids.slice(0, 2 * this.#fidCount),
        dense: this.#dense.slice(0, rowCount * this.#denseCount),
        ...(this.#marks ? { marks: this.#takeMarks(this.#marks) } : {}),
      },
    };
    this.#fidCount = 0;
    this.#facts = [];
    this.#marks = undefined;
    this.#requestIds = [];
    this.#users = [];
    this.#items = [];
    this.#known = [];
    this.#late = [];
    for (const column of [
      ...this.#labels,
      this.#sampleRates,
      this.#weights,
      this.#scores,
      this.#atMs,
      this.#acceptedAtMs,
    ]) {
      column.length = 0;
    }
    return batch;
  }

  #outcomeColumns(i: number) {
    const bit = 1 << i;
    const isWhole = this.#known.every((known) => (known & bit) !== 0);
    const labels = Float32Array.from(this.#labels[i]!);
    const weights = this.#weights.every((weight) => weight === 1)
      ? alike
      : Float32Array.from(this.#weights);
    const isLate = this.#late.some((late) => (late & bit) !== 0);
    if (isWhole && !isLate) return { labels, masks: one, weights };
    const masks = Uint8Array.from(this.#known, (known, row) =>
      known & bit ? (this.#late[row]! & bit ? outcomeMask.late : outcomeMask.known) : 0,
    );
    return { labels: labels.map((label, row) => (masks[row] ? label : 0)), masks, weights };
  }

  #addFacts(facts: ImpressionFacts, row: number): void {
    this.#facts.push(facts === noFacts ? undefined : { facts, row });
  }

  /** Called before `#fidCount` counts the row. */
  #addMarks({ marks }: ExampleBatch, start: number, stop: number): void {
    if (!marks) return;
    const lists = this.#openMarks();
    for (let f = start; f < stop; f++) {
      lists.eventTypes.push(marks.eventTypes[f]!);
      lists.agesSeconds.push(marks.agesSeconds[f]!);
    }
  }

  #addPackedMarks(bytes: Uint8Array, view: DataView, packed: PackedRow): void {
    const { marksOffset, fidCount } = packed;
    if (marksOffset === undefined) return;
    const lists = this.#openMarks();
    for (let f = 0; f < fidCount; f++) {
      lists.agesSeconds.push(view.getFloat32(marksOffset + 4 * f, true));
      lists.eventTypes.push(bytes[marksOffset + 4 * fidCount + f]!);
    }
  }

  /** Filled up to the fids there are, with marks that say nothing. */
  #openMarks(): MarkLists {
    this.#marks ??= { eventTypes: [], agesSeconds: [] };
    for (let f = this.#marks.eventTypes.length; f < this.#fidCount; f++) {
      this.#marks.eventTypes.push(0);
      this.#marks.agesSeconds.push(NaN);
    }
    return this.#marks;
  }

  #takeMarks({ eventTypes, agesSeconds }: MarkLists) {
    this.#openMarks();
    return {
      eventTypes: Uint8Array.from(eventTypes),
      agesSeconds: Float32Array.from(agesSeconds),
    };
  }

  #addScalars(requestId: string, item: string, learned: Learned): void {
    this.#requestIds.push(requestId);
    this.#users.push(learned.person);
    this.#items.push(item);
    this.#known.push(learned.known);
    this.#late.push(learned.late ?? 0);
    for (let i = 0; i < this.#labels.length; i++) this.#labels[i]!.push(learned.labels[i]!);
    this.#sampleRates.push(learned.sampleRate);
    this.#weights.push(learned.weight ?? 1);
    this.#acceptedAtMs.push(learned.acceptedAtMs);
  }

  #reserve(fidCount: number): void {
    const rows = this.rowCount + 1;
    if (rows * this.#slotCount + 1 > this.#offsets.length) {
      this.#offsets = grown(this.#offsets, new Uint32Array(2 * rows * this.#slotCount + 1));
    }
    if (2 * (this.#fidCount + fidCount) > this.#fids.length) {
      this.#fids = grown(this.#fids, new Uint32Array(4 * (this.#fidCount + fidCount)));
    }
    if (rows * this.#denseCount > this.#dense.length) {
      this.#dense = grown(this.#dense, new Float32Array(2 * rows * this.#denseCount));
    }
  }
}

function grown<T extends Uint32Array | Float32Array>(old: T, next: T): T {
  next.set(old);
  return next;
}

/** A plain loop: rows are tens of words, for which `set(subarray())` spends its time on the view. */
function copyWords(
  source: Uint32Array | Float32Array,
  sourceStart: number,
  target: Uint32Array | Float32Array,
  targetStart: number,
  length: number,
): void {
  for (let i = 0; i < length; i++) target[targetStart + i] = source[sourceStart + i]!;
}
