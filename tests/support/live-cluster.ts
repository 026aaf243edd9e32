import { writeFileSync } from 'node:fs';
import path from 'node:path';
import type { StarlingClient } from '../../client/client.js';
import { clientOn } from '../../client/client.js';
import { answersRequests } from '../../core/config/data-centers.js';
import { IntervalSet } from '../../core/base/interval-set.js';
import type { ClusterConfigInput } from '../../core/config/schema.js';
import { parseClusterConfig } from '../../core/config/schema.js';
import { decode } from '../../messages/codec.js';
import type { parseDenseState } from '../../messages/network-state.js';
import type { PartitionDigest } from '../../messages/ownership.js';
import {
  decodeEntry,
  digestCommand,
  parseDigests,
  partitionKey,
} from '../../messages/ownership.js';
import { clusterBucket, streamName, subject } from '../../messages/default-names.testkit.js';
import type { ActorKind } from '../../messages/actor-kinds.js';
import { actorsOf, type ActorStatus } from '../../messages/actor-status.js';
import { totalsOf } from '../../messages/stats/totals.js';
import { call } from '../../runtime/idempotent-call.js';
import type { NatsBus } from '../../runtime/nats/nats-bus.js';
import { connectAs } from '../../runtime/nats/nats-bus.js';
import type { RunningCluster } from '../../cluster/cluster.js';
import { startCluster } from '../../cluster/cluster.js';
import { ownSite } from '../../site/nats-site.js';
import { leanConfig } from './lean-config.js';
import { temporaryFolder } from './starling-process.js';
import { mainModel } from '../../messages/model-name.js';

const readyMsMax = 90_000;
const eventsPerMessage = 50;

/** A whole cluster whose supervisor runs in the test: actors and servers are real processes. Lean, unless told otherwise. */
export class LiveCluster {
  readonly folder: string;
  #cluster: RunningCluster;
  readonly #remove: () => void;
  #client: { bus: NatsBus; client: StarlingClient };
  #sent = 0;

  private constructor(
    cluster: RunningCluster,
    temporary: ReturnType<typeof temporaryFolder>,
    client: { bus: NatsBus; client: StarlingClient },
  ) {
    this.#cluster = cluster;
    this.folder = temporary.folder;
    this.#remove = temporary.remove;
    this.#client = client;
  }

  static async start(overrides: Partial<ClusterConfigInput> = {}): Promise<LiveCluster> {
    const temporary = temporaryFolder();
    const config = parseClusterConfig({ ...leanConfig, ...overrides });
    const answering = config.dataCenters.find(answersRequests)!;
    const stateDir = path.join(temporary.folder, 'state');
    try {
      const cluster = await startCluster({ config, stateDir, openSite: ownSite });
      try {
        await cluster.untilReady(readyMsMax);
        const bus = await connectAs(cluster.access(answering.name, 'client'), { name: 'test' });
        return new LiveCluster(cluster, temporary, { bus, client: clientOn(bus) });
      } catch (error) {
        await cluster.stop();
        throw error;
      }
    } catch (error) {
      temporary.remove();
      throw error;
    }
  }

  get cluster(): RunningCluster {
    return this.#cluster;
  }

