import { answersRequests } from '../../core/config/data-centers.js';
import type { ActorContext } from '../../runtime/actor.js';
import type { CallOptions } from '../../runtime/idempotent-call.js';
import { Hedge } from '../../runtime/hedge.js';
import { Breakers } from '../../runtime/hedged-call.js';

/** Requests to replicas here which, when they are not answered in time, go to another inference data center too. */
export class Hedges {
  /** The other inference data centers. */
  readonly elsewhere: readonly string[];
  readonly #context: ActorContext;
  readonly #hedge: Hedge;

  constructor(context: ActorContext) {
    this.#context = context;
    const { bus, clock, identity, config } = context;
    this.elsewhere = config.dataCenters
      .filter((each) => answersRequests(each) && each.name !== identity.dataCenter)
      .map(({ name }) => name);
    this.#hedge = new Hedge(bus, {
      hedgeMs: config.serving.hedgeMs,
      elsewhere: () => this.elsewhere,
      breakers: new Breakers(clock),
    });
  }

  /** Requests that went elsewhere too. */
  get count(): number {
    return this.#hedge.count;
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
    const { bus, identity } = this.#context;
    const here = bus.away ? at(identity.dataCenter) : subject;
    return this.#hedge.call(here, at, request, options);
  }
}
