import { LatencyHistogram } from '../../core/base/histogram.js';
import { RecentLatency } from '../../core/base/recent-latency.js';
import { StarlingError } from '../../core/base/errors.js';
import { trainingDataCenter } from '../../core/config/data-centers.js';
import type { ServingPartition } from '../../core/embedding/serving/serving-partition.js';
import { servingSource } from '../../core/embedding/serving/serving-snapshot.js';
import { encode } from '../../messages/codec.js';
import type { WeightsDelta } from '../../messages/deltas.js';
import { parseWeights } from '../../messages/deltas.js';
import type { PartitionDigest } from '../../messages/ownership.js';
import { digestsReply } from '../../messages/ownership.js';
import type { LookupRequest } from '../../messages/parameters.js';
import { lookupReply, parseLookup } from '../../messages/parameters.js';
import { visibleMessage } from '../../messages/ranking.js';
import { refuseSpec } from '../../messages/spec-hash.js';
import type { SnapshotObject } from '../../messages/snapshots.js';
import { parseSnapshotCommand, snapshotReply } from '../../messages/snapshots.js';
import { keepsBooks } from '../../messages/trail.js';
import { PartitionFollower } from '../../replication/partition-follower.js';
import { savePartition } from '../../replication/snapshot-writer.js';
import type { Actor, ActorContext } from '../../runtime/actor.js';
import { SharedTail } from '../../runtime/followers/shared-tail.js';
import { ServedEndpoint } from '../../runtime/serve-endpoint.js';
import { openSnapshots } from '../../runtime/stores/open-snapshots.js';
import { verifies } from '../../runtime/verification.js';
import { Pace } from '../../runtime/stores/chunk-pace.js';
import { blueprintOf } from '../../core/blueprint/blueprint.js';
import { answersAt } from '../shared/guest-replicas.js';
import type { DeltaNews } from './served-partition.js';
import { ServedPartition } from './served-partition.js';
import { Visibility } from './visibility.js';
import { mainModel } from '../../messages/model-name.js';

/** A snapshot of a large shard takes minutes. */
const commandMsMax = 30 * 60_000;

/**
 * Read-only rows in an inference data center: a follower of the local copy of DELTAS. Weights only; a fid that was
 * never trained reads as zeros. Lookups are a queue group, so while this replica restarts NATS hands them to another
 * one, across the gateway if need be.
 */
