import { mix32 } from '../../base/hash.js';
import { absentRow, CuckooIndex } from '../cuckoo-index.js';
import type { Admission } from './admission.js';

/**
 * A counter per fid, in a cuckoo index whose "row" is the number of occurrences before, so a counter costs what a key
 * costs (12.6 bytes at full load, 25 after a doubling) and a count is changed by removal and insertion: the entry just
 * emptied is there to be filled again.
 *
 * The bound: two generations of at most keysMax / 2 counters. An occurrence moves its counter to the young generation;
 * when that is full it becomes the old one, and what was left in the old one, the counters unseen for longest, is
 * dropped at once. So a fid is forgotten only when at least keysMax / 2 other absent fids have occurred since, and
 * never counts what it was forgotten for: never early, and late only by that rule. An exact least-recently-used order
 * would cost two links per key and save at most half the counters.
 *
 * Event time is not looked at: occurrences count alike in whatever order they come.
 */
export class ExactAdmission implements Admission {
  readonly #occurrences: number;
  readonly #generationKeys: number;
  readonly #seed: number;
  #young: CuckooIndex;
  #old: CuckooIndex;

  constructor(occurrences: number, keysMax: number, seed: number) {
    this.#occurrences = occurrences;
    this.#generationKeys = Math.floor(keysMax / 2);
    this.#seed = mix32(seed ^ 0x38d01377);
    this.#young = new CuckooIndex({ seed: this.#seed });
    this.#old = new CuckooIndex({ seed: this.#seed });
  }

  /** Fids that are being counted. */
  get keyCount(): number {
    return this.#young.size + this.#old.size;
  }

  get bytes(): number {
    return this.#young.bytes + this.#old.bytes;
  }

  admit(low: number, high: number): boolean {
    let row = this.#young.remove(low, high);
    if (row === absentRow) row = this.#old.remove(low, high);
    const count = row === absentRow ? 1 : row + 1;
    if (count >= this.#occurrences) return true;
    this.#young.insert(low, high, count);
    if (this.#young.size >= this.#generationKeys) {
      this.#old = this.#young;
      this.#young = new CuckooIndex({ seed: this.#seed });
    }
    return false;
  }
}
