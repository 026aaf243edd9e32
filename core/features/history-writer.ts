import { assert } from '../base/assert.js';
import type { OccurrenceMarks } from './example-batch.js';
import type { Slot } from './feature-spec.js';
import type { KeptHistory } from './kept-features.js';
import { type KeyWriter, keyWriterOf } from './values.js';

/** Writes what somebody did last as fids of the feature that it is of. */
export class HistoryWriter {
  readonly #slot: Slot;
  readonly #of: Slot;
  readonly #write: KeyWriter;

  /** @param slots all of the spec. */
  constructor(slot: Slot, slots: readonly Slot[]) {
    assert(slot.rowsOf >= 0, `history ${slot.name} is of a slot`);
    this.#slot = slot;
    this.#of = slots[slot.rowsOf]!;
    this.#write = keyWriterOf(this.#of.coding);
  }

  /** @returns how many fids; those of an event have all its marks. */
  write(
    history: KeptHistory | undefined,
    words: Uint32Array,
    index: number,
    marks: OccurrenceMarks | undefined,
  ): number {
    if (!history) return 0;
    const { valuesMax, coding } = this.#slot;
    const end = index + valuesMax;
    let at = index;
    for (let i = 0; i < history.values.length; i++) {
      if (at + this.#of.valuesMax > end) break;
      const count = this.#countOf(history.values[i], words, at);
      if (marks && coding.kind === 'history') {
        for (let fid = at; fid < at + count; fid++) {
          if (coding.with.includes('event')) marks.eventTypes[fid] = history.types[i]!;
          if (coding.with.includes('secondsAgo')) marks.agesSeconds[fid] = history.agesSeconds[i]!;
        }
      }
      at += count;
    }
    return at - index;
  }

  /** One item that was told of when the feature was declared otherwise must not cost somebody all of his answers. */
  #countOf(value: unknown, words: Uint32Array, at: number): number {
    try {
      return this.#write(value, this.#of.source, words, at);
    } catch {
      return 0;
    }
  }
}
