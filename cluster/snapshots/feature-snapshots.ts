import type { Clock } from '../../core/base/clock.js';
import { codeOf, messageOf } from '../../core/base/errors.js';
import type { ClusterConfig } from '../../core/config/schema.js';
import type { FeatureManifest, FeatureSnapshot } from '../../messages/feature-snapshots.js';
import {
  decodeFeatureManifest,
  encodeFeatureManifest,
  parseFeatureSnapshot,
} from '../../messages/feature-snapshots.js';
import { snapshotCommand } from '../../messages/snapshots.js';
import type { Bus } from '../../runtime/bus/bus.js';
import { logSequenceOf, placeInStream } from '../../runtime/followers/log-sequence.js';
import { callLong, type LongCallingBus } from '../../runtime/long-call.js';
import { retried } from '../../runtime/retry-read.js';
import {
  newerThan,
  type SnapshotId,
  type SnapshotStore,
} from '../../runtime/stores/snapshot-store.js';
import { readManifests, retentionOf } from './manifests.js';
import { nobodyAsked, type HowTaken, type TakenSnapshot } from './taken-snapshot.js';

const saveMsMax = 30 * 60_000;
/** Until it is tried again where it failed. Too low: the log fills with it. Too high: the log of features grows for longer. */
const failureMs = 60_000;
/**
 * Users and items of a snapshot that are read while one record of the log is applied: 9 in a feature store, 11 in a catalog
 * (`npm run bench -- followers`). Too low: snapshots are taken late. Too high: much is written to save little.
 */
const entitiesPerRecord = 10;

export interface FeatureSnapshotsOptions {
  readonly bus: LongCallingBus & Pick<Bus, 'streamState' | 'messageAt' | 'purge'>;
  /** Those that have feature stores. */
  readonly dataCenters: readonly string[];
  readonly limits: Pick<ClusterConfig['snapshots'], 'keep' | 'logRecordsMax'>;
  readonly storeOf: (dataCenter: string) => SnapshotStore;
  readonly log: (line: string) => void;
  readonly onDone: (taken: TakenSnapshot) => void;
}

/** What is known of a newest snapshot; nothing where there is none. */
interface Covered {
  readonly sequence: number;
  readonly rows: number;
  /** In ACTIVITY. */
  readonly activity: number;
}

/**
 * Snapshots of users and items, in each data center that serves them: one of its feature stores writes, the manifest comes
 * last, then the oldest goes, then what the logs have before the oldest that is left. They are due by what a recovery would
 * cost, and not by the clock: where nothing changed, one more would be the same again.
 *
 * The copy of FEATURES in a data center goes back to the oldest snapshot there. FEATURES itself goes back to the oldest of
 * all data centers, and is left alone while one of them has not as many as are to be kept or can't be asked: so a copy that
 * lags, or has to be made anew, finds all that it lacks, however long its data center was away.
 */
export class FeatureSnapshots {
  readonly #options: FeatureSnapshotsOptions;
  readonly #clock: Clock;
  readonly #newest = new Map<string, Covered>();
  readonly #notBeforeMs = new Map<string, number>();

  constructor(options: FeatureSnapshotsOptions) {
    this.#options = options;
    this.#clock = options.bus.clock;
  }

  /** Where the log behind the newest snapshot costs more than a snapshot. Failures are told, and are no matter to others. */
  async takeDue(newId: () => string): Promise<TakenSnapshot[]> {
    const due: string[] = [];
    for (const dataCenter of this.#options.dataCenters) {
      if (this.#clock.nowMs() < (this.#notBeforeMs.get(dataCenter) ?? 0)) continue;
      try {
        if (await this.#isDue(dataCenter)) due.push(dataCenter);
      } catch (error) {
        this.#failed(dataCenter, error);
      }
    }
    return due.length === 0 ? [] : this.#take(newId(), due);
  }

  /** In all data centers, due or not, unless nothing was told of anybody yet. */
  async takeAll(snapshot: string, how: HowTaken = nobodyAsked): Promise<TakenSnapshot[]> {
    const { bus, dataCenters } = this.#options;
    const { lastSequence } = await bus.streamState(bus.names.stream.features);
    return lastSequence === 0 ? [] : this.#take(snapshot, dataCenters, how);
  }

  async #isDue(dataCenter: string): Promise<boolean> {
    const { bus, limits } = this.#options;
    const { stream } = bus.names;
    const [told, kept] = await Promise.all([
      bus.streamState(stream.features),
      bus.streamState(stream.activity),
    ]);
    const { sequence, rows, activity } = await this.#covered(dataCenter);
    const recordsMax = Math.max(limits.logRecordsMax, rows / entitiesPerRecord);
    return told.lastSequence - sequence > recordsMax || kept.lastSequence - activity > recordsMax;
  }

  /** Read once: as long as it leads, nobody else writes manifests. */
  async #covered(dataCenter: string): Promise<Covered> {
    const known = this.#newest.get(dataCenter);
    if (known) return known;
    const [newest] = await this.#manifests(dataCenter);
    const covered = newest ? coveredBy(newest) : { sequence: 0, rows: 0, activity: 0 };
    this.#newest.set(dataCenter, covered);
    return covered;
  }

