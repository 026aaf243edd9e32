import { assert } from './assert.js';
import { StarlingError } from './errors.js';

/**
 * The set of sequence numbers that have been applied. Sequences arrive almost in order, so the set is a watermark (all
 * of 1 … watermark) and a short sorted list of intervals above it, one per gap that is still open:
 *
 *     1 ━━━━━━━━━ watermark   ·   start₁ ━━ end₁   ·   start₂ ━ end₂
 *
 * It costs 16 bytes per open gap, whatever the number of sequences, so it fits into every delta and every snapshot.
 * Intervals are inclusive, ascending, and never touch each other or the watermark.
 */
export interface Interval {
  readonly start: number;
  readonly end: number;
}

export class IntervalSet {
  #watermark: number;
  readonly #starts: number[] = [];
  readonly #ends: number[] = [];

  /** @param from The first sequence that can be missing: 1 … from − 1 count as contained. */
  constructor(from = 1) {
    assert(Number.isSafeInteger(from) && from >= 1, `the base ${from} is a positive integer`);
    this.#watermark = from - 1;
  }

  /** The largest w such that every one of 1 … w is contained; 0 if 1 is missing. */
  get watermark(): number {
    return this.#watermark;
  }

  /** How many numbers are contained, those below the base included. */
  get count(): number {
    let count = this.#watermark;
    for (let i = 0; i < this.#starts.length; i++) count += this.#ends[i]! - this.#starts[i]! + 1;
    return count;
  }

  /** The intervals above the watermark, ascending. */
  get intervals(): Interval[] {
    return this.#starts.map((start, i) => ({ start, end: this.#ends[i]! }));
  }

  /** Whether `n` is contained. O(log gaps). */
  has(n: number): boolean {
    if (n <= this.#watermark) return n >= 1;
    const index = this.#intervalFrom(n);
    return index < this.#starts.length && this.#starts[index]! <= n;
  }

  /** Adds `n`; false if it was there already. O(1) in order, O(gaps) otherwise. */
  add(n: number): boolean {
    assert(Number.isSafeInteger(n) && n >= 1, `the sequence ${n} is a positive integer`);
    if (n <= this.#watermark) return false;
    if (n === this.#watermark + 1) {
      this.#watermark = n;
      this.#absorbFirst();
      return true;
    }
    const index = this.#intervalFrom(n);
    if (index < this.#starts.length && this.#starts[index]! <= n) return false;
    const joinsLeft = index > 0 && this.#ends[index - 1] === n - 1;
    const joinsRight = index < this.#starts.length && this.#starts[index] === n + 1;
    if (joinsLeft && joinsRight) {
      this.#ends[index - 1] = this.#ends[index]!;
      this.#starts.splice(index, 1);
      this.#ends.splice(index, 1);
    } else if (joinsLeft) {
      this.#ends[index - 1] = n;
    } else if (joinsRight) {
      this.#starts[index] = n;
    } else {
      this.#starts.splice(index, 0, n);
      this.#ends.splice(index, 0, n);
    }
    return true;
  }

  /** [watermark, start₁, end₁, start₂, end₂, …]. */
  encode(): Float64Array {
    const data = new Float64Array(1 + 2 * this.#starts.length);
    data[0] = this.#watermark;
    for (let i = 0; i < this.#starts.length; i++) {
      data[1 + 2 * i] = this.#starts[i]!;
      data[2 + 2 * i] = this.#ends[i]!;
    }
    return data;
  }

  /** The set that `encode` wrote. Throws CORRUPT on anything that `encode` can't have written. */
  static decode(data: Float64Array): IntervalSet {
    if (data.length % 2 !== 1) throw corrupt(`${data.length} numbers, expected an odd count`);
    const set = new IntervalSet();
    let previous = data[0]!;
    if (!isSequence(previous) && previous !== 0) throw corrupt(`watermark ${previous}`);
    set.#watermark = previous;
    for (let i = 1; i < data.length; i += 2) {
      const start = data[i]!;
      const end = data[i + 1]!;
      // A gap of at least one number stands before every interval, or it would be part of what precedes it.
      if (!isSequence(start) || !isSequence(end) || start < previous + 2 || end < start) {
        throw corrupt(`interval ${start} … ${end} after ${previous}`);
      }
      set.#starts.push(start);
      set.#ends.push(end);
      previous = end;
    }
    return set;
  }

  /** Index of the first interval that ends at or after `n`. */
  #intervalFrom(n: number): number {
    let low = 0;
    let high = this.#ends.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#ends[middle]! < n) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #absorbFirst(): void {
    if (this.#starts.length > 0 && this.#starts[0] === this.#watermark + 1) {
      this.#watermark = this.#ends[0]!;
      this.#starts.shift();
      this.#ends.shift();
    }
  }
}

function isSequence(n: number): boolean {
  return Number.isSafeInteger(n) && n >= 1;
}

function corrupt(found: string): StarlingError {
  return new StarlingError('CORRUPT', `not an interval set: ${found}`);
}
