import type { Clock } from '../../core/base/clock.js';
import { codeOf, messageOf } from '../../core/base/errors.js';
import type { ClusterConfig } from '../../core/config/schema.js';
import type { JoinManifest } from '../../messages/join-snapshots.js';
import {
  decodeJoinManifest,
  encodeJoinManifest,
  parseWindowSnapshot,
} from '../../messages/join-snapshots.js';
import { booksKey, decodeBooks } from '../../messages/books.js';
import { snapshotCommand } from '../../messages/snapshots.js';
import type { Bus } from '../../runtime/bus/bus.js';
import { callLong, type LongCallingBus } from '../../runtime/long-call.js';
import {
  newerThan,
  type SnapshotId,
  type SnapshotStore,
} from '../../runtime/stores/snapshot-store.js';
import { readManifests, retentionOf } from './manifests.js';
import { nobodyAsked, type HowTaken, type TakenSnapshot } from './taken-snapshot.js';

const saveMsMax = 30 * 60_000;
/** Until it is tried again where it failed. Too low: the log fills with it. Too high: JOIN grows for longer. */
const failureMs = 60_000;
/**
 * Bytes of a snapshot that are read while one record of JOIN is taken in (`npm run bench -- joiner`). Too low: snapshots are taken late.
 * Too high: much is written to save little.
 */
const bytesPerRecord = 100_000;
/** However large it is, and however little has come: JOIN loses what is old, and a snapshot that it does not go on from is of no use. */
const ageMsMax = 6 * 3_600_000;

export interface JoinSnapshotsOptions {
  readonly bus: LongCallingBus & Pick<Bus, 'streamState' | 'purge' | 'bucketGet'>;
  /** Where joiners live. */
  readonly dataCenter: string;
  /** Of JOIN; each has a window. */
  readonly partitions: number;
  readonly limits: Pick<ClusterConfig['snapshots'], 'keep' | 'logRecordsMax' | 'everyMs'>;
  readonly store: SnapshotStore;
  readonly log: (line: string) => void;
  readonly onDone: (taken: TakenSnapshot) => void;
}

/**
 * Snapshots of the windows of all joiners: each writes its own, the manifest comes last, then the oldest goes, then what JOIN has
 * before the oldest that is left. They are due by what a joiner that is made anew would have to read of JOIN, and on schedule while they are
 * small beside that.
 *
 * JOIN is read by those who keep the books, too: what they have not written down, and what they read again to know an event that
 * comes again, stays.
 */
export class JoinSnapshots {
  readonly #options: JoinSnapshotsOptions;
  readonly #clock: Clock;
  /** Looked up once: as long as it leads, nobody else writes manifests. */
  #newest: JoinManifest | undefined;
  #notBeforeMs = 0;

  constructor(options: JoinSnapshotsOptions) {
    this.#options = options;
    this.#clock = options.bus.clock;
  }

