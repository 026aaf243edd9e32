import { sleep } from '../../core/base/clock.js';
import { StarlingError, codeOf, messageOf } from '../../core/base/errors.js';
import { outcomeNames } from '../../core/blueprint/join-rules.js';
import type { EarlierExamples } from '../../core/features/earlier-examples.js';
import type { FeatureSpec } from '../../core/features/feature-spec.js';
import { carriedRecord } from '../../core/joining/carried-records.js';
import type { JoinProgress, JoinRecord } from '../../core/joining/types.js';
import type { JoinSnapshotState, WindowSnapshot } from '../../messages/join-snapshots.js';
import { decodeJoinManifest } from '../../messages/join-snapshots.js';
import { requireKnownSpec } from '../../messages/example-columns.js';
import { loadWindow } from '../../replication/join-snapshot-reader.js';
import type { ActorContext } from '../../runtime/actor.js';
import { retried } from '../../runtime/retry-read.js';
import type { JoinStore } from '../../runtime/stores/join-store.js';
import { openWindowSnapshots } from '../../runtime/stores/open-snapshots.js';
import type { PublishedSamples } from './join-outbox.js';

/**
 * Before JOIN is read from its beginning although that has gone, snapshots are looked for so often: what lists them may be
 * behind. Too low: what was open is given up. Too high: who really finds none begins late.
 */
const looksMax = 4;
const lookAgainMs = 1_000;

/**
 * The store of the window: its own, as it was left; else a new one with the newest snapshot in it that can be read; else an empty
 * one, which JOIN fills from its beginning. Its own is of no use where the window went on elsewhere, where it is of other outcomes,
 * and where JOIN has lost what comes next since, because a snapshot has it.
 *
 * @throws StarlingError STORAGE_FULL, STATE_INVALID, and what the servers answer.
 */
export async function openWindowStore(
  context: ActorContext,
  partition: number,
  spec: FeatureSpec,
  published: PublishedSamples,
): Promise<JoinStore> {
  const { bus, log, stores } = context;
  const own = stores.joinStore(partition);
  const { progress, consumed, records, spec: madeOf = firstSpec(context, spec) } = own.load();
  const { firstSequence } = await retried(bus, () => bus.streamState(bus.names.stream.join));
  const newest = published.position?.window;
  const why =
    progress &&
    (whyAnew(progress, outcomeNames(context.config), newest, own.window) ??
      whyUnread(madeOf, spec));
  const isWhole = progress !== undefined && why === undefined;
  if (isWhole && firstSequence <= (consumed['join'] ?? 0) + 1)
    return carriedOver(own, madeOf, spec, log);
  const isEmpty = !progress && !hasAny(records);
  // What is missing between a store and JOIN is of other partitions, perhaps.
  const looks = isWhole || firstSequence <= 1 ? 1 : looksMax;
  const found = await foundAfter(context, partition, looks, firstSequence, published);
  if (found.length === 0 && (isWhole || isEmpty)) return carriedOver(own, madeOf, spec, log);
  if (why !== undefined) log.warn({ window: own.window }, `${why}; it is made anew`);
  await own.close();
  return (await beginWith(context, partition, spec, found)) ?? stores.newJoinStore(partition);
}

/** Snapshots to begin with, newest first. */
async function foundAfter(
  context: ActorContext,
  partition: number,
  looks: number,
  firstSequence: number,
  published: PublishedSamples,
): Promise<FoundWindow[]> {
  for (let look = 1; look <= looks; look++) {
    if (look > 1) await sleep(context.clock, lookAgainMs);
    const found = await windowsBehind(context, partition, firstSequence, published);
    if (found.length > 0) return found;
  }
  if (looks > 1)
    context.log.error(
      { firstSequence },
      'no snapshot of the window, and JOIN has lost its beginning',
    );
  return [];
}

interface FoundWindow {
  readonly snapshot: string;
  readonly window: WindowSnapshot;
}

/**
 * Newest first, those that JOIN goes on from. One in the middle of a commit that was published in part is left out: nobody could
 * say which of its samples are there.
 */
