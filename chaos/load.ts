import { randomUUID } from 'node:crypto';
import { clientOn } from '../client/client.js';
import { codeOf } from '../core/base/errors.js';
import { LatencyHistogram } from '../core/base/histogram.js';
import type { Bus } from '../runtime/bus.js';

/** What a caller of a recommender allows: an answer within half a second, or one more try. */
const attemptMs = 500;
const attempts = 2;
const users = 200;
const itemsShown = 5;
/** An event is offered until it is acknowledged; then it must not be lost. */
const ingestPauseMs = 200;

export interface LoadFigures {
  readonly requests: number;
  readonly failed: number;
  readonly degraded: number;
  readonly latency: LatencyHistogram;
  readonly failures: Readonly<Record<string, number>>;
  /** Acknowledged actions. */
  readonly actions: number;
}

/**
 * People who ask and react, in each inference data center: recommendations at a steady rate, whatever happens to the
 * earlier ones, and an action for each. It goes on while things break, and says how often nobody answered.
 */
export class Load {
  readonly #latency = new LatencyHistogram();
  readonly #failures: Record<string, number> = {};
  readonly #pending = new Set<Promise<void>>();
  readonly #timers: NodeJS.Timeout[];
  #requests = 0;
  #failed = 0;
  #degraded = 0;
  #actions = 0;
  #stopped = false;

  constructor(sites: readonly Bus[], requestsPerSecond: number) {
    const everyMs = (1000 * sites.length) / requestsPerSecond;
    this.#timers = sites.map((bus) =>
      setInterval(() => {
        const visit = this.#visit(bus).finally(() => this.#pending.delete(visit));
        this.#pending.add(visit);
      }, everyMs),
    );
  }

  get figures(): LoadFigures {
    return {
      requests: this.#requests,
      failed: this.#failed,
      degraded: this.#degraded,
      latency: this.#latency,
      failures: this.#failures,
      actions: this.#actions,
    };
  }

  /** Resolves when every action that was begun is acknowledged. */
  async stop(): Promise<void> {
    this.#stopped = true;
    for (const timer of this.#timers) clearInterval(timer);
    await Promise.all(this.#pending);
  }

  async #visit(bus: Bus): Promise<void> {
    const client = clientOn(bus, attemptMs);
    const user = this.#requests++ % users;
    const requestId = randomUUID();
    const startMs = performance.now();
    for (let attempt = 1; ; attempt++) {
      try {
        const answer = await client.recommend({ user, k: itemsShown, requestId });
        this.#latency.record(performance.now() - startMs);
        if (answer.degraded) this.#degraded++;
        const item = answer.items[0]?.item;
        if (item !== undefined) await this.#react(bus, requestId, item, user);
        return;
      } catch (error) {
        if (attempt < attempts) continue;
        this.#failed++;
        this.#failures[codeOf(error)] = (this.#failures[codeOf(error)] ?? 0) + 1;
        return;
      }
    }
  }

  async #react(bus: Bus, requestId: string, item: string, user: number): Promise<void> {
    const client = clientOn(bus);
    const label = (user + Number(item)) % 2 === 0 ? 1 : 0;
    for (;;) {
      try {
        await client.ingestActions([{ requestId, item, label }]);
        this.#actions++;
        return;
      } catch {
        // The servers are away; an event that was not acknowledged is offered again.
        if (this.#stopped) return;
        await new Promise((resolve) => setTimeout(resolve, ingestPauseMs));
      }
    }
  }
}