  /** Stops all of it, and starts it again on the same state. */
  async restart(): Promise<void> {
    const { config, stateDir } = this.#cluster;
    await this.#client.bus.close();
    await this.#cluster.stop();
    this.#cluster = await startCluster({ config, stateDir, openSite: ownSite });
    await this.#cluster.untilReady(readyMsMax);
    const answering = config.dataCenters.find(answersRequests)!;
    const bus = await connectAs(this.#cluster.access(answering.name, 'client'), { name: 'test' });
    this.#client = { bus, client: clientOn(bus) };
  }

  /** A file for --config. */
  writeConfig(): string {
    const file = path.join(this.folder, 'cluster.config.json');
    writeFileSync(file, JSON.stringify(this.cluster.config));
    return file;
  }

  async stop(): Promise<void> {
    await this.#client.bus.close();
    await this.cluster.stop();
    this.#remove();
  }

  get client(): StarlingClient {
    return this.#client.client;
  }

  /** Of the supervisor, in the training data center. */
  get bus(): NatsBus {
    return this.cluster.bus;
  }

  /** Impressions with their labels, which depend on user and item. */
  async feed(count: number): Promise<void> {
    for (let done = 0; done < count; done += eventsPerMessage) {
      const rows = Array.from({ length: Math.min(eventsPerMessage, count - done) }, () => {
        const n = this.#sent++;
        const user = (n * 7919) % 200;
        const item = (n * 104_729) % 100;
        return { requestId: `r${n}`, user, item, label: user % 2 === item % 2 ? 1 : 0 } as const;
      });
      await this.client.ingestImpressions(
        rows.map(({ requestId, user, item }) => ({ requestId, user, item, score: 0.5 })),
      );
      await this.client.ingestActions(
        rows.map(({ requestId, item, label }) => ({ requestId, item, label })),
      );
    }
  }

  /** Feeds until stopped; resolves with the number of events then. */
  feedOn(): { stop: () => Promise<void> } {
    let going = true;
    const run = (async () => {
      while (going) {
        await this.feed(eventsPerMessage);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    })();
    return {
      stop: async () => {
        going = false;
        await run;
      },
    };
  }

  actor(address: string): ActorStatus {
    const found = this.cluster.status().actors.find((each) => each.address === address);
    if (!found) throw new Error(`there is no ${address}`);
    return found;
  }

  /** With the figures of its kind. */
  actorOf<K extends ActorKind>(kind: K, address: string): ActorStatus<K> {
    const actors = actorsOf(this.cluster.status().actors, kind);
    const found = actors.find((each) => each.address === address);
    if (!found) throw new Error(`there is no ${kind} ${address}`);
    return found;
  }

  signal(address: string, signal: NodeJS.Signals): void {
    process.kill(this.actor(address).pid!, signal);
  }

  async untilReady(): Promise<void> {
    await this.until('every actor is ready', () => this.cluster.status().ready);
  }

  async until(what: string, holds: () => boolean | Promise<boolean>, timeoutMs = 60_000) {
    const endMs = Date.now() + timeoutMs;
    while (!(await holds())) {
      if (Date.now() > endMs) {
        const { actors, events } = this.cluster.status();
        const states = actors.map(({ address, state, reason }) => [address, state, reason]);
        throw new Error(
          `not in time: ${what}\n${JSON.stringify(states)}\n${JSON.stringify(events.slice(-20), null, 1)}`,
        );
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** Everything that was fed is a sample, and every sample is in every partition and the network, durably. */
  async settled(): Promise<void> {
    await this.until('all is learned', async () => {
      const { actors } = this.cluster.status();
      const joiners = actorsOf(actors, 'joiner');
      const joined = totalsOf(joiners, ['positives', 'negatives']);
      if (!joined || joined.positives + joined.negatives !== this.#sent) return false;
      // What is counted is not yet committed; what is committed is not yet published.
      const flushed = ({ stats: { consumed = {}, published = {} } }: (typeof joiners)[number]) =>
        Object.entries(consumed).every(
          ([partition, sequence]) => published[partition] === sequence,
        );
      if (!joiners.every(flushed)) return false;
      const { lastSequence } = await this.bus.streamState(streamName.samples);
      const applied = await this.appliedSets();
      return applied.every((set) => set.watermark === lastSequence);
    });
  }

  /** Of each partition and the network, from the newest record in their logs. */
  async appliedSets(): Promise<IntervalSet[]> {
    const { partitions } = this.cluster.config;
    const names = Array.from({ length: partitions }, (_unused, p) =>
      subject.deltaWeights(mainModel, p),
    );
    const sets = await Promise.all(
      names.map(async (name) => {
        const found = await this.bus.lastMessage(streamName.deltas, name);
        const value = found ? (decode(found.bytes) as { applied: Float64Array }) : undefined;
        return value ? IntervalSet.decode(value.applied) : new IntervalSet();
      }),
    );
    const dense = await this.bus.lastMessage(streamName.dense, subject.denseState(mainModel));
    const { applied } = decode(dense!.bytes) as ReturnType<typeof parseDenseState>;
    return [...sets, IntervalSet.decode(applied)];
  }

  /** By partition, from the shard that owns it by the directory; heartbeats may be behind. */
  async digests(): Promise<Map<number, PartitionDigest>> {
    const digests = new Map<number, PartitionDigest>();
    for (const { kind, address } of this.cluster.status().actors) {
      if (kind !== 'ps-shard') continue;
      const shard = Number(address.split('.')[2]);
      const name = subject.shardControl('digest', shard);
      const reply = await call(this.bus, name, digestCommand(), { deadlineMs: 10_000 });
      for (const digest of parseDigests(reply))
        if ((await this.#ownerOf(digest.partition)) === shard)
          digests.set(digest.partition, digest);
    }
    return digests;
  }

  async #ownerOf(partition: number): Promise<number | undefined> {
    const found = await this.bus.bucketEntry(clusterBucket, partitionKey(partition));
    return found && decodeEntry(found.bytes).owner;
  }

  async servedDigests(dataCenter: string, shard = 0): Promise<PartitionDigest[]> {
    const name = subject.servingControl('digest', dataCenter, shard);
    return parseDigests(await call(this.bus, name, digestCommand(), { deadlineMs: 10_000 }));
  }
}
