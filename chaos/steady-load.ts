import { randomUUID } from 'node:crypto';
import type { StarlingClient } from '../client/client.js';
import { clientOn } from '../client/client.js';
import { codeOf } from '../core/base/errors.js';
import { LatencyHistogram } from '../core/base/histogram.js';
import type { Bus } from '../runtime/bus/bus.js';
import type { RetryPolicy } from '../runtime/retry.js';
import { retry } from '../runtime/retry.js';
import { system } from '../runtime/system.js';

/** What a caller of a recommender allows: an answer within half a second, or one more try. */
const attemptMs = 500;
const attempts = 2;
const users = 200;
const itemsShown = 5;
/** An event is offered until it is acknowledged, whatever the servers say meanwhile; then it must not be lost. */
const offerPolicy: RetryPolicy = { baseMs: 200, capMs: 400, worth: () => true };

/** Where people are: a connection of a client who lives in a data center. */
export interface Site {
  readonly dataCenter: string;
  readonly bus: Bus;
}

export interface Answered {
  readonly site: string;
  /** When it was asked, by `performance.now()`. */
  readonly askedAtMs: number;
  readonly answeredAtMs: number;
  /** Where it was answered. */
  readonly dataCenter: string;
}

export interface LoadFigures {
  readonly requests: number;
  readonly failed: number;
  readonly degraded: number;
  /** Answered by another data center than the one where it was asked. */
  readonly rerouted: number;
  readonly latency: LatencyHistogram;
  readonly failures: Readonly<Record<string, number>>;
  /** Acknowledged actions. */
  readonly actions: number;
  /** Offered, and given up without an acknowledgement: the log may have them. */
  readonly actionsUnsure: number;
  /** Of answers that are not degraded: the log has them. */
  readonly impressions: number;
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
  readonly #listeners = new Set<(answered: Answered) => void>();
  readonly #onFailure: (site: string, code: string) => void;
  #visits = 0;
  #isCounted = false;
  #requests = 0;
  #failed = 0;
  #degraded = 0;
  #rerouted = 0;
  #actions = 0;
  #actionsUnsure = 0;
  #impressions = 0;
  readonly #stopping = new AbortController();

  constructor(
    sites: readonly Site[],
    requestsPerSecond: number,
    onFailure: (site: string, code: string) => void,
  ) {
    this.#onFailure = onFailure;
    const everyMs = (1000 * sites.length) / requestsPerSecond;
    this.#timers = sites.map(({ dataCenter, bus }) => {
      const asks = clientOn(bus, attemptMs);
      const tells = clientOn(bus);
      return setInterval(() => {
        const visit = this.#visit(dataCenter, asks, tells).finally(() =>
          this.#pending.delete(visit),
        );
        this.#pending.add(visit);
      }, everyMs);
    });
  }

  get figures(): LoadFigures {
    return {
      requests: this.#requests,
      failed: this.#failed,
      degraded: this.#degraded,
      rerouted: this.#rerouted,
      latency: this.#latency,
      failures: this.#failures,
      actions: this.#actions,
      actionsUnsure: this.#actionsUnsure,
      impressions: this.#impressions,
    };
  }

  /** From now on requests are in the figures; what people are told, which must be true, always is. */
  count(): void {
    this.#isCounted = true;
  }

  /** Hears of every answer. */
  onAnswer(listener: (answered: Answered) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Resolves when every action that was begun is acknowledged. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    for (const timer of this.#timers) clearInterval(timer);
    await Promise.all(this.#pending);
  }

  async #visit(site: string, asks: StarlingClient, tells: StarlingClient): Promise<void> {
    const user = this.#visits++ % users;
    const isCounted = this.#isCounted;
    if (isCounted) this.#requests++;
    const requestId = randomUUID();
    const askedAtMs = performance.now();
    for (let attempt = 1; ; attempt++) {
      try {
        const answer = await asks.recommend({ user, k: itemsShown, requestId });
        const answered = { site, askedAtMs, dataCenter: answer.dataCenter };
        if (isCounted) this.#note(answered, answer.degraded);
        if (!answer.degraded) this.#impressions += answer.items.length;
        const item = answer.items[0]?.item;
        if (item !== undefined) await this.#react(tells, requestId, item, user);
        return;
      } catch (error) {
        if (attempt < attempts) continue;
        this.#onFailure(site, codeOf(error));
        if (!isCounted) return;
        this.#failed++;
        this.#failures[codeOf(error)] = (this.#failures[codeOf(error)] ?? 0) + 1;
        return;
      }
    }
  }

  #note(asked: Omit<Answered, 'answeredAtMs'>, degraded: boolean): void {
    const answeredAtMs = performance.now();
    this.#latency.record(answeredAtMs - asked.askedAtMs);
    if (degraded) this.#degraded++;
    if (asked.dataCenter !== asked.site) this.#rerouted++;
    for (const listener of this.#listeners) listener({ ...asked, answeredAtMs });
  }

  async #react(
    client: StarlingClient,
    requestId: string,
    item: string,
    user: number,
  ): Promise<void> {
    const label = (user + Number(item)) % 2 === 0 ? 1 : 0;
    const offer = () => client.ingestActions([{ requestId, item, label }]);
    try {
      await retry(system, offerPolicy, offer, { signal: this.#stopping.signal });
      this.#actions++;
    } catch {
      // It was stopped while the servers were away.
      this.#actionsUnsure++;
    }
  }
}
