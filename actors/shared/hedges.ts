import type { ActorContext } from '../../runtime/actor.js';
import type { CallOptions } from '../../runtime/call.js';
import { HedgeBudget, hedgedCall } from '../../runtime/hedged.js';

/** Requests to replicas here which, when they are not answered in time, go to another inference data center too. */
export class Hedges {
  /** The other inference data centers. */
  readonly elsewhere: readonly string[];
  readonly #context: ActorContext;
  readonly #budget = new HedgeBudget();
  #turn = 0;

  constructor(context: ActorContext) {
    this.#context = context;
    const { identity, config } = context;
    this.elsewhere = config.dataCenters
      .filter(({ name, role }) => role === 'inference' && name !== identity.dataCenter)
      .map(({ name }) => name);
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
    const { bus, config } = this.#context;
    const other = this.elsewhere[this.#turn++ % Math.max(1, this.elsewhere.length)];
    const elsewhere = other === undefined ? undefined : at(other);
    const { hedgeMs } = config.serving;
    return hedgedCall(bus, subject, elsewhere, request, {
      ...options,
      hedgeMs,
      budget: this.#budget,
    });
  }
}
