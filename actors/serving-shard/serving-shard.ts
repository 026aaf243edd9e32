import { blueprintOf } from '../../core/blueprint/blueprint.js';
import { encode } from '../../messages/codec.js';
import type { WeightsDelta } from '../../messages/deltas.js';
import { digestsReply } from '../../messages/ownership.js';
import { lookupReply, parseLookup } from '../../messages/parameters.js';
import { visibleMessage } from '../../messages/ranking.js';
import { parseSnapshotCommand, snapshotReply } from '../../messages/snapshots.js';
import type { PartitionFollower } from '../../replication/partition-follower.js';
import type { Actor, ActorContext } from '../../runtime/actor.js';
import { toldOf } from '../../runtime/long-work.js';
import { ServedEndpoint } from '../../runtime/serve-endpoint.js';
import { Pace } from '../../runtime/stores/chunk-pace.js';
import { openSnapshots } from '../../runtime/stores/open-snapshots.js';
import { answersAt } from '../shared/guest-replicas.js';
import { followServed } from './follow-served.js';
import { saveServed } from './save-served.js';
import { ServedRows } from './served-rows.js';
import { ServingNews } from './serving-news.js';

/** A snapshot of a large shard takes minutes. */
const commandMsMax = 30 * 60_000;

/**
 * Read-only rows in an inference data center: a follower of the local copy of DELTAS. Weights only; a fid that was
 * never trained reads as zeros. Lookups are a queue group, so while this replica restarts NATS hands them to another
 * one, across the gateway if need be.
 */
export function createServingShard(context: ActorContext): Actor<'serving-shard'> {
  const { bus, clock, config, identity, log } = context;
  const { dataCenter, index, address, partitions } = identity;
  const blueprint = blueprintOf(config);
  const { slotCount, dim, hash: specHash } = blueprint;
  const { name: model } = blueprint.of;
  const news = new ServingNews({ clock, partitions, announce });
  const served = new ServedRows({
    ...{ clock, address, shape: blueprint, slotCount, dim, partitions },
    learn: (partition, told) => news.learn(partition, told),
    newId: () => context.random.id(),
  });
  const followers = followServed(context, served.partitions, blueprint);
  const endpoints: ServedEndpoint[] = [];

  function announce(known: { readonly through: number; readonly resolved: number }): void {
    const { sequence } = served;
    const notice = visibleMessage({ dataCenter, shard: index, ...known, sequence }, model);
    bus.publish(bus.names.subject.visible(dataCenter, index), encode(notice));
  }

  async function lookup(value: unknown) {
    const found = served.lookup(parseLookup(value, slotCount, specHash, model));
    const { sequence } = served;
    const { through } = news.visibility;
    return lookupReply({ ...found, through, sequence, dataCenter }, model);
  }

  async function save(value: unknown) {
    const { snapshot } = parseSnapshotCommand(value, model);
    const store = openSnapshots(bus, config, dataCenter);
    const pace = new Pace(clock, config.snapshots.bytesPerSecondMax);
    const all = served.partitions.values();
    const target = { store, snapshot, pace, clock };
    const objects = await saveServed(all, blueprint, target);
    return snapshotReply({ specHash, objects }, model);
  }

  return {
    async start() {
      await Promise.all(followers.map((follower) => follower.start()));
      news.goLive();
      endpoints.push(
        ...endpointsOf(context, {
          lookup,
          snapshot: toldOf(bus, save),
          digest: async () => digestsReply(await served.digests(), model),
        }),
      );
      const { deltas } = sumOf(followers);
      log.info({ deltas, through: news.visibility.through }, 'rows restored');
    },
    async stop() {
      await Promise.all(endpoints.map((endpoint) => endpoint.stop()));
      await Promise.all(followers.map((follower) => follower.stop()));
    },
    stats: () => ({
      ...served.figures(),
      ...sumOf(followers),
      ...news.figures(),
      lookup: endpoints[0]?.stats() ?? null,
    }),
  };
}

type Handler = (value: unknown) => Promise<object>;

/** That of look-ups first. */
function endpointsOf(
  context: ActorContext,
  handlers: { readonly lookup: Handler; readonly snapshot: Handler; readonly digest: Handler },
): ServedEndpoint[] {
  const { bus, identity } = context;
  const { dataCenter, index } = identity;
  const { subject } = bus.names;
  return [
    new ServedEndpoint(bus, {
      subject: subject.lookup(index),
      alsoAt: subject.lookupAt(dataCenter, index),
      answersAt: answersAt(context),
      queue: 'serving-shard',
      inFlightMax: 512,
      byTime: true,
      deadlineMs: 2_000,
      handle: handlers.lookup,
    }),
    ...(['snapshot', 'digest'] as const).map(
      (verb) =>
        new ServedEndpoint(bus, {
          subject: subject.servingControl(verb, dataCenter, index),
          inFlightMax: 8,
          deadlineMs: commandMsMax,
          handle: handlers[verb],
        }),
    ),
  ];
}

/** Resyncs: gaps in the log that were mended from a snapshot. */
function sumOf(followers: readonly PartitionFollower<WeightsDelta>[]) {
  const sum = { deltas: 0, resyncs: 0 };
  for (const { stats } of followers) {
    sum.deltas += stats.deltas;
    sum.resyncs += stats.resyncs;
  }
  return sum;
}
