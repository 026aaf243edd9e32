import { LatencyHistogram } from '../../core/base/histogram.js';
import { fenced, notOwner } from '../../messages/ownership.js';
import type { PullRequest, PushOutcome, PushRequest } from '../../messages/parameters.js';
import { parsePull, parsePush, pullReply, pushReply } from '../../messages/parameters.js';
import { refuseSpec } from '../../messages/spec-hash.js';
import type { ShardVerb } from '../../messages/subjects.js';
import { shardLease } from '../../replication/shard-lease.js';
import { PartitionDirectory } from '../../replication/partition-directory.js';
import type { Actor, ActorContext } from '../../runtime/actor.js';
import { ServedEndpoint } from '../../runtime/serve-endpoint.js';
import { openSnapshots } from '../../runtime/stores/open-snapshots.js';
import { blueprintOf } from '../../core/blueprint/blueprint.js';
import { HeldPartition } from './held-partition.js';
import type { PublishFigures } from './partition-publisher.js';
import { shardCommands } from './shard-commands.js';
import { Sweeper } from './sweeper.js';

/** A snapshot of a large shard takes minutes. */
const commandMsMax = 30 * 60_000;

/**
 * A training parameter server: owns the partitions that the directory names it for, keeps copies of others, answers
 * pulls from memory, applies pushed gradients once each, and publishes what changed. A push is answered when it is
 * durable, not when it is applied, so a trainer that acknowledges its samples afterwards can lose nothing.
 */
