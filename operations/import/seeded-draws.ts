import type { Random } from '../../core/base/random.js';
import { hashPair, hashString } from '../../core/base/hash.js';

/**
 * Chance that follows from an import and a place in it: who goes on with one, or makes a joiner anew, draws the same items.
 * Weyl's sequence through a mixing function, as splitmix has it (Steele, Lea, Flood, 2014).
 */
export class SeededDraws implements Pick<Random, 'next'> {
  readonly #seed: number;
  #position = 0;
  #draw = 0;

  constructor(name: string) {
    this.#seed = hashString(name, 0x51a7e);
  }

  /** What is drawn from now on is of this row. */
  at(position: number): void {
    this.#position = position;
    this.#draw = 0;
  }

  next(): number {
    this.#draw++;
    return hashPair(this.#position, this.#draw, this.#seed) / 2 ** 32;
  }
}
