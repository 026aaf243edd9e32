import type { Cancel } from '../../core/base/clock.js';
import { trainingDataCenter } from '../../core/config/data-centers.js';
import type { ClusterConfig } from '../../core/config/schema.js';
import { joinPartitions } from '../../core/config/join-partitions.js';
import { StarlingError, codeOf, messageOf } from '../../core/base/errors.js';
import type { ActorKind } from '../../messages/actor-kinds.js';
import { actorsOf, type ActorStatus } from '../../messages/actor-status.js';
import type { ModelRecord } from '../../messages/models.js';
import { addressOfLease, decodeLease, leaseKey, leaseKeys } from '../../messages/ownership.js';
import type { SupervisionEvent } from '../../messages/supervision-events.js';
import { JoinDirectory } from '../../replication/join-directory.js';
import { PartitionDirectory } from '../../replication/partition-directory.js';
import type { Bus } from '../../runtime/bus/bus.js';
import type { Stoppable } from '../../runtime/stoppable.js';
import { UndoStack, builtUp } from '../../runtime/undo-stack.js';
import type { ClusterView } from '../hosts/cluster-view.js';
import type { DrainKeeper } from '../drains/drain-keeper.js';
import { LeaseWatch } from '../leadership/lease-watch.js';
import { Operations } from '../operations/operations.js';
import type { ActorCounts } from '../operations/scale.js';
import { Scale, indices, readCounts } from '../operations/scale.js';
import { ledMain, type LedModel } from '../models/led-model.js';
import { ModelKeeper } from '../models/model-keeper.js';
import type { ModelPartitions } from '../models/model-partitions.js';
import { JoinKeeper } from './join-keeper.js';
import { PartitionKeeper } from './partition-keeper.js';
import { addressOf } from '../../messages/actor-spec.js';
import type { RolloutKeeper } from '../config/rollout-keeper.js';
import type { RunningConfigs } from '../config/running-configs.js';
import { SnapshotKeeper } from '../snapshots/snapshot-keeper.js';
import type { SupervisionLog } from '../supervision-log.js';

/**
 * How long all ps-shards must have been ready before partitions go back to where they belong. Too low: a shard that
 * keeps dying is given partitions again and again. Too high: one shard does the work of two for longer.
 */
const calmMs = 5_000;
/** For a joiner to read a window of days from a snapshot. */
const beginMsMax = 30 * 60_000;

export interface PartitionServicesOptions {
  readonly bus: Bus;
  readonly config: ClusterConfig;
  /** Of the actors; left out: all run `config`, for good. */
  readonly configs?: RunningConfigs | undefined;
  readonly events: SupervisionLog;
  readonly log: (line: string) => void;
  /** Of the leader these services work for. */
  readonly term: number;
  /** @throws StarlingError FENCED where the term is over. */
  readonly confirm: () => Promise<void>;
}

/** Where the actors are, and how they get there. */
export interface PlacedActors {
  readonly view: ClusterView;
  /** With as many actors as before, if left out. */
  readonly place: (counts?: ActorCounts) => Promise<void>;
  /** By address; undefined where it has none yet. */
  readonly hostOf: (address: string) => string | undefined;
}

/** And what is done to them beside. */
export interface WatchedActors extends PlacedActors {
  readonly drainer: DrainKeeper;
  /** Left out: configurations do not change here. */
  readonly rollout?: RolloutKeeper | undefined;
}

/** What looks after the partitions: who owns them, their snapshots, and what people ask to be done with them. */
export class PartitionServices implements Stoppable {
  readonly #options: PartitionServicesOptions;
  readonly #directory: PartitionDirectory;
  readonly #joinDirectory: JoinDirectory;
  readonly #keeper: PartitionKeeper;
  readonly #models: ModelKeeper;
  readonly #joins: JoinKeeper;
  readonly #training: string;
  #counts: ActorCounts;
  #scale: Scale | undefined;
  #actors: PlacedActors | undefined;
  #snapshots: SnapshotKeeper | undefined;
  readonly #watching = new UndoStack();
  #leases: LeaseWatch | undefined;
  #calm: Cancel | undefined;
  /** Another leader has started shards before. */
  #atWork = false;
  /** By address, since when which life of it has been. */
  readonly #ready = new Map<string, { readonly epoch: number; readonly atMs: number }>();