export function createServingShard(context: ActorContext): Actor<'serving-shard'> {
  const { bus, config, identity, log } = context;
  const blueprint = blueprintOf(config);
  const { slotCount, dim, servingTables, partitionCount, hash } = blueprint;
  const shape = { servingTables, partitionCount, hash };
  const partitions = new Map<number, ServedPartition>();
  const followers: PartitionFollower<WeightsDelta>[] = [];
  const visibility = new Visibility(identity.partitions);
  const propagation = new LatencyHistogram();
  const recentPropagation = new RecentLatency();
  const endpoints: ServedEndpoint[] = [];
  let live = false;
  let announced = false;

  function learn(number: number, news: DeltaNews): void {
    const { watermark, trail, appliedAtMs, resolved } = news;
    const nowMs = Date.now();
    if (resolved !== undefined && keepsBooks(number)) visibility.beginAt(resolved);
    visibility.observe(number, watermark, trail, nowMs, live);
    if (live && appliedAtMs > 0) {
      propagation.record(Math.max(0, nowMs - appliedAtMs));
      recentPropagation.record(Math.max(0, nowMs - appliedAtMs), performance.now());
    }
    announceSoon();
  }

  async function followAll(): Promise<void> {
    const training = trainingDataCenter(config);
    const { length: members } = identity.partitions;
    const stream = bus.names.stream.deltasAt(identity.dataCenter);
    const onError = context.crash;
    // A replica of a part of the partitions must not be sent all of the log.
    const isWhole = members === partitionCount;
    const shared = isWhole ? new SharedTail(bus, { stream, members, onError }) : undefined;
    for (const number of identity.partitions) {
      const target = new ServedPartition(number, shape, (news) => learn(number, news));
      partitions.set(number, target);
      followers.push(
        new PartitionFollower({
          context,
          partition: number,
          stream,
          subject: bus.names.subject.deltaWeights(mainModel, number),
          parse: (value) => parseWeights(value, servingTables),
          specHash: hash,
          target,
          store: openSnapshots(bus, config, identity.dataCenter),
          // A data center that was away for longer than its log reaches back begins from what training has.
          elsewhere: openSnapshots(bus, config, training),
          ...(shared ? { shared } : {}),
          loadPolicy: { optimizerChange: 'reset-state' },
          onError,
        }),
      );
    }
    await Promise.all(followers.map((follower) => follower.start()));
  }

  /** One notice per turn of the event loop, however many partitions moved. */
  function announceSoon(): void {
    if (announced || !live) return;
    announced = true;
    setImmediate(() => {
      announced = false;
      announce();
    });
  }

  function announce(): void {
    const { through, resolved } = visibility;
    const notice = visibleMessage({
      dataCenter: identity.dataCenter,
      shard: identity.index,
      through,
      resolved,
      sequence: newestSequence(),
    });
    bus.publish(bus.names.subject.visible(identity.dataCenter, identity.index), encode(notice));
  }

  /** Of the copy of the log: the newest record that is in the rows. */
  function newestSequence(): number {
    let newest = 0;
    for (const { mark } of partitions.values()) newest = Math.max(newest, mark.sequence);
    return newest;
  }

  function lookup(request: LookupRequest) {
    refuseSpec(request.specHash, hash, 'lookup');
    const rows = new Float32Array((request.fids.length / 2) * dim);
    let fid = 0;
    let missing = 0;
    for (const [group, number] of request.partitions.entries()) {
      const partition = partitions.get(number);
      if (!partition)
        throw new StarlingError(
          'NOT_OWNER',
          `partition ${number} is not served by ${identity.address}.`,
        );
      let count = 0;
      for (let s = 0; s < slotCount; s++) count += request.counts[group * slotCount + s]!;
      missing += partition.rows.lookup(
        request.counts,
        group * slotCount,
        request.fids,
        fid,
        rows,
        fid * dim,
      );
      fid += count;
    }
    return lookupReply({
      rows,
      missing,
      through: visibility.through,
      sequence: newestSequence(),
      dataCenter: identity.dataCenter,
    });
  }

  async function saveAll(value: unknown) {
    const { snapshot } = parseSnapshotCommand(value);
    const store = openSnapshots(bus, config, identity.dataCenter);
    const pace = new Pace(config.snapshots.bytesPerSecondMax);
    const objects: SnapshotObject[] = [];
    for (const { number, rows, mark } of partitions.values()) {
      const object = await savePartition(store, snapshot, pace, {
        partition: number,
        partitionCount,
        source: servingSource(rows, servingTables),
        mark,
      });
      objects.push({ ...object, endSequence: partitions.get(number)!.mark.sequence });
    }
    return snapshotReply({ specHash: hash, objects });
  }

  async function digestAll() {
    const digests: PartitionDigest[] = [];
    for (const { number, rows, mark } of partitions.values()) {
      if (verifies) rows.verify();
      const { epoch, deltaNumber, sequence } = mark;
      const place = { partition: number, epoch, deltaNumber, sequence };
      const digest = rows.digest();
      digests.push({ ...place, digest, rows: rows.rowCount, owned: false, settled: true });
      // Look-ups go on between two partitions.
      await new Promise((resolve) => setImmediate(resolve));
    }
    return digestsReply(digests);
  }

  function sumOf(measure: (rows: ServingPartition) => number): number {
    let sum = 0;
    for (const { rows } of partitions.values()) sum += measure(rows);
    return sum;
  }

  function sumOfFollowers(figure: 'deltas' | 'resyncs'): number {
    return followers.reduce((sum, { stats }) => sum + stats[figure], 0);
  }

  return {
    async start() {
      await followAll();
      live = true;
      announce();
      endpoints.push(
        new ServedEndpoint(bus, {
          subject: bus.names.subject.lookup(identity.index),
          alsoAt: bus.names.subject.lookupAt(identity.dataCenter, identity.index),
          answersAt: answersAt(context),
          queue: 'serving-shard',
          inFlightMax: 512,
          deadlineMs: 2_000,
          handle: async (value) => lookup(parseLookup(value, slotCount)),
        }),
      );
      const { dataCenter, index } = identity;
      for (const [verb, handle] of [
        ['snapshot', saveAll],
        ['digest', digestAll],
      ] as const) {
        const name = bus.names.subject.servingControl(verb, dataCenter, index);
        const limits = { inFlightMax: 8, deadlineMs: commandMsMax };
        endpoints.push(new ServedEndpoint(bus, { ...limits, subject: name, handle }));
      }
      log.info({ deltas: sumOfFollowers('deltas'), through: visibility.through }, 'rows restored');
    },
    async stop() {
      await Promise.all(endpoints.map((endpoint) => endpoint.stop()));
      await Promise.all(followers.map((follower) => follower.stop()));
    },
    stats: () => ({
      rows: sumOf((rows) => rows.rowCount),
      rowBytes: sumOf((rows) => rows.bytes),
      saturated: sumOf((rows) => rows.saturatedCount),
      deltas: sumOfFollowers('deltas'),
      resyncs: sumOfFollowers('resyncs'),
      through: visibility.through,
      resolved: visibility.resolved,
      freshnessP50Ms: visibility.freshness.quantile(0.5),
      freshnessP99Ms: visibility.freshness.quantile(0.99),
      freshnessSamples: visibility.freshness.count,
      freshness: Array.from(visibility.freshness.encode()),
      propagationP50Ms: propagation.quantile(0.5),
      propagationP99Ms: propagation.quantile(0.99),
      health: {
        through: visibility.through,
        propagationP99Ms: recentPropagation.quantile(0.99, performance.now()),
      },
      lookup: endpoints[0]?.stats() ?? null,
    }),
  };
}
