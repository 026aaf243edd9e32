import type { StarlingError } from '../core/base/errors.js';
import { replicasOf } from '../core/config/data-centers.js';
import type { ClusterConfig } from '../core/config/schema.js';
import type { StreamDeclaration } from '../messages/declared-streams.js';
import { declareBucket, declareStreams } from '../messages/declared-streams.js';
import type { NatsBus } from '../runtime/nats/nats-bus.js';
import { requireSameShape } from './cluster-shape.js';
import type { RetryPolicy } from '../runtime/retry.js';
import { retry } from '../runtime/retry.js';
import { takeTurns } from './stream-turns.js';

/** Creation waits this long in all for JetStream to accept work: a vote for its leader may go on for seconds. */
const createMsMax = 30_000;
const declarePolicy: RetryPolicy = { baseMs: 100, capMs: 400 };

/**
 * For a host that joins: makes the streams where there are none yet. What a running cluster has is the leader's to bring
 * up to date; a host that comes back must not wait for that.
 *
 * @throws StarlingError SPEC_MISMATCH where they are another cluster's.
 */
export async function requireStreams(
  bus: NatsBus,
  config: ClusterConfig,
  owned: boolean,
): Promise<void> {
  const endMs = Date.now() + createMsMax;
  // The bucket is made last.
  if (!(await retriedUntil(endMs, () => bus.hasStream(`KV_${bus.names.bucket}`))))
    return prepareStreams(bus, config, owned);
  await retriedUntil(endMs, () => requireSameShape(bus, config));
}

/** Brings streams and buckets up to their declaration; safe to repeat, and on several hosts at once. */
export async function prepareStreams(
  bus: NatsBus,
  config: ClusterConfig,
  owned: boolean,
): Promise<void> {
  const streams = declarationsOf(bus, config, owned);
  const { dataCenters } = config;
  const bucket = declareBucket(bus.names, { dataCenters, replicas: replicasOf(config) });
  const declareAll = async (): Promise<void> => {
    const endMs = Date.now() + createMsMax;
    for (const stream of streams) {
      await retriedUntil(endMs, () => bus.declareStream(stream, owned));
    }
    await retriedUntil(endMs, () => bus.declareBucket(bucket, owned));
  };
  // Two hosts that create a stream of three copies at the same time leave it without a leader for good (nats-server
  // 2.9.10: each request makes a group of its own). With one copy, the second request finds what the first has made.
  const shared = [...streams, { ...bucket, name: `KV_${bucket.name}` }]
    .filter(({ replicas = 1 }) => replicas > 1)
    .map(({ name }) => name);
  if (await lacksAny(bus, shared)) {
    await takeTurns(bus, { act: declareAll, isDone: async () => !(await lacksAny(bus, shared)) });
  }
  await declareAll();
  await retriedUntil(Date.now() + createMsMax, () => requireSameShape(bus, config));
}

/** One that does not answer is there, and waits for its leader. */
async function lacksAny(bus: NatsBus, names: readonly string[]): Promise<boolean> {
  for (const name of names) {
    try {
      if (!(await bus.hasStream(name))) return true;
    } catch (error) {
      if (!(error as StarlingError).retryable) throw error;
    }
  }
  return false;
}

function declarationsOf(
  { names }: NatsBus,
  config: ClusterConfig,
  owned: boolean,
): StreamDeclaration[] {
  const { dataCenters } = config;
  return declareStreams(names, { dataCenters, ingestMapped: owned, replicas: replicasOf(config) });
}

function retriedUntil<T>(endMs: number, declare: () => Promise<T>): Promise<T> {
  return retry({ ...declarePolicy, deadlineMs: endMs - Date.now() }, declare);
}

/**
 * No event is as short, so the stream refuses all, and keeps what it holds. A limit on the bytes of the whole stream
 * would refuse too, but the server enforces that one by deleting what was accepted.
 */
const closedMessageBytes = 1;

/** Lets the streams that take events from outside accept, or refuse with STORAGE_FULL. */
export async function setIngest(
  bus: NatsBus,
  config: ClusterConfig,
  { open, owned }: { readonly open: boolean; readonly owned: boolean },
): Promise<void> {
  const raw = new Set(config.dataCenters.map(({ name }) => bus.names.stream.raw(name)));
  for (const declaration of declarationsOf(bus, config, owned).filter(({ name }) =>
    raw.has(name),
  )) {
    const limit = open ? {} : { maxMessageBytes: closedMessageBytes };
    await bus.declareStream({ ...declaration, ...limit }, owned);
  }
}
