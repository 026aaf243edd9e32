import type { Random } from '../../core/base/random.js';

/**
 * Chance from a seed: sfc32 (C. Doty-Humphrey, PractRand, 2010), 128 bits of state and no multiplication of doubles, so that
 * every engine draws the same numbers.
 */
export class SeededRandom implements Random {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  constructor(seed: number, stream = 0) {
    this.#a = seed | 0;
    this.#b = stream | 0;
    this.#c = 0x9e3779b9 | 0;
    for (let i = 0; i < 12; i++) this.#word();
  }

  /** In [0, 1), of 32 bits. */
  next(): number {
    return (this.#word() >>> 0) / 0x1_0000_0000;
  }

  id(): string {
    const words = Array.from({ length: 4 }, () => hex(this.#word()));
    const [a, b, c, d] = words as [string, string, string, string];
    return `${a}-${b.slice(0, 4)}-4${b.slice(5)}-a${c.slice(1, 4)}-${c.slice(4)}${d}`;
  }

  /** In [from, to). */
  between(from: number, to: number): number {
    return from + (to - from) * this.next();
  }

  /** A whole number in [0, count). */
  below(count: number): number {
    return Math.floor(this.next() * count);
  }

  pick<T>(values: readonly T[]): T {
    return values[this.below(values.length)]!;
  }

  /** Whether something of this probability happens now. */
  happens(probability: number): boolean {
    return probability > 0 && this.next() < probability;
  }

  /** Another stream of chance: what is drawn from it changes nothing of what is drawn here. */
  child(stream: number): SeededRandom {
    return new SeededRandom(this.#word(), stream);
  }

  #word(): number {
    const t = (((this.#a + this.#b) | 0) + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (this.#c << 21) | (this.#c >>> 11);
    this.#c = (this.#c + t) | 0;
    return t;
  }
}

function hex(word: number): string {
  return (word >>> 0).toString(16).padStart(8, '0');
}
