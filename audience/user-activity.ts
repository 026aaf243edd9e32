import { mix32 } from '../core/base/hash.js';

/**
 * Few users come often and many rarely: user i comes with weight 1 / (i + 1)^exponent, after Zipf. At 0.7 the most
 * active tenth of 1,000 users makes half of the requests. Higher: the rest is hardly ever seen. 0: all alike.
 */
const exponent = 0.7;

export class Activity {
  /** Cumulative share, f64 [users], ascending to 1. */
  readonly #cumulative: Float64Array;

  constructor(users: number) {
    this.#cumulative = new Float64Array(users);
    let sum = 0;
    for (let user = 0; user < users; user++) {
      sum += (user + 1) ** -exponent;
      this.#cumulative[user] = sum;
    }
    for (let user = 0; user < users; user++) this.#cumulative[user] = this.#cumulative[user]! / sum;
  }

  /** The user at a uniform draw in [0, 1). Bisection: log2(users) steps. */
  pick(draw: number): number {
    let low = 0;
    let high = this.#cumulative.length - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#cumulative[middle]! > draw) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}

/** Which of `count` data centers a user calls home; the same for ever. */
export function homeOf(user: number, count: number): number {
  return mix32(user + 0x40e) % count;
}
