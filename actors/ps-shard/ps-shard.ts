import { LatencyHistogram } from '../../core/base/histogram.js';
import { blueprintOf } from '../../core/blueprint/blueprint.js';
import { deltaRowsWithin } from '../../core/blueprint/message-sizes.js';
import { configOfMain } from '../../core/config/model-config.js';
import { parsePull, parsePush } from '../../messages/parameters.js';
import type { ShardVerb } from '../../messages/subjects.js';
import { followRows } from '../../replication/follow-rows.js';
import { PartitionDirectory } from '../../replication/partition-directory.js';
import { rebuildPartition } from '../../replication/rebuild.js';
import { ShardLease } from '../../replication/shard-lease.js';
import type { TrainedShape } from '../../replication/trained-partition.js';
import type { Actor, ActorContext } from '../../runtime/actor.js';
import { toldOf } from '../../runtime/long-work.js';
import { ServedEndpoint } from '../../runtime/serve-endpoint.js';
import type { SnapshotStore } from '../../runtime/stores/snapshot-store.js';
import { openSnapshots } from '../../runtime/stores/open-snapshots.js';
import { HeldPartition } from './held-partition.js';
import { HeldPartitions } from './held-partitions.js';
import type { PublishFigures } from './partition-publisher.js';
import { RowRequests } from './row-requests.js';
import { ShardCommands } from './shard-commands.js';
import { partitionStats, publishStats } from './shard-stats.js';
import { Sweeper } from './sweeper.js';

/** A snapshot of a large shard takes minutes. */
const commandMsMax = 30 * 60_000;
const longVerbs: ReadonlySet<ShardVerb> = new Set(['snapshot', 'restore'] as const);

/**
 * A training parameter server: owns the partitions that the directory names it for, keeps copies of others, answers
 * pulls from memory, applies pushed gradients once each, and publishes what changed. A push is answered when it is
 * durable, not when it is applied, so a trainer that acknowledges its samples afterwards can lose nothing.
 */
export function createPsShard(context: ActorContext): Actor<'ps-shard'> {
  return new PsShard(context);
}

class PsShard implements Actor<'ps-shard'> {
  readonly #context: ActorContext;
  readonly #shape: TrainedShape;
  readonly #store: SnapshotStore;
  readonly #figures: PublishFigures = {
    flushMs: new LatencyHistogram(),
    flushes: 0,
    rows: 0,
    bytes: 0,
  };
  readonly #held: HeldPartitions;
  readonly #lease: ShardLease;
  readonly #requests: RowRequests;
  readonly #sweeper: Sweeper;
  #directory: PartitionDirectory | undefined;
  #pulls: ServedEndpoint | undefined;
  #pushes: ServedEndpoint | undefined;
  #commands: readonly ServedEndpoint[] = [];

  constructor(context: ActorContext) {
    const { bus, clock, config, identity } = context;
    const { address } = identity;
    this.#context = context;
    this.#shape = blueprintOf(config);
    this.#store = openSnapshots(bus, config, identity.dataCenter);
    this.#held = new HeldPartitions({ address, make: (number) => this.#make(number) });
    this.#lease = new ShardLease(context, config.supervision.leaseMs, async () =>
      this.#held.lapsed(),
    );
    this.#requests = new RowRequests({
      clock,
      address,
      shape: this.#shape,
      lease: this.#lease,
      held: this.#held,
    });
    this.#sweeper = new Sweeper(clock, () => this.#held.accepting);
  }

  async start(): Promise<void> {
    const { bus, log } = this.#context;
    this.#directory = await PartitionDirectory.open(bus, this.#shape.of?.name);
    await this.#lease.start();
    this.#serveRows();
    await this.#held.start(this.#directory);
    this.#serveCommands(this.#directory);
    this.#sweeper.start();
    log.info({ partitions: this.#held.owned.map(({ number }) => number) }, 'partitions restored');
  }

  async stop(): Promise<void> {
    this.#sweeper.stop();
    const served = [this.#pulls, this.#pushes, ...this.#commands];
    await Promise.all(served.map(async (endpoint) => endpoint?.stop()));
    await this.#held.stop();
    await this.#lease.resign();
    await this.#directory?.stop();
  }

  stats() {
    return {
      ...partitionStats(this.#held),
      ...publishStats(this.#figures),
      ...this.#requests.stats,
      leaseLapses: this.#lease.lapses,
      pull: this.#pulls?.stats() ?? null,
      push: this.#pushes?.stats() ?? null,
    };
  }

  #make(number: number): HeldPartition {
    const { bus, config, crash, identity, log } = this.#context;
    const { sparseMsMax } = config.sync;
    const [shape, store] = [this.#shape, this.#store];
    const rowsMax = deltaRowsWithin(blueprintOf(config), bus.payloadBytesMax);
    return new HeldPartition(number, {
      address: identity.address,
      index: identity.index,
      directory: this.#directory!,
      requireLease: async () => {
        await this.#lease.alone();
        await this.#lease.confirm();
      },
      shape,
      bus,
      log,
      crash,
      figures: this.#figures,
      flushRowsMax: Math.min(config.sync.flushRowsMax, rowsMax),
      pauseMsMax: sparseMsMax,
      follow: (target, onError) =>
        followRows(target, { context: { bus, log }, shape, store, onError }),
    });
  }

  #serveRows(): void {
    const { bus, identity } = this.#context;
    const { slotCount, tables, hash, of } = this.#shape;
    const widths = tables.map(({ dim }) => dim);
    const limits = { inFlightMax: 256, deadlineMs: 10_000 };
    this.#pulls = new ServedEndpoint(bus, {
      ...limits,
      subject: bus.names.subject.pull(identity.index),
      handle: async (value) => this.#requests.pull(parsePull(value, slotCount, hash, of?.name)),
    });
    this.#pushes = new ServedEndpoint(bus, {
      ...limits,
      subject: bus.names.subject.push(identity.index),
      handle: async (value) => this.#requests.push(parsePush(value, widths, hash, of?.name)),
    });
  }

  #serveCommands(directory: PartitionDirectory): void {
    const { bus, clock, config, identity, log } = this.#context;
    const [shape, store] = [this.#shape, this.#store];
    const { handlers } = new ShardCommands({
      clock,
      directory,
      held: this.#held,
      store,
      first: openSnapshots(bus, configOfMain(config), identity.dataCenter),
      shape,
      servingTables: blueprintOf(config).servingTables,
      bytesPerSecondMax: config.snapshots.bytesPerSecondMax,
      rebuild: (partition, sequence) =>
        rebuildPartition(partition, sequence, { context: { bus, log }, store, shape }),
    });
    this.#commands = (Object.keys(handlers) as ShardVerb[]).map(
      (verb) =>
        new ServedEndpoint(bus, {
          inFlightMax: 64,
          deadlineMs: commandMsMax,
          subject: bus.names.subject.shardControl(verb, identity.index),
          handle: longVerbs.has(verb) ? toldOf(bus, handlers[verb]) : handlers[verb],
        }),
    );
  }
}
