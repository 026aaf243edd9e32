import { setTimeout as sleep } from 'node:timers/promises';
import { StarlingError, codeOf, errorCodes } from '../core/base/errors.js';
import type { ClusterConfig } from '../core/config/schema.js';
import { actorsOf } from '../messages/actor-status.js';
import type { ClusterStatus } from '../messages/cluster-status.js';
import { decode } from '../messages/codec.js';
import { parseVisible } from '../messages/ranking.js';
import type { SupervisionEvent } from '../messages/supervision-events.js';
import type { Bus } from '../runtime/bus/bus.js';
import type { Stoppable } from '../runtime/stoppable.js';
import type { Books } from './replay-books.js';
import { booksSince, readBooks } from './replay-books.js';
import { FreshnessHistory } from './replay-freshness.js';
import type { ReplaySite } from './replay-requests.js';
import { VisibleLedger } from './replay-visible.js';

/** What a replay needs of a cluster. */
export interface ReplayCluster {
  readonly config: ClusterConfig;
  /** Connection to the training data center, where the books are. */
  readonly training: Bus;
  /** Connections to the inference data centers. */
  readonly sites: readonly ReplaySite[];
  status(): ClusterStatus;
  onEvent(listener: (event: SupervisionEvent) => void): () => void;
}

/** What was sent into the pipeline. */
export interface Sent {
  readonly impressions: number;
  readonly actions: number;
}

/** What an earlier run left unfinished is waited for, but not for ever. */
const baselineMs = 60_000;

/**
 * Watches what the cluster has learned: by the notices of the serving shards, which come within a millisecond but may be
 * lost, and by heartbeats, which come twice a second and say the same.
 */
export class ReplayWatch {
  readonly ledger: VisibleLedger;
  readonly freshness = new FreshnessHistory();
  readonly #cluster: ReplayCluster;
  readonly #onLearned: (learned: number) => void;
  readonly #subscriptions: Stoppable[] = [];
  #before: Books | undefined;
  #learnedBefore = 0;
  #fingerprint = '';

  /** @param onLearned hears how many impressions serving has learned since the baseline. */
  constructor(cluster: ReplayCluster, onLearned: (learned: number) => void) {
    const shardCount = cluster.config.actors['serving-shard'];
    this.ledger = new VisibleLedger(
      cluster.sites.map(({ dataCenter }) => dataCenter),
      shardCount,
    );
    this.#cluster = cluster;
    this.#onLearned = onLearned;
    for (const { dataCenter, bus } of cluster.sites) {
      for (let shard = 0; shard < shardCount; shard++) {
        const name = bus.names.subject.visible(dataCenter, shard);
        this.#subscriptions.push(bus.subscribe(name, (bytes) => this.#onNotice(bytes)));
      }
    }
  }

  async stop(): Promise<void> {
    await Promise.all(this.#subscriptions.map((each) => each.stop()));
  }

  /** Reads the heartbeats. */
  observe(): ClusterStatus {
    const status = this.#cluster.status();
    this.freshness.observe(status.actors);
    for (const { dataCenter, address, stats } of actorsOf(status.actors, 'serving-shard')) {
      const { through, resolved } = stats;
      if (through === undefined || resolved === undefined) continue;
      const shard = Number(address.slice(address.lastIndexOf('.') + 1));
      this.ledger.observe({ dataCenter, shard, through, resolved });
    }
    this.#tell();
    return status;
  }

  /**
   * Takes the books before the first event; everything later is counted from there.
   *
   * @throws StarlingError NOT_READY if some actor has not told its figures within a minute.
   */
  async takeBaseline(): Promise<Books> {
    const endMs = performance.now() + baselineMs;
    for (;;) {
      const books = await this.#readBooks();
      const late = performance.now() > endMs;
      if (
        books &&
        (late || (this.ledger.complete && this.ledger.through >= books.batchesEmitted))
      ) {
        this.#before = books;
        this.#learnedBefore = this.ledger.learned;
        return books;
      }
      if (late) {
        throw new StarlingError('NOT_READY', `no figures from all actors in ${baselineMs} ms.`);
      }
      await sleep(100);
    }
  }

  /**
   * Newest event time that a joiner has passed; 0: they have seen no event.
   *
   * @throws StarlingError NOT_READY if some joiner has not told it within a minute.
   */
  async seenMs(): Promise<number> {
    const endMs = performance.now() + baselineMs;
    for (;;) {
      const joiners = actorsOf(this.observe().actors, 'joiner');
      const watermarks = joiners.flatMap(({ stats: { watermarkMs } }) => watermarkMs ?? []);
      if (joiners.every(({ stats }) => stats.watermarkMs !== undefined))
        return Math.max(0, ...watermarks);
      if (performance.now() > endMs)
        throw new StarlingError('NOT_READY', `no watermark from all joiners in ${baselineMs} ms.`);
      await sleep(100);
    }
  }

  /** The books since the baseline, and whether all batches are visible; undefined while they can't be had. */
  async look(): Promise<{ readonly books: Books; readonly visible: boolean } | undefined> {
    const total = await this.#readBooks();
    if (!total || !this.#before) return undefined;
    const visible = this.ledger.through >= total.batchesEmitted;
    return { books: booksSince(this.#before, total), visible };
  }

  /**
   * Whether all that was sent has gone through, and nothing more will come of it. True only if the same was found the
   * last time: a heartbeat may be older than what a joiner is about to publish.
   */
  async isEmpty(sent: Sent): Promise<boolean> {
    const seen = await this.look();
    if (!seen) return false;
    const fingerprint = JSON.stringify([seen, this.ledger.through]);
    const unchanged = fingerprint === this.#fingerprint;
    this.#fingerprint = fingerprint;
    const { joined, deadLetters } = seen.books;
    return (
      unchanged &&
      seen.visible &&
      joined.outboxPending === 0 &&
      joined.impressions + deadLetters >= sent.impressions &&
      joined.actions + deadLetters >= sent.actions
    );
  }

  async #readBooks(): Promise<Books | undefined> {
    try {
      return await readBooks(this.observe().actors, this.#cluster.training);
    } catch (error) {
      if (!errorCodes[codeOf(error)].retryable) throw error;
      return undefined; // The server is away for a moment; the caller asks again.
    }
  }

  #onNotice(bytes: Uint8Array): void {
    try {
      this.ledger.observe(parseVisible(decode(bytes)));
    } catch (error) {
      if (codeOf(error) === 'INTERNAL') throw error;
      return; // Of another version; the heartbeats of the shard say the same.
    }
    this.#tell();
  }

  #tell(): void {
    if (this.#before) this.#onLearned(this.ledger.learned - this.#learnedBefore);
  }
}