  /** Failures are told, and are no matter to others. */
  async takeDue(newId: () => string): Promise<TakenSnapshot[]> {
    if (this.#clock.nowMs() < this.#notBeforeMs) return [];
    try {
      return (await this.#isDue()) ? await this.#take(newId()) : [];
    } catch (error) {
      this.#failed(error);
      return [];
    }
  }

  /** Due or not, unless nothing has come to JOIN yet. */
  async takeNow(
    snapshot: SnapshotId,
    { progress, failed, keep = this.#options.limits.keep }: HowTaken = nobodyAsked,
  ): Promise<TakenSnapshot[]> {
    const { dataCenter } = this.#options;
    try {
      if ((await this.#joinEnd()) === 0) return [];
      progress(`${dataCenter}: writing the windows of joiners`);
      return await this.#take(snapshot, keep);
    } catch (error) {
      this.#failed(error);
      progress(`${dataCenter}: no windows of joiners, ${messageOf(error)}`);
      failed(error);
      return [];
    }
  }

  /**
   * Before a window goes on elsewhere: all that it must have is in a snapshot then, and in JOIN.
   * @throws StarlingError what the joiners met.
   */
  async takeFor(snapshot: SnapshotId): Promise<void> {
    if ((await this.#joinEnd()) > 0) await this.#take(snapshot);
  }

  async #joinEnd(): Promise<number> {
    const { bus } = this.#options;
    return (await bus.streamState(bus.names.stream.join)).lastSequence;
  }

  async #isDue(): Promise<boolean> {
    const { limits } = this.#options;
    this.#newest ??= (await this.#manifests())[0];
    const newest = this.#newest;
    // Each snapshot is behind marks of its own.
    const marks = this.#options.partitions;
    const records = (await this.#joinEnd()) - (newest ? coveredBy(newest) : 0) - marks;
    if (records <= 0) return false;
    const cost = (newest ? bytesOf(newest) : 0) / bytesPerRecord;
    if (records > Math.max(limits.logRecordsMax, cost)) return true;
    const ageMs = newest ? this.#clock.wallMs() - newest.createdAtMs : Infinity;
    return ageMs >= ageMsMax || (ageMs >= limits.everyMs && records > cost);
  }

  async #take(wanted: SnapshotId, keep = this.#options.limits.keep): Promise<TakenSnapshot[]> {
    const { bus, dataCenter, partitions, store, onDone } = this.#options;
    const snapshot = newerThan((await store.list())[0], wanted);
    const startMs = this.#clock.nowMs();
    await store.removeUnfinished(snapshot);
    const command = snapshotCommand({ snapshot, partitions: [] });
    const windows = await Promise.all(
      Array.from({ length: partitions }, async (_unused, partition) =>
        parseWindowSnapshot(
          await callLong(bus, bus.names.subject.joinSnapshot(partition), command, {
            deadlineMs: saveMsMax,
          }),
        ),
      ),
    );
    const manifest = { snapshot, createdAtMs: this.#clock.wallMs(), windows };
    await store.putManifest(snapshot, encodeJoinManifest(manifest));
    this.#newest = manifest;
    const done: TakenSnapshot = {
      of: 'records of windows',
      ...{ snapshot, dataCenter, bytes: bytesOf(manifest) },
      rows: windows.reduce((sum, { records }) => sum + records, 0),
      seconds: (this.#clock.nowMs() - startMs) / 1000,
      trimmed: await this.#trim(keep),
    };
    onDone(done);
    return [done];
  }

  /** Oldest snapshots first, and JOIN only behind what those that are left need, and the books. */
  async #trim(keep: number): Promise<number> {
    const { bus, store } = this.#options;
    const manifests = await this.#manifests();
    const firstNeeded = (manifest: JoinManifest): number => coveredBy(manifest) + 1;
    const { gone, beforeSequence } = retentionOf(manifests, keep, firstNeeded);
    for (const { snapshot } of gone) await store.remove(snapshot);
    const before = Math.min(beforeSequence, (await this.#booked()) + 1);
    return before > 1 ? bus.purge(bus.names.stream.join, { beforeSequence: before }) : 0;
  }

  /** Record of JOIN up to which nobody who keeps the books or goes on from them reads again; 0: none. */
  async #booked(): Promise<number> {
    const { bus } = this.#options;
    const bytes = await bus.bucketGet(bus.names.bucket, booksKey);
    return bytes ? (decodeBooks(bytes).streams[bus.names.stream.join]?.remember ?? 0) : 0;
  }

  #manifests(): Promise<JoinManifest[]> {
    const { store, log } = this.#options;
    return readManifests(store, decodeJoinManifest, log);
  }

  #failed(error: unknown): void {
    this.#notBeforeMs = this.#clock.nowMs() + failureMs;
    this.#options.log(`no snapshot of joiners: ${codeOf(error)}: ${messageOf(error)}`);
  }
}

/** JOIN is in all windows up to here. */
function coveredBy({ windows }: JoinManifest): number {
  return windows.length === 0 ? 0 : Math.min(...windows.map(({ sequence }) => sequence));
}

function bytesOf({ windows }: JoinManifest): number {
  return windows.reduce((sum, { bytes }) => sum + bytes, 0);
}
