import { joinMemoryMs } from '../core/blueprint/join-rules.js';
import type { TimeAndChance } from '../core/base/random.js';
import { replicasOf } from '../core/config/data-centers.js';
import { durationMsOf } from '../core/config/duration.js';
import type { ClusterConfig } from '../core/config/schema.js';
import type { BucketDeclaration, StreamDeclaration } from '../messages/declared-streams.js';
import { declareBucket, declareStreams } from '../messages/declared-streams.js';
import type { NatsBus } from '../runtime/nats/nats-bus.js';
import { requireSameShape } from './cluster-shape.js';
import { requireMessagesFit } from './message-limit.js';
import type { RetryPolicy } from '../runtime/retry.js';
import { isRetryable, retry } from '../runtime/retry.js';
import { takeTurns } from './stream-turns.js';

/** Creation waits this long in all for JetStream to accept work: a vote for its leader may go on for seconds. */
const createMsMax = 30_000;
const declarePolicy: RetryPolicy = { baseMs: 100, capMs: 400 };

/**
 * No event is as short, so the stream refuses all, and keeps what it holds. A limit on the bytes of the whole stream
 * would refuse too, but the server enforces that one by deleting what was accepted.
 */
export const closedMessageBytes = 1;

export interface StreamSite {
  readonly bus: NatsBus;
  readonly config: ClusterConfig;
  /** Streams can be put into a data center. */
  readonly placed: boolean;
  /** Events go into the data center where they are sent; as `placed`, if left out. */
  readonly mapped?: boolean;
  /** Whether streams that are made now take events. Left out where nobody watches a disk: they do. */
  readonly acceptsEvents?: (() => boolean) | undefined;
}

function agesOf({ logs }: ClusterConfig): Record<string, number> {
  const { raw, samples, activity, deadLetters } = logs;
  const ages = { raw, samples, activity, activityAt: activity, deadLetter: deadLetters };
  return Object.fromEntries(Object.entries(ages).map(([key, text]) => [key, durationMsOf(text)!]));
}

/** The streams and the bucket of one cluster: what they should be, and how they come to be so. */
export class ClusterStreams {
  readonly #site: StreamSite;
  readonly #streams: readonly StreamDeclaration[];
  readonly #bucket: BucketDeclaration;
  /** Those that take events from outside. */
  readonly #takesEvents: ReadonlySet<string>;

  constructor(site: StreamSite) {
    const { bus, config, placed, mapped = placed } = site;
    const { dataCenters } = config;
    const replicas = replicasOf(config);
    this.#site = site;
    this.#streams = declareStreams(bus.names, {
      ...{ dataCenters, ingestMapped: mapped, replicas },
      joinMemoryMs: joinMemoryMs(config),
      joinLogMs: config.joining.logMs,
      agesMs: agesOf(config),
    });
    this.#bucket = declareBucket(bus.names, { dataCenters, replicas });
    this.#takesEvents = new Set(dataCenters.map(({ name }) => bus.names.stream.raw(name)));
  }

  /**
   * For a host that joins: makes the streams where there are none yet. What a running cluster has is the leader's to
   * bring up to date; a host that comes back must not wait for that.
   *
   * @throws StarlingError SPEC_MISMATCH where they are another cluster's; CONFIG_INVALID where messages would be longer
   *   than the server takes.
   */
  async require(): Promise<void> {
    const { bus, config } = this.#site;
    requireMessagesFit(config, bus.payloadBytesMax);
    const endMs = bus.clock.nowMs() + createMsMax;
    // The bucket is made last.
    if (!(await retriedUntil(bus, endMs, () => bus.hasStream(`KV_${bus.names.bucket}`))))
      return this.prepare();
    await retriedUntil(bus, endMs, () => requireSameShape(bus, config));
  }

  /** Brings streams and buckets up to their declaration; safe to repeat, and on several hosts at once. */
  async prepare(): Promise<void> {
    const { bus, config } = this.#site;
    // Two hosts that create a stream of three copies at the same time leave it without a leader for good (nats-server
    // 2.9.10: each request makes a group of its own). With one copy, the second request finds what the first has made.
    const shared = [...this.#streams, { ...this.#bucket, name: `KV_${this.#bucket.name}` }]
      .filter(({ replicas = 1 }) => replicas > 1)
      .map(({ name }) => name);
    if (await lacksAny(bus, shared)) {
      const isDone = async (): Promise<boolean> => !(await lacksAny(bus, shared));
      await takeTurns(bus, { act: () => this.#declareAll(), isDone });
    }
    await this.#declareAll();
    await retriedUntil(bus, bus.clock.nowMs() + createMsMax, () => requireSameShape(bus, config));
  }

  /**
   * Lets the streams that take events from outside accept, or refuse with STORAGE_FULL. All that can be told are told,
   * also when a data center is away; that it is, is thrown then.
   */
  async setIngest(open: boolean): Promise<void> {
    const { bus } = this.#site;
    const limit = open ? undefined : closedMessageBytes;
    const told = await Promise.allSettled(
      [...this.#takesEvents].map((name) => bus.setMessageBytesMax(name, limit)),
    );
    for (const each of told) if (each.status === 'rejected') throw each.reason;
  }

  async #declareAll(): Promise<void> {
    const { bus, placed, acceptsEvents = () => true } = this.#site;
    const endMs = bus.clock.nowMs() + createMsMax;
    for (const stream of this.#streams) {
      await retriedUntil(bus, endMs, () => {
        const isClosed = this.#takesEvents.has(stream.name) && !acceptsEvents();
        const limit = isClosed ? { maxMessageBytes: closedMessageBytes } : {};
        return bus.declareStream({ ...stream, ...limit }, placed);
      });
    }
    await retriedUntil(bus, endMs, () => bus.declareBucket(this.#bucket, placed));
  }
}

/** One that does not answer is there, and waits for its leader. */
async function lacksAny(bus: NatsBus, names: readonly string[]): Promise<boolean> {
  for (const name of names) {
    try {
      if (!(await bus.hasStream(name))) return true;
    } catch (error) {
      if (!isRetryable(error)) throw error;
    }
  }
  return false;
}

function retriedUntil<T>(how: TimeAndChance, endMs: number, declare: () => Promise<T>): Promise<T> {
  return retry(how, { ...declarePolicy, deadlineMs: endMs - how.clock.nowMs() }, declare);
}