  async #take(
    snapshot: string,
    dataCenters: readonly string[],
    { progress, failed, keep = this.#options.limits.keep }: HowTaken = nobodyAsked,
  ): Promise<TakenSnapshot[]> {
    const { onDone } = this.#options;
    const taken: TakenSnapshot[] = [];
    for (const dataCenter of dataCenters) {
      progress(`${dataCenter}: writing users and items`);
      try {
        const done = await this.#takeIn(dataCenter, snapshot, keep);
        taken.push(done);
        onDone(done);
      } catch (error) {
        this.#failed(dataCenter, error);
        progress(`${dataCenter}: no users and items, ${messageOf(error)}`);
        failed(error);
      }
    }
    if (taken.length > 0) await this.#trimLog(keep).catch(failed);
    return taken;
  }

  async #takeIn(dataCenter: string, wanted: SnapshotId, keep: number): Promise<TakenSnapshot> {
    const { bus, storeOf } = this.#options;
    const store = storeOf(dataCenter);
    const snapshot = newerThan((await store.list())[0], wanted);
    const startMs = this.#clock.nowMs();
    await store.removeUnfinished(snapshot);
    const control = bus.names.subject.featureControl('snapshot', dataCenter);
    const command = snapshotCommand({ snapshot, partitions: [] });
    const saved = parseFeatureSnapshot(
      await callLong(bus, control, command, { deadlineMs: saveMsMax }),
    );
    const manifest = { ...saved, snapshot, createdAtMs: this.#clock.wallMs() };
    await store.putManifest(snapshot, encodeFeatureManifest(manifest));
    this.#newest.set(dataCenter, coveredBy(manifest));
    return {
      of: 'users and items',
      snapshot,
      dataCenter,
      rows: coveredBy(manifest).rows,
      bytes: saved.objects.reduce((sum, { bytes }) => sum + bytes, saved.activity?.bytes ?? 0),
      seconds: (this.#clock.nowMs() - startMs) / 1000,
      trimmed: await this.#trimCopy(dataCenter, store, keep),
    };
  }

  /** Oldest snapshots first, and the copy of the log only behind what those that are left need. */
  async #trimCopy(dataCenter: string, store: SnapshotStore, keep: number): Promise<number> {
    const { bus, log } = this.#options;
    const manifests = await this.#manifests(dataCenter);
    const { gone, beforeSequence: sequence } = retentionOf(manifests, keep, sequenceOf);
    for (const { snapshot } of gone) await store.remove(snapshot);
    if (sequence === 0) return 0;
    const stream = bus.names.stream.featuresAt(dataCenter);
    if (stream === bus.names.stream.features) return 0; // The log itself, of which others may need more.
    const place = await placeInStream(bus, stream, sequence);
    const message = await retried(bus, () => bus.messageAt(stream, place));
    // The record itself stays: by the newest one that is there a server knows where to go on copying.
    if (!message) return 0; // Trimmed as far already.
    if (logSequenceOf(message) <= sequence) return bus.purge(stream, { beforeSequence: place });
    log(`${stream} is not trimmed: #${place} is not where record ${sequence} should be.`);
    return 0;
  }

  async #trimLog(keep: number): Promise<void> {
    const { bus, dataCenters, log } = this.#options;
    try {
      const all = await Promise.all(
        dataCenters.map(async (each) => {
          return retentionOf(await this.#manifests(each), keep, sequenceOf);
        }),
      );
      const beforeSequence = Math.min(...all.map((retention) => retention.beforeSequence));
      if (beforeSequence > 1) await bus.purge(bus.names.stream.features, { beforeSequence });
    } catch (error) {
      log(`${bus.names.stream.features} is not trimmed: ${codeOf(error)}: ${messageOf(error)}`);
      throw error;
    }
  }

  #manifests(dataCenter: string): Promise<FeatureManifest[]> {
    const { storeOf, log } = this.#options;
    const told = (line: string): void => log(`${dataCenter}: ${line}`);
    return readManifests(storeOf(dataCenter), decodeFeatureManifest, told);
  }

  #failed(dataCenter: string, error: unknown): void {
    this.#notBeforeMs.set(dataCenter, this.#clock.nowMs() + failureMs);
    const text = `${codeOf(error)}: ${messageOf(error)}`;
    this.#options.log(`no snapshot of users and items in ${dataCenter}: ${text}`);
  }
}

function sequenceOf({ sequence }: FeatureManifest): number {
  return sequence;
}

function coveredBy({ sequence, objects, activity }: FeatureSnapshot): Covered {
  const rows = objects.reduce((sum, object) => sum + object.rows, activity?.rows ?? 0);
  return { sequence, rows, activity: activity?.sequence ?? 0 };
}
