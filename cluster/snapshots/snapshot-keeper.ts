import type { Cancel, Clock } from '../../core/base/clock.js';
import { StarlingError, codeOf, messageOf } from '../../core/base/errors.js';
import { answersRequests, trainingDataCenter, trains } from '../../core/config/data-centers.js';
import { joinPartitions } from '../../core/config/join-partitions.js';
import { namedSlots } from '../../core/blueprint/named-slots.js';
import type { ClusterConfig } from '../../core/config/schema.js';
import type { DenseObject, SnapshotManifest, SnapshotReply } from '../../messages/snapshots.js';
import {
  decodeManifest,
  encodeManifest,
  parseDenseSnapshotReply,
  parseSnapshotReply,
  snapshotCommand,
} from '../../messages/snapshots.js';
import type { Bus } from '../../runtime/bus/bus.js';
import { call } from '../../runtime/idempotent-call.js';
import { callLong } from '../../runtime/long-call.js';
import {
  openFeatureSnapshots,
  openSnapshots,
  openWindowSnapshots,
} from '../../runtime/stores/open-snapshots.js';
import type { SnapshotStore } from '../../runtime/stores/snapshot-store.js';
import { newerThan, snapshotId } from '../../runtime/stores/snapshot-store.js';
import { FeatureSnapshots } from './feature-snapshots.js';
import { JoinSnapshots } from './join-snapshots.js';
import {
  exactFrom,
  firstNeeded,
  readManifests,
  recordsWorthASnapshot,
  retentionOf,
} from './manifests.js';
import { mainIdentity } from '../../core/base/model-identity.js';
import { ownedPartitions, servingIndices, type LedModel } from '../models/led-model.js';
import { nobodyAsked, type HowTaken, type TakenSnapshot } from './taken-snapshot.js';

const saveMsMax = 30 * 60_000;
/** A network is small; the answer of a shard that dies over it does not come. */
const denseLimits = { deadlineMs: 30_000, attemptMs: 3_000 } as const;
/** Between two looks whether one is due. */
const lookMs = 10_000;
/** After one that failed. */
const failureMs = 60_000;

export interface SnapshotKeeperOptions {
  readonly bus: Bus;
  readonly config: ClusterConfig;
  /** What actors of a data center run: rows have its slots. */
  readonly configIn: (dataCenter: string) => ClusterConfig;
  /** `main` first. */
  readonly models: () => readonly LedModel[];
  readonly log: (line: string) => void;
  readonly onDone: (taken: TakenSnapshot) => void;
}

/**
 * Takes snapshots, on schedule and on demand: every shard writes its partitions while it goes on working, the manifest
 * comes last, then the oldest snapshot goes, and then what the log has before the oldest that is left. The training
 * data center and each inference one have snapshots of their own, so that each can restart without the others. Users and
 * items have theirs (feature-snapshots.ts), and so have the windows of joiners (join-snapshots.ts), each due by its own log.
 */
export class SnapshotKeeper {
  readonly #options: SnapshotKeeperOptions;
  readonly #features: FeatureSnapshots;
  readonly #joins: JoinSnapshots;
  readonly #clock: Clock;
  #cancel: Cancel | undefined;
  #running: Promise<unknown> = Promise.resolve();
  #stopped = false;
  #serial = 0;

