import { hashPair, mix32 } from '../../base/hash.js';
import type { Admission } from './admission.js';

/**
 * Admits each occurrence with probability p, by a hash of seed, fid and event second. Nothing is remembered, so a fid
 * waits 1/p occurrences in the mean and a frequent one gets its row soon.
 *
 * Reproducible: the same fid at the same event second is decided alike in a replay, a redelivered batch, another batch
 * order, and by a standby. Not independent: occurrences of a fid within one second share one decision, and so do
 * tables of one seed (the caller mixes the slot into it).
 */
export class ProbabilityAdmission implements Admission {
  readonly bytes = 0;
  /** Hashes below it admit: p · 2^32. */
  readonly #hashEnd: number;
  readonly #seed: number;

  constructor(probability: number, seed: number) {
    this.#hashEnd = probability * 2 ** 32;
    this.#seed = mix32(seed ^ 0xbe5466cf);
  }

  admit(low: number, high: number, atSeconds: number): boolean {
    // A bijection of the second, so that successive seconds give unrelated seeds.
    const secondSeed = mix32(this.#seed + Math.floor(atSeconds));
    return hashPair(low, high, secondSeed) < this.#hashEnd;
  }
}
