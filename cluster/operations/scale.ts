import { StarlingError } from '../../core/base/errors.js';
import { joinPartitions } from '../../core/config/join-partitions.js';
import type { ClusterConfig } from '../../core/config/schema.js';
import type { HostStatus } from '../../messages/hosts.js';
import type { ScaleRequest } from '../../messages/operations.js';
import { decodeScaledCount, encodeScaledCount, scaleKey } from '../../messages/operations.js';
import { kindTable, scalableKinds, type ActorKind } from '../../messages/actor-kinds.js';
import type { SupervisionEvent } from '../../messages/supervision-events.js';
import type { Bus } from '../../runtime/bus/bus.js';
import type { ClusterView } from '../hosts/cluster-view.js';
import { requireJoinShares, type JoinKeeper } from '../partitions/join-keeper.js';
import type { MoveProgress, PartitionKeeper } from '../partitions/partition-keeper.js';
import { placeActors } from '../placement/actor-placement.js';

const readyMsMax = 120_000;

export type ActorCounts = ClusterConfig['actors'];

export interface ScaleOptions {
  readonly bus: Pick<Bus, 'names' | 'bucketPut' | 'clock'>;
  readonly config: ClusterConfig;
  readonly view: Pick<ClusterView, 'hosts' | 'until' | 'untilReady'>;
  /** Has hosts start and stop actors until there are as many. */
  readonly place: (counts: ActorCounts) => Promise<void>;
  readonly keeper: Pick<PartitionKeeper, 'moveTo'>;
  readonly joins: Pick<JoinKeeper, 'moveTo'>;
  readonly record: (event: SupervisionEvent) => void;
}

/**
 * How many of each kind there are now. A change is kept in the bucket, so a restart of the cluster has it too, until
 * the configuration itself says another number.
 */
export class Scale {
  readonly #options: ScaleOptions;
  #counts: ActorCounts;
  /**
   * Those that run: more where partitions could not be moved, as whoever has one must not go before that.
   */
  #placed: ActorCounts;

  constructor(options: ScaleOptions, counts: ActorCounts) {
    this.#options = options;
    this.#counts = counts;
    this.#placed = counts;
  }

  get counts(): ActorCounts {
    return this.#counts;
  }

  /** @throws StarlingError BAD_REQUEST for a kind or a number that can't be. */
  async to(request: ScaleRequest, progress: (state: MoveProgress) => void): Promise<void> {
    const { kind, count } = request;
    const { config, view, keeper, joins, bus, record } = this.#options;
    this.#check(request);
    const counts = { ...this.#placed, [kind]: count };
    const before = placeActors({ ...config, actors: this.#placed });
    const after = placeActors({ ...config, actors: counts });
    const added = after.filter(({ address }) => !before.some((each) => each.address === address));
    const removed = before.filter(({ address }) => !after.some((each) => each.address === address));
    const plain = { done: 0, total: 1 };
    if (added.length > 0) {
      progress({ ...plain, text: `starting ${added.map(({ address }) => address).join(', ')}` });
      await this.#place(counts);
      await view.untilReady(
        readyMsMax,
        added.map(({ address }) => address),
      );
    }
    // Nothing to start, but a leader whose time is over must not go on.
    else await this.#place(this.#placed);
    // From here on a restart of the cluster goes on with the new number.
    await keepCount(bus, config, kind, count);
    this.#counts = { ...this.#counts, [kind]: count };
    if (kind === 'ps-shard') await keeper.moveTo(indices(count), progress);
    if (kind === 'joiner') await joins.moveTo(indices(count), progress);
    if (removed.length > 0) {
      progress({ ...plain, text: `stopping ${removed.map(({ address }) => address).join(', ')}` });
      await this.#place(counts);
      const stopped = () =>
        removed.every(({ address }) => !view.hosts().some((host) => runs(host, address)));
      await view.until(stopped, readyMsMax);
    }
    record({
      atMs: bus.clock.wallMs(),
      address: `${kind}`,
      type: 'scale',
      detail: `${before.filter((each) => each.kind === kind).length} → ${after.filter((each) => each.kind === kind).length}`,
      epoch: 0,
    });
  }

  async #place(counts: ActorCounts): Promise<void> {
    await this.#options.place(counts);
    this.#placed = counts;
  }

  #check({ kind, count }: ScaleRequest): void {
    const { config } = this.#options;
    const field = { field: 'kind' };
    if (!kindTable[kind].scalable) {
      const text = `the number of ${kind}s is fixed for the life of a cluster; ${scalableKinds.join(', ')} can be scaled.`;
      throw new StarlingError('BAD_REQUEST', text, field);
    }
    if (kind === 'joiner') requireJoinShares(count, joinPartitions(config));
    if (kind !== 'ps-shard') return;
    if (count > config.partitions) {
      const text = `${count} ps-shards can't share ${config.partitions} partitions.`;
      throw new StarlingError('BAD_REQUEST', text, field);
    }
    if (count <= config.standby) {
      const text = `with standby ${config.standby} at least ${config.standby + 1} ps-shards are needed.`;
      throw new StarlingError('BAD_REQUEST', text, field);
    }
  }
}

function runs({ actors }: HostStatus, address: string): boolean {
  return actors.some((actor) => actor.address === address);
}

export function indices(count: number): number[] {
  return Array.from({ length: count }, (_unused, i) => i);
}

async function keepCount(
  bus: Pick<Bus, 'names' | 'bucketPut'>,
  config: ClusterConfig,
  kind: ActorKind,
  count: number,
): Promise<void> {
  const kept = encodeScaledCount({ configured: config.actors[kind], count });
  await bus.bucketPut(bus.names.bucket, scaleKey(kind), kept);
}

/** The numbers of the configuration, but for those that were changed while it was the same. */
export async function readCounts(bus: Bus, config: ClusterConfig): Promise<ActorCounts> {
  const counts: Record<string, number> = { ...config.actors };
  for (const kind of scalableKinds) {
    const bytes = await bus.bucketGet(bus.names.bucket, scaleKey(kind));
    if (!bytes) continue;
    const { configured, count } = decodeScaledCount(bytes);
    if (configured === config.actors[kind]) counts[kind] = count;
  }
  return counts as ActorCounts;
}
