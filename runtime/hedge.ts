import { HedgeBudget, hedgedCall, type Breakers } from './hedged-call.js';
import type { CallOptions, CallingBus } from './idempotent-call.js';

export interface HedgeOptions {
  /**
   * So long a request waits for an answer before it goes elsewhere too, or a third of its time if that is shorter: who
   * waits for a short time only needs most of it for the second answer.
   */
  readonly hedgeMs: number;
  /** Data centers that one may turn to by now; they are taken in turn. */
  readonly elsewhere: () => readonly string[];
  /** For ways that may be dead ends; without them each is always tried. */
  readonly breakers?: Breakers;
}

/** Requests to a queue group here which, when they are not answered in time, go to the one of another data center too. */
export class Hedge {
  readonly #bus: CallingBus;
  readonly #options: HedgeOptions;
  readonly #budget = new HedgeBudget();
  #turn = 0;

  constructor(bus: CallingBus, options: HedgeOptions) {
    this.#bus = bus;
    this.#options = options;
  }

  /** Requests that went elsewhere too. */
  get count(): number {
    return this.#budget.hedged;
  }

  /** @param at the subject of a data center. */
  call(
    subject: string,
    at: (dataCenter: string) => string,
    request: unknown,
    options: CallOptions,
  ): Promise<unknown> {
    const { hedgeMs, elsewhere, breakers } = this.#options;
    const others = elsewhere();
    const other = others[this.#turn++ % Math.max(1, others.length)];
    return hedgedCall(this.#bus, subject, other === undefined ? undefined : at(other), request, {
      ...options,
      hedgeMs: Math.min(hedgeMs, options.deadlineMs / 3),
      budget: this.#budget,
      ...(breakers ? { breakers } : {}),
    });
  }
}