  constructor(options: SnapshotKeeperOptions) {
    this.#options = options;
    const { bus, config, log, onDone } = options;
    this.#clock = bus.clock;
    this.#features = new FeatureSnapshots({
      bus,
      dataCenters: config.dataCenters.filter(answersRequests).map(({ name }) => name),
      limits: config.snapshots,
      storeOf: (dataCenter) => openFeatureSnapshots(bus, config, dataCenter),
      log,
      onDone,
    });
    const dataCenter = trainingDataCenter(config);
    this.#joins = new JoinSnapshots({
      ...{ bus, dataCenter, partitions: joinPartitions(config), limits: config.snapshots },
      store: openWindowSnapshots(bus, config, dataCenter),
      ...{ log, onDone },
    });
  }

  start(): void {
    const { everyMs } = this.#options.config.snapshots;
    this.#lookLater(Math.min(everyMs, lookMs));
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancel?.();
  }

  /**
   * One at a time, in every data center. A data center that can't take part is told of; the others have theirs.
   * @param keep how many are to be left; as configured if left out.
   * @throws StarlingError what the training data center met.
   */
  take(
    progress: (text: string) => void,
    keep = this.#options.config.snapshots.keep,
  ): Promise<TakenSnapshot[]> {
    return this.#oneByOne(() => this.#takeAll({ ...nobodyAsked, progress, keep }));
  }

  /**
   * As `take`, for what must be everywhere: nothing older is left anywhere then, and no log has what was before.
   * @throws StarlingError what any data center met; the others have theirs.
   */
  takeWhole(keep: number): Promise<void> {
    return this.#oneByOne(async () => {
      const failures: unknown[] = [];
      const failed = (error: unknown): void => void failures.push(error);
      await this.#takeAll({ progress: () => undefined, keep, failed });
      if (failures.length > 0) throw failures[0];
    });
  }

  async #takeAll(how: HowTaken): Promise<TakenSnapshot[]> {
    const rows = await this.#takeRows(how);
    const features = await this.#features.takeAll(this.#newId(), how);
    const windows = await this.#joins.takeNow(this.#newId(), how);
    return [...rows, ...features, ...windows];
  }

  /**
   * Of the windows of joiners, for a move.
   * @throws StarlingError what the joiners met.
   */
  takeWindows(): Promise<void> {
    return this.#oneByOne(() => this.#joins.takeFor(this.#newId()));
  }

  #oneByOne<T>(run: () => Promise<T>): Promise<T> {
    const next = this.#running.catch(() => undefined).then(run);
    this.#running = next;
    return next;
  }

  #newId(): string {
    return snapshotId(this.#clock.wallMs(), this.#serial++);
  }

  async #takeRows({
    progress,
    failed,
    keep = this.#options.config.snapshots.keep,
  }: HowTaken): Promise<TakenSnapshot[]> {
    const { config, log, models, onDone } = this.#options;
    const training = this.#storeOf(trainingDataCenter(config));
    const snapshot = newerThan((await training.list())[0], this.#newId());
    const taken: TakenSnapshot[] = [];
    for (const each of config.dataCenters) {
      const { name } = each;
      progress(`${name}: writing`);
      // Each model has shards of its own: they write at the same time. What is left of the log follows from all of them.
      const saving = models().map((model) => ({
        model,
        parts: trains(each)
          ? this.#saveTraining(name, snapshot, model)
          : this.#saveServing(name, snapshot, model),
      }));
      await Promise.allSettled(saving.map(({ parts }) => parts));
      for (const { model, parts } of saving) {
        const { name: of, number } = model.identity;
        const place = number === 0 ? name : `${name}, model ${of}`;
        try {
          const done = await this.#complete(name, snapshot, { parts: await parts, model, keep });
          taken.push(done);
          onDone(done);
          progress(`${place}: ${done.rows} rows, ${done.bytes} bytes in ${done.seconds.toFixed(1)} s`); // prettier-ignore
        } catch (error) {
          if (trains(each) && number === 0) throw error;
          log(`no snapshot in ${place}: ${codeOf(error)}: ${messageOf(error)}`);
          progress(`${place}: none, ${messageOf(error)}`);
          failed(error);
        }
      }
    }
    return taken;
  }

  #lookLater(ms: number): void {
    if (this.#stopped) return;
    this.#cancel = this.#clock.after(ms, () => {
      this.#look().then(
        () => this.start(),
        (error: unknown) => {
          this.#options.log(`no snapshot this time: ${codeOf(error)}: ${messageOf(error)}`);
          this.#lookLater(Math.min(this.#options.config.snapshots.everyMs, failureMs));
        },
      );
    });
  }

  async #look(): Promise<void> {
    await this.#oneByOne(() => this.#features.takeDue(() => this.#newId()));
    await this.#oneByOne(() => this.#joins.takeDue(() => this.#newId()));
    if (await this.#isDue()) await this.#oneByOne(() => this.#takeRows(nobodyAsked));
  }

  /** By the newest one there is, whoever took it: leaders may change more often than snapshots are due. */
  async #isDue(): Promise<boolean> {
    const { bus, config, log } = this.#options;
    const { everyMs, logRecordsMax } = config.snapshots;
    const [newest] = await readManifests(
      this.#storeOf(trainingDataCenter(config)),
      (bytes) => decodeManifest(bytes),
      log,
    );
    const { firstSequence, lastSequence } = await bus.streamState(bus.names.stream.deltas);
    if (lastSequence < firstSequence) return false; // Nothing was learned yet.
    const covered = newest ? exactFrom(newest) : firstSequence - 1;
    if (lastSequence - covered > recordsWorthASnapshot(newest, logRecordsMax)) return true;
    const first = newest ? undefined : await bus.messageAt(bus.names.stream.deltas, firstSequence);
    const sinceMs = newest?.createdAtMs ?? first?.atMs ?? this.#clock.wallMs();
    return this.#clock.wallMs() - sinceMs >= everyMs;
  }

  /** Of `main`, unless a model is named. */
  #storeOf(dataCenter: string, { identity }: OfModel = { identity: mainIdentity }): SnapshotStore {
    const { bus, config } = this.#options;
    return openSnapshots(bus, { ...config, ofModel: identity }, dataCenter);
  }

  async #saveTraining(dataCenter: string, snapshot: string, model: LedModel): Promise<Parts> {
    const { bus } = this.#options;
    const { name } = model.identity;
    const startMs = this.#clock.nowMs();
    await this.#storeOf(dataCenter, model).removeUnfinished(snapshot);
    const saved = await Promise.all(
      [...ownedPartitions(model)].map(([shard, partitions]) =>
        this.#ask(
          bus.names.subject.shardControl('snapshot', shard),
          snapshotCommand({ snapshot, partitions }, name),
          name,
        ),
      ),
    );
    const request = snapshotCommand({ snapshot, partitions: [] }, name);
    const dense = parseDenseSnapshotReply(
      await call(bus, bus.names.subject.denseControl('snapshot', name), request, denseLimits),
      name,
    );
    return { saved, dense, stream: bus.names.stream.deltas, startMs };
  }

  async #saveServing(dataCenter: string, snapshot: string, model: LedModel): Promise<Parts> {
    const { bus } = this.#options;
    const { name } = model.identity;
    const startMs = this.#clock.nowMs();
    await this.#storeOf(dataCenter, model).removeUnfinished(snapshot);
    const command = snapshotCommand({ snapshot, partitions: [] }, name);
    const saved = await Promise.all(
      servingIndices(model).map((shard) =>
        this.#ask(bus.names.subject.servingControl('snapshot', dataCenter, shard), command, name),
      ),
    );
    return { saved, stream: bus.names.stream.deltasAt(dataCenter), startMs };
  }

  async #ask(name: string, command: object, model: string): Promise<SnapshotReply> {
    const options = { deadlineMs: saveMsMax };
    return parseSnapshotReply(await callLong(this.#options.bus, name, command, options), model);
  }

  async #complete(
    dataCenter: string,
    snapshot: string,
    { parts: { saved, dense, stream, startMs }, model, keep }: Saved,
  ): Promise<TakenSnapshot> {
    const { config, configIn } = this.#options;
    const objects = saved.flatMap((reply) => reply.objects);
    const partitions = new Set(objects.map(({ partition }) => partition));
    if (partitions.size !== config.partitions) {
      const text = `snapshot ${snapshot} has ${partitions.size} of ${config.partitions} partitions.`;
      throw new StarlingError('CONFLICT', text, { snapshot });
    }
    const manifest: SnapshotManifest = {
      snapshot,
      createdAtMs: this.#clock.wallMs(),
      specHash: saved[0]!.specHash,
      partitionCount: config.partitions,
      slots: namedSlots(model.configOf(configIn(dataCenter))),
      objects,
      ...(dense ? { dense } : {}),
    };
    const store = this.#storeOf(dataCenter, model);
    await store.putManifest(snapshot, encodeManifest(manifest, model.identity.name));
    return {
      of: 'rows',
      snapshot,
      dataCenter,
      rows: objects.reduce((sum, { rows }) => sum + rows, 0),
      bytes: objects.reduce((sum, { bytes }) => sum + bytes, 0),
      seconds: (this.#clock.nowMs() - startMs) / 1000,
      trimmed: await this.#trim(dataCenter, stream, keep),
    };
  }

  /** Oldest snapshots first, and the log only behind what those that are left need. */
  async #trim(dataCenter: string, stream: string, keep: number): Promise<number> {
    const { bus, log, models } = this.#options;
    let needed = Infinity;
    for (const model of models()) {
      const store = this.#storeOf(dataCenter, model);
      const decode = (bytes: Uint8Array) => decodeManifest(bytes, model.identity.name);
      const manifests = await readManifests(store, decode, log);
      const { gone, beforeSequence } = retentionOf(manifests, keep, firstNeeded);
      for (const { snapshot } of gone) await store.remove(snapshot);
      // They share one log: what any of them needs of it stays.
      needed = Math.min(needed, beforeSequence);
    }
    return needed > 1 && needed < Infinity ? bus.purge(stream, { beforeSequence: needed }) : 0;
  }
}

type OfModel = Pick<LedModel, 'identity'>;

interface Saved {
  readonly parts: Parts;
  readonly model: LedModel;
  readonly keep: number;
}

interface Parts {
  readonly saved: readonly SnapshotReply[];
  readonly dense?: DenseObject;
  readonly stream: string;
  readonly startMs: number;
}
