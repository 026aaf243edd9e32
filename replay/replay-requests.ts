import { randomUUID } from 'node:crypto';
import { hashString } from '../core/base/hash.js';
import { LatencyHistogram } from '../core/base/histogram.js';
import { encode } from '../messages/codec.js';
import type { Actions } from '../messages/events.js';
import { actionsMessage } from '../messages/events.js';
import type { RankBatch, RankBatchReply } from '../messages/ranking.js';
import { parseRankBatchReply, rankBatchMessage } from '../messages/ranking.js';
import type { Bus } from '../runtime/bus/bus.js';
import { call } from '../runtime/idempotent-call.js';
import type { RetryPolicy } from '../runtime/retry.js';
import { retry } from '../runtime/retry.js';
import { system } from '../runtime/system.js';

/** A data center that answers requests. */
export interface ReplaySite {
  readonly dataCenter: string;
  readonly bus: Bus;
}

const homeSeed = 0x5174;

/** Where a user lives; the same for ever. */
export function siteOf(user: string, siteCount: number): number {
  return hashString(user, homeSeed) % siteCount;
}

/** What serving said of rows. */
export interface ScoredRequest {
  /** f32 [rows] */
  readonly scores: Float32Array;
  /** Of the network that said it. */
  readonly denseVersion: number;
}

/** One event after all attempts. Too low: an actor that takes long to come back ends the replay. */
const anywherePolicy: RetryPolicy = { deadlineMs: 60_000, baseMs: 50, capMs: 1_000 };
/** With one data center; then the next is asked, as a client in real life would. */
const siteMs = 8_000;

/** The requests of a replay: repeated until they succeed, anywhere. The same ids each time, so that nothing counts twice. */
export class ReplayRequests {
  /** From request to answer, all attempts. */
  readonly latency = new LatencyHistogram();
  requests = 0;
  degraded = 0;
  /**
   * Answered by another data center than the user's, or with rows from one, as the replies say. The rankers count the
   * same in their statistics, but forget it when they are restarted.
   */
  rerouted = 0;
  /** Requests that needed another data center. */
  repeated = 0;
  readonly #sites: readonly ReplaySite[];
  readonly #attemptMs: number;

  /** @param attemptMs after which a ranker that has not answered is given up. */
  constructor(sites: readonly ReplaySite[], attemptMs: number) {
    this.#sites = sites;
    this.#attemptMs = attemptMs;
  }

  /** Scores rows and has them logged as impressions. */
  async rank(home: number, batch: RankBatch): Promise<ScoredRequest> {
    const startMs = performance.now();
    const { dataCenter } = this.#sites[home]!;
    const message = rankBatchMessage({ ...batch, from: dataCenter });
    const answer = await this.#anywhere(home, async ({ bus }) => {
      const reply = await call(bus, bus.names.subject.rank, message, {
        deadlineMs: siteMs,
        attemptMs: this.#attemptMs,
      });
      return parseRankBatchReply(reply, batch.users.length);
    });
    this.latency.record(performance.now() - startMs);
    this.#count(answer, dataCenter);
    return { scores: answer.scores, denseVersion: answer.denseVersion };
  }

  /** Tells what the users did; resolves when it is in the stream. */
  async act(home: number, actions: Actions): Promise<void> {
    const bytes = encode(actionsMessage(actions));
    const messageId = randomUUID();
    await this.#anywhere(home, ({ bus }) =>
      bus.append(bus.names.subject.ingest('action'), bytes, { messageId, timeoutMs: siteMs / 4 }),
    );
  }

  #count(reply: RankBatchReply, home: string): void {
    this.requests++;
    if (reply.degraded) this.degraded++;
    if (reply.rerouted || reply.dataCenter !== home) this.rerouted++;
  }

  #anywhere<T>(home: number, attempt: (site: ReplaySite) => Promise<T>): Promise<T> {
    const siteFor = (number: number) => this.#sites[(home + number - 1) % this.#sites.length]!;
    return retry(system, anywherePolicy, ({ number }) => attempt(siteFor(number)), {
      failed: () => void this.repeated++,
    });
  }
}