async function windowsBehind(
  { bus, config, identity, log }: ActorContext,
  partition: number,
  firstSequence: number,
  { position }: PublishedSamples,
): Promise<FoundWindow[]> {
  const store = openWindowSnapshots(bus, config, identity.dataCenter);
  const found: FoundWindow[] = [];
  for (const snapshot of await retried(bus, () => store.list())) {
    try {
      const bytes = await retried(bus, () => store.getManifest(snapshot));
      const { windows } = bytes ? decodeJoinManifest(bytes) : { windows: [] };
      const window = windows.find(({ joiner }) => joiner === partition);
      if (!window || window.chunks === 0 || window.sequence + 1 < firstSequence) continue;
      if (position && !position.complete && window.sequence > position.from) continue;
      found.push({ snapshot, window });
    } catch (error) {
      const why = { snapshot, code: codeOf(error), err: messageOf(error) };
      log.error(why, 'manifest of windows can not be read; taking the one before');
    }
  }
  return found;
}

async function beginWith(
  { bus, config, identity, log, stores }: ActorContext,
  partition: number,
  spec: FeatureSpec,
  found: readonly FoundWindow[],
): Promise<JoinStore | undefined> {
  const snapshots = openWindowSnapshots(bus, config, identity.dataCenter);
  const names = outcomeNames(config);
  let earlier: EarlierExamples | undefined;
  const accepts = ({ spec: theirs, progress }: JoinSnapshotState): void => {
    requireKnownSpec(theirs, spec, 'the snapshot of a window');
    earlier = earlierOf(theirs, spec);
    const why = whyAnew(progress, names, undefined, '');
    if (why !== undefined) throw new StarlingError('SPEC_MISMATCH', `${why}.`);
  };
  for (const { snapshot, window } of found) {
    const store = await stores.newJoinStore(partition);
    const target = {
      add: (records: readonly JoinRecord[]) =>
        store.add(earlier ? carried(records, earlier) : records),
    };
    try {
      const { progress } = await loadWindow(snapshots.get(snapshot, window), target, accepts);
      const changes = { put: [], remove: [], progress };
      const consumed = { join: window.sequence };
      await store.commit({ changes, consumed, outbox: [], spec: spec.hash });
      log.info({ snapshot, sequence: window.sequence }, 'the window begins with a snapshot');
      return store;
    } catch (error) {
      await store.close();
      if (codeOf(error) === 'STORAGE_FULL') throw error;
      const why = { snapshot, code: codeOf(error), err: messageOf(error) };
      log.error(why, 'snapshot of the window can not be used; taking the one before');
    }
  }
  return undefined;
}

/**
 * A window of an earlier configuration, with the features of now in what is open. In one commit: all of it is of the one or of the other.
 * A thousand open rows take half a megabyte meanwhile.
 */
async function carriedOver(
  store: JoinStore,
  madeOf: string,
  spec: FeatureSpec,
  log: ActorContext['log'],
): Promise<JoinStore> {
  const { progress, records, consumed } = store.load();
  const earlier = earlierOf(madeOf, spec);
  if (!progress || !earlier) return store;
  const put = carried([...records], earlier);
  const changes = { put, remove: [], progress };
  await store.commit({ changes, consumed, outbox: [], spec: spec.hash });
  log.info({ from: madeOf, to: spec.hash, records: put.length }, 'the window has other features');
  return store;
}

function carried(records: readonly JoinRecord[], earlier: EarlierExamples): JoinRecord[] {
  return records.map(({ number, bytes }) => ({ number, bytes: carriedRecord(bytes, earlier) }));
}

function earlierOf(hash: string, spec: FeatureSpec): EarlierExamples | undefined {
  return hash === spec.hash ? undefined : spec.earlier.get(hash);
}

/** Of a store that does not say it: nothing had changed then. */
function firstSpec({ config }: ActorContext, spec: FeatureSpec): string {
  return config.lineage?.earlier.find(({ version }) => version === 1)?.spec ?? spec.hash;
}

function whyUnread(madeOf: string, spec: FeatureSpec): string | undefined {
  if (madeOf === spec.hash || spec.earlier.has(madeOf)) return undefined;
  return 'the window is of features that are not known any more';
}

/** @param newest the store that published last, wherever it is; undefined: nobody has. */
function whyAnew(
  { lanes, outcomes }: Partial<JoinProgress>,
  names: readonly string[],
  newest: string | undefined,
  own: string,
): string | undefined {
  if (!lanes || !outcomes) return 'the window is of an earlier release';
  if (outcomes.join() !== names.join()) return 'other outcomes are predicted than the window knows';
  return newest === undefined || newest === own ? undefined : 'the window went on elsewhere';
}

function hasAny(records: Iterable<unknown>): boolean {
  for (const _record of records) return true;
  return false;
}
