import { codeOf } from '../core/base/errors.js';
import { homeOf } from './user-activity.js';

/** Failures in a row before a data center is left alone. Lower: one slow answer moves everyone away. */
const failuresMax = 3;
/** How long it is left alone. Higher: its users come home late. Lower: more requests are spent on finding out. */
const restMs = 5_000;

/** What says that nobody is there, rather than that the request is wrong. */
const absent = ['TIMEOUT', 'NO_RESPONDERS', 'UNAVAILABLE'];

/**
 * Each user asks at home. NATS finds replicas elsewhere while the servers of the data center are up; when those are
 * gone, only the client can go elsewhere, as one in real life does.
 */
export class HomeRoutes {
  readonly #failures: number[];
  readonly #restUntilMs: number[];

  constructor(dataCenterCount: number) {
    this.#failures = new Array<number>(dataCenterCount).fill(0);
    this.#restUntilMs = new Array<number>(dataCenterCount).fill(0);
  }

  /** Index of the data center to ask: the home, or the next one that is not left alone; the home if all are. */
  route(user: number, nowMs: number): { readonly index: number; readonly rerouted: boolean } {
    const count = this.#failures.length;
    const home = homeOf(user, count);
    for (let step = 0; step < count; step++) {
      const index = (home + step) % count;
      if (this.#restUntilMs[index]! <= nowMs) return { index, rerouted: step > 0 };
    }
    return { index: home, rerouted: false };
  }

  answered(index: number): void {
    this.#failures[index] = 0;
  }

  failed(index: number, error: unknown, nowMs: number): void {
    if (!absent.includes(codeOf(error))) return;
    this.#failures[index] = this.#failures[index]! + 1;
    // Once over the limit every further failure prolongs the rest, until an answer comes.
    if (this.#failures[index] >= failuresMax) this.#restUntilMs[index] = nowMs + restMs;
  }
}