export function createPsShard(context: ActorContext): Actor<'ps-shard'> {
  const { bus, config, identity, log } = context;
  const blueprint = blueprintOf(config);
  const { slotCount, dim, hash } = blueprint;
  const widths = blueprint.tables.map((table) => table.dim);
  const figures: PublishFigures = {
    flushMs: new LatencyHistogram(),
    flushes: 0,
    rows: 0,
    bytes: 0,
  };
  const held = new Map<number, HeldPartition>();
  const owned = () => [...held.values()].filter(({ isOwned }) => isOwned);
  const sweeper = new Sweeper(owned);
  const endpoints: ServedEndpoint[] = [];
  let directory: PartitionDirectory | undefined;
  let rowsPulled = 0;
  let rowsPushed = 0;
  const lease = shardLease(context, config.supervision.leaseMs, readDirectoryAgain);

  /** Somebody may have taken over while this process could not renew. */
  async function readDirectoryAgain(): Promise<void> {
    await Promise.all(
      owned().map(async (each) => {
        const entry = await directory!.refresh(each.number);
        if (entry?.owner !== identity.index || entry.epoch !== each.epoch)
          each.reconcile().catch(context.crash);
      }),
    );
  }

  /** @throws StarlingError NOT_OWNER or FENCED for the first partition that is not owned here at the epoch named. */
  function groupsOf(request: PullRequest) {
    if (!lease.valid)
      throw fenced(`${identity.address} could not renew its lease.`, { address: identity.address });
    return Array.from(request.partitions, (number, i) => {
      const found = held.get(number);
      if (!found) throw notOwner(identity.address, number);
      const publisher = found.owned(request.epochs[i]);
      return { partition: found.partition, publisher };
    });
  }

  function pull(request: PullRequest) {
    refuseSpec(request.specHash, hash, 'pull');
    const { counts, fids } = request;
    const rows = new Float32Array((fids.length / 2) * dim);
    const groups = groupsOf(request);
    let fid = 0;
    for (const [group, { partition }] of groups.entries())
      fid += partition.rows.pull(counts, group * slotCount, fids, fid, rows, fid * dim) / dim;
    rowsPulled += fid;
    return pullReply({ rows, sequence: newestOf(groups) });
  }

  async function push(request: PushRequest) {
    refuseSpec(request.specHash, hash, 'push');
    const groups = groupsOf(request);
    const outcome = apply(request, groups);
    if (outcome === 'mixed') return pushReply({ outcome, sequence: 0 });
    await Promise.all(groups.map(({ publisher }) => publisher.durable()));
    return pushReply({ outcome, sequence: newestOf(groups) });
  }

  function newestOf(groups: ReturnType<typeof groupsOf>): number {
    return Math.max(0, ...groups.map(({ publisher }) => publisher.sequence));
  }

  function apply(request: PushRequest, groups: ReturnType<typeof groupsOf>): PushOutcome {
    const { counts, fids, gradients, batches, atSeconds } = request;
    const standings = groups.map(({ partition }) => partition.standing(batches));
    if (standings.includes('some')) return 'mixed';
    let fid = 0;
    for (const [group, { partition, publisher }] of groups.entries()) {
      const start = fid;
      const countsStart = group * slotCount;
      for (let s = 0; s < slotCount; s++) fid += counts[countsStart + s]!;
      if (standings[group] === 'all') continue;
      const { rows } = partition;
      const step = batches[0]!;
      rows.push(counts, countsStart, fids, start, gradients, start * dim, atSeconds, step);
      partition.enter(request);
      publisher.changed();
      rowsPushed += fid - start;
    }
    return standings.includes('none') ? 'applied' : 'duplicate';
  }

  async function hold(opened: PartitionDirectory): Promise<void> {
    const store = openSnapshots(bus, config, identity.dataCenter);
    const options = { context, directory: opened, shape: blueprintShape(), store, figures };
    const holdOne = (number: number): HeldPartition => {
      const found = held.get(number) ?? new HeldPartition(number, options);
      held.set(number, found);
      return found;
    };
    opened.onChange((number) => void holdOne(number).reconcile().catch(context.crash));
    for (const number of opened.partitions) holdOne(number);
    await Promise.all([...held.values()].map((each) => each.reconcile()));
    const { shape } = options;
    const commands = shardCommands({
      context,
      store,
      shape,
      servingTables: blueprint.servingTables,
      held,
      directory: opened,
      hold: holdOne,
    });
    for (const [verb, handle] of Object.entries(commands)) {
      const name = bus.names.subject.shardControl(verb as ShardVerb, identity.index);
      const limits = { inFlightMax: 64, deadlineMs: commandMsMax };
      endpoints.push(new ServedEndpoint(bus, { ...limits, subject: name, handle }));
    }
  }

  function blueprintShape() {
    const { tables, capacity, partitionCount } = blueprint;
    return { tables, capacity, slotCount, dim, hash, partitionCount };
  }

  return {
    async start() {
      directory = await PartitionDirectory.open(bus);
      await lease.start();
      const limits = { inFlightMax: 256, deadlineMs: 10_000 };
      const pulls = {
        ...limits,
        subject: bus.names.subject.pull(identity.index),
        handle: async (value: unknown) => pull(parsePull(value, slotCount)),
      };
      const pushes = {
        ...limits,
        subject: bus.names.subject.push(identity.index),
        handle: async (value: unknown) => push(parsePush(value, widths)),
      };
      endpoints.push(new ServedEndpoint(bus, pulls), new ServedEndpoint(bus, pushes));
      await hold(directory);
      sweeper.start();
      log.info({ partitions: owned().map(({ number }) => number) }, 'partitions restored');
    },
    async stop() {
      sweeper.stop();
      await Promise.all(endpoints.map((endpoint) => endpoint.stop()));
      await Promise.all([...held.values()].map((each) => each.stop()));
      lease.stop();
      await directory?.stop();
    },
    stats() {
      const mine = owned();
      const sum = (measure: (each: HeldPartition) => number) =>
        mine.reduce((total, each) => total + measure(each), 0);
      const copies = [...held.values()].filter(({ isFollowed }) => isFollowed);
      return {
        partitions: mine.map(({ number }) => number),
        copies: copies.map(({ number }) => number),
        rows: sum(({ partition }) => partition.rows.rowCount),
        copiedRows: copies.reduce((total, { partition }) => total + partition.rows.rowCount, 0),
        recoveredDeltas: [...held.values()].reduce((total, { stats }) => total + stats.deltas, 0),
        resyncs: [...held.values()].reduce((total, { stats }) => total + stats.resyncs, 0),
        rowsEvicted: sum(({ partition }) => partition.rows.evictionCount),
        rowBytes: sum(({ partition }) => partition.rows.bytes),
        rowsPulled,
        rowsPushed,
        leaseLapses: lease.lapses,
        appliedThrough:
          mine.length === 0
            ? null
            : Math.min(...mine.map(({ partition }) => partition.applied.watermark)),
        batchesApplied: Object.fromEntries(
          mine.map(({ number, partition }) => [number, partition.applied.count]),
        ),
        pull: endpoints[0]?.stats() ?? null,
        push: endpoints[1]?.stats() ?? null,
        deltaFlushes: figures.flushes,
        deltaRows: figures.rows,
        deltaBytes: figures.bytes,
        flushP50Ms: figures.flushMs.quantile(0.5),
        flushP99Ms: figures.flushMs.quantile(0.99),
      };
    },
  };
}