  private constructor(
    options: PartitionServicesOptions,
    directory: PartitionDirectory,
    joinDirectory: JoinDirectory,
    models: ModelKeeper,
    counts: ActorCounts,
  ) {
    const { bus, config, events } = options;
    this.#options = options;
    this.#directory = directory;
    this.#joinDirectory = joinDirectory;
    this.#models = models;
    this.#counts = counts;
    this.#training = trainingDataCenter(config);
    this.#keeper = new PartitionKeeper({
      bus,
      directory,
      partitionCount: config.partitions,
      standby: config.standby,
      addressOf: (shard) => this.#addressOf(shard),
      hostOf: (shard) => this.#actors?.hostOf(this.#addressOf(shard)),
      record: events.record,
      term: options.term,
    });
    this.#joins = new JoinKeeper({
      bus,
      directory: joinDirectory,
      partitions: joinPartitions(config),
      joiners: config.actors.joiner,
      term: options.term,
      addressOf: (joiner) => addressOf(this.#training, 'joiner', joiner),
      snapshot: async () => this.#snapshots?.takeWindows(),
      untilHeld: (joiner, partition) => this.#untilHeld(joiner, partition),
      record: events.record,
    });
  }

  static async open(options: PartitionServicesOptions): Promise<PartitionServices> {
    const { bus, config } = options;
    const counts = await readCounts(bus, config);
    return builtUp(
      async (undo) => {
        const directory = undo.use(await PartitionDirectory.open(bus));
        const joinDirectory = undo.use(await JoinDirectory.open(bus));
        const { events, log, term } = options;
        const models = undo.use(
          await ModelKeeper.open({ bus, config, term, log, record: events.record }),
        );
        return new PartitionServices(options, directory, joinDirectory, models, counts);
      },
      (error) => options.log(`while stepping down: ${codeOf(error)}: ${messageOf(error)}`),
    );
  }

  /** Each partition has an owner when it resolves, so shards may start; and a former leader is shut out. */
  async prepare(actors: PlacedActors): Promise<void> {
    this.#actors = actors;
    const runs = (wanted: ActorKind): boolean =>
      actors.view.actors().some(({ kind, pid }) => kind === wanted && pid !== null);
    this.#atWork = runs('ps-shard');
    const atMs = this.#options.bus.clock.nowMs();
    for (const { address, state, epoch } of actors.view.actors())
      if (state === 'ready') this.#ready.set(address, { epoch, atMs });
    await this.#keeper.prepare(indices(this.counts['ps-shard']), this.#atWork);
    await this.#models.prepare(actors);
    // Before shards are started elsewhere: a standby is there sooner.
    if (this.#options.config.standby > 0) await this.#watchLeases();
    await this.#joins.prepare(indices(this.counts.joiner), runs('joiner'));
  }

  async #watchLeases(): Promise<void> {
    const { bus, config } = this.#options;
    const leases = new LeaseWatch(bus, {
      keys: leaseKeys,
      leaseMs: config.supervision.leaseMs,
      // Where none of them runs, what is there is of a life long past; else one may have died with the last leader. Not so
      // because its host is lost: where only the supervisor there hangs, the shard serves on while its lease runs.
      presumeHeld: this.#atWork,
      holderOf: lifeOfLease,
      onExpired: (key) => void this.#replace(addressOfLease(key)!, 'its lease ran out'),
    });
    await leases.start();
    this.#watching.use(leases);
    this.#leases = leases;
  }

  /** Actors of each kind: those of the configuration, unless scaled since. */
  get counts(): ActorCounts {
    return this.#scale?.counts ?? this.#counts;
  }

  /** Beside `main`, for whoever places their actors. */
  get models(): readonly ModelRecord[] {
    return this.#models.records;
  }

  #led(): readonly LedModel[] {
    return [ledMain(this.#directory, this.#options.config), ...this.#models.led];
  }

  async watch({ view, place, drainer, rollout }: WatchedActors): Promise<void> {
    const { bus, config, configs, events, log, term, confirm } = this.#options;
    const configIn = (dataCenter: string): ClusterConfig => configs?.configIn(dataCenter) ?? config;
    const scale = new Scale(
      {
        ...{ bus, config, view, place, record: events.record },
        ...{ keeper: this.#keeper, joins: this.#joins },
      },
      this.#counts,
    );
    this.#scale = scale;
    this.#watching.defer(events.onEvent((event) => this.#hear(event, view)));
    const snapshots = new SnapshotKeeper({
      ...{ bus, config, configIn },
      models: () => this.#led(),
      log,
      onDone: ({ of, snapshot, dataCenter, rows, bytes, seconds, trimmed }) =>
        this.#record(
          'snapshot',
          `${snapshot} in ${dataCenter}: ${rows} ${of}, ${bytes} bytes, ${seconds.toFixed(1)} s; ${trimmed} records trimmed`,
        ),
    });
    this.#snapshots = snapshots;
    snapshots.start();
    this.#watching.use(snapshots);
    const operations = new Operations({
      bus,
      config,
      model: ledMain(this.#directory, config),
      models: () => this.#led(),
      modelKeeper: this.#models,
      log,
      snapshots,
      scale,
      drainer,
      rollout,
      configNow: () => configIn(this.#training),
      term,
      confirm,
      onRestored: (detail) => this.#record('restore', detail),
      onSettings: (detail) => this.#record('settings', detail),
      onErased: (detail) => this.#record('erase', detail),
    });
    this.#watching.use(operations);
    this.#models.resume();
    // What a leader before had not moved yet when it died.
    this.#watching.defer(
      bus.clock.after(calmMs, () => {
        this.#joins
          .moveTo(indices(this.counts.joiner), () => undefined)
          .catch((error: unknown) =>
            log(`partitions of JOIN stay where they are: ${codeOf(error)}: ${messageOf(error)}`),
          );
      }),
    );
  }

  /** Nothing is promoted, moved or copied any more. */
  async unwatch(): Promise<void> {
    try {
      await this.#watching.disposeAsync();
    } finally {
      this.#calm?.();
    }
  }

  async stop(): Promise<void> {
    try {
      await this.unwatch();
    } finally {
      await Promise.all([this.#directory.stop(), this.#joinDirectory.stop(), this.#models.stop()]);
    }
  }

  #hear({ address, type, epoch }: SupervisionEvent, view: ClusterView): void {
    if (this.#shardOf(address) === undefined) return;
    if (type === 'ready')
      this.#ready.set(address, { epoch, atMs: this.#options.bus.clock.nowMs() });
    // Told late, of a life that another one has followed.
    const now = view.actors().find((actor) => actor.address === address);
    if (type === 'exit') this.#leases?.settle(leaseKey(address), epoch);
    if (type === 'exit' && now?.state === 'ready' && now.epoch > epoch) return;
    if (type === 'exit' && this.#wasAlone(address, epoch)) void this.#replace(address, 'it died');
    if (type !== 'exit' && type !== 'ready') return;
    this.#calm?.();
    const { clock } = this.#options.bus;
    if (type === 'ready') this.#calm = clock.after(calmMs, () => this.#rebalanceAll(view));
  }

  /**
   * A life that has had the lease for as long as it lasts is the only one. One that ends before that has owned nothing, perhaps, and
   * what an earlier one owns, whose host was taken for lost, that one serves while its own lease runs: then leases tell.
   */
  #wasAlone(address: string, epoch: number): boolean {
    const { bus, config } = this.#options;
    const ready = this.#ready.get(address);
    if (config.standby === 0) return true;
    if (ready?.epoch !== epoch) return false;
    return bus.clock.nowMs() - ready.atMs >= config.supervision.leaseMs;
  }

  async #replace(address: string, reason: string): Promise<void> {
    const shard = this.#shardOf(address);
    if (shard === undefined) return;
    try {
      const keeper = this.#models.ofShard(shard)?.keeper ?? this.#keeper;
      await keeper.promote(shard, `${address}: ${reason}`);
    } catch (error) {
      this.#options.log(`no standby for ${address}: ${codeOf(error)}: ${messageOf(error)}`);
    }
  }

  /** What a standby took over goes back once its owner has been there for a while. */
  #rebalanceAll(view: ClusterView): void {
    this.#rebalance(actorsOf(view.actors(), 'ps-shard'), {
      keeper: this.#keeper,
      shards: indices(this.counts['ps-shard']),
    });
    for (const model of this.#models.partitions)
      this.#rebalance(actorsOf(view.actors(), 'ps-shard', model.name), model);
  }

  #rebalance(
    actors: readonly Pick<ActorStatus, 'state'>[],
    { keeper, shards }: Pick<ModelPartitions, 'keeper' | 'shards'>,
  ): void {
    if (actors.some(({ state }) => state !== 'ready')) return;
    keeper
      .moveTo(shards, () => undefined)
      .catch((error: unknown) =>
        this.#options.log(`partitions stay where they are: ${codeOf(error)}: ${messageOf(error)}`),
      );
  }

  async #untilHeld(joiner: number, partition: number): Promise<void> {
    const view = this.#actors!.view;
    const address = addressOf(this.#training, 'joiner', joiner);
    const isHeld = () =>
      actorsOf(view.actors(), 'joiner').some(
        (actor) => actor.address === address && actor.stats.partitions?.includes(partition),
      );
    if (await view.until(isHeld, beginMsMax)) return;
    const text = `${address} has not begun with partition ${partition} of JOIN in ${beginMsMax / 60_000} minutes; it goes on with it, and scaling again moves the rest.`;
    throw new StarlingError('TIMEOUT', text);
  }

  #addressOf(shard: number): string {
    return addressOf(this.#training, 'ps-shard', shard);
  }

  #shardOf(address: string): number | undefined {
    const [dataCenter, kind, index] = address.split('.');
    return dataCenter === this.#training && kind === 'ps-shard' ? Number(index) : undefined;
  }

  #record(type: SupervisionEvent['type'], detail: string): void {
    const { bus, config, events } = this.#options;
    const address = config.name;
    events.record({ atMs: bus.clock.wallMs(), address, type, detail, epoch: 0 });
  }
}

/** That holds it; undefined where it was given back, or nobody can read what is there. */
function lifeOfLease(bytes: Uint8Array): number | undefined {
  try {
    const { epoch, over } = decodeLease(bytes);
    return over ? undefined : epoch;
  } catch {
    return undefined;
  }
}
