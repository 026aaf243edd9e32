import type { ActorContext } from '../../runtime/actor.js';
import type { CallOptions } from '../../runtime/idempotent-call.js';
import { Breakers, HedgeBudget, hedgedCall } from '../../runtime/hedged-call.js';

/** Requests to replicas here which, when they are not answered in time, go to another inference data center too. */
export class Hedges {
  /** The other inference data centers. */
  readonly elsewhere: readonly string[];
  readonly #context: ActorContext;
  readonly #budget = new HedgeBudget();
  readonly #breakers = new Breakers();
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

  /**
   * While its own server is gone, an actor turns to those that are guests like it: the replicas that answer everybody
   * where it is now are of the other data center, and are asked next.
   *
   * @param at the subject of a data center.
   */
  call(
    subject: string,
    at: (dataCenter: string) => string,
    request: unknown,
    options: CallOptions,
  ): Promise<unknown> {
    const { bus, config, identity } = this.#context;
    const other = this.elsewhere[this.#turn++ % Math.max(1, this.elsewhere.length)];
    const elsewhere = other === undefined ? undefined : at(other);
    const here = bus.away ? at(identity.dataCenter) : subject;
    return hedgedCall(bus, here, elsewhere, request, {
      ...options,
      // Who waits for a short time only needs most of it for the second answer.
      hedgeMs: Math.min(config.serving.hedgeMs, options.deadlineMs / 3),
      budget: this.#budget,
      breakers: this.#breakers,
    });
  }
}
