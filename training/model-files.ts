import { createHash } from 'node:crypto';
import { IntervalSet } from '../core/base/interval-set.js';
import { parameterCounts, type Blueprint } from '../core/blueprint/blueprint.js';
import type { EmbeddingPartition } from '../core/embedding/partition.js';
import { partitionSource } from '../core/embedding/snapshot/partition-snapshot.js';
import { StarlingError } from '../core/base/errors.js';
import type { DenseLedger } from '../actors/dense-shard/dense-ledger.js';
import { decode, encode } from '../messages/codec.js';
import { denseStateMessage, parseDenseState } from '../messages/network-state.js';
import { decodeManifest, type SnapshotManifest } from '../messages/snapshots.js';
import { loadPartition } from '../replication/rebuild.js';
import { savePartition } from '../replication/snapshot-writer.js';
import { Pace } from '../runtime/stores/chunk-pace.js';
import type { SnapshotStore } from '../runtime/stores/snapshot-store.js';
import { systemClock } from '../runtime/system.js';
import type { Written } from './thread-news.js';

/**
 * A trained model as a snapshot of a cluster has it: an object for each partition, with the state of optimizers, and one for the network.
 * Its ledgers are empty and its place in the log is the beginning: what it has learned is in no log.
 */
const denseName = 'dense';

export interface ModelParts {
  readonly blueprint: Blueprint;
  readonly partitions: readonly EmbeddingPartition[];
  /** Of the first thread; the others have the same. */
  readonly ledger: DenseLedger | undefined;
}

export interface SaveAs {
  readonly snapshot: string;
  readonly createdAtMs: number;
  readonly atSeconds: number;
}

export async function saveParts(
  store: SnapshotStore,
  { blueprint, partitions, ledger }: ModelParts,
  { snapshot, createdAtMs, atSeconds }: SaveAs,
): Promise<Written> {
  const { hash: specHash, partitionCount, tables } = blueprint;
  const applied = new IntervalSet().encode();
  // Nobody else waits for this disk.
  const pace = new Pace(systemClock, Infinity);
  const objects = [];
  for (const each of partitions) {
    const { partition } = each;
    const log = { epoch: 0, deltaNumber: 0, sequence: 0, applied, resolved: 0 };
    const saved = await savePartition(store, snapshot, pace, {
      ...{ partition, partitionCount, source: partitionSource(each, tables), createdAtMs },
      mark: { specHash, partition, atSeconds, ...log },
    });
    objects.push({ ...saved, endSequence: 0 });
  }
  if (!ledger) return { snapshot, objects };
  const bytes = denseBytes(blueprint, ledger);
  return { snapshot, objects, dense: await store.put(snapshot, denseName, [bytes]) };
}

/** @throws StarlingError CORRUPT where there is none. */
export async function manifestIn(
  store: Pick<SnapshotStore, 'getManifest'>,
  snapshot: string,
): Promise<SnapshotManifest> {
  const bytes = await store.getManifest(snapshot);
  if (bytes) return decodeManifest(bytes);
  throw new StarlingError('CORRUPT', `the snapshot ${snapshot} has no manifest.`, { snapshot });
}

/** Partitions `first` … `end − 1` of a snapshot. */
export async function loadPartitions(
  store: Pick<SnapshotStore, 'get'>,
  manifest: SnapshotManifest,
  blueprint: Blueprint,
  [first, end]: readonly [number, number],
): Promise<EmbeddingPartition[]> {
  const partitions = [];
  for (let partition = first; partition < end; partition++)
    partitions.push((await loadPartition(partition, manifest, { store, shape: blueprint })).rows);
  return partitions;
}

export async function loadNetwork(
  store: Pick<SnapshotStore, 'get'>,
  { snapshot, dense }: SnapshotManifest,
  blueprint: Blueprint,
  ledger: DenseLedger,
): Promise<void> {
  const { hash } = blueprint;
  const reader = { hash, earlier: undefined, parameterCount: parameterCounts(blueprint).all };
  if (dense)
    for await (const chunk of store.get(snapshot, dense))
      return ledger.restore(parseDenseState(decode(chunk), reader));
  throw new StarlingError('CORRUPT', `snapshot ${snapshot} has no network.`, { snapshot });
}

/** Of a network and its optimizer. */
export function networkDigest(ledger: DenseLedger): string {
  const { optimizerState, steps } = ledger.optimizerState();
  const hash = createHash('sha256').update(String(steps));
  for (const { buffer, byteOffset, byteLength } of [ledger.parameters, optimizerState])
    hash.update(new Uint8Array(buffer, byteOffset, byteLength));
  return hash.digest('hex');
}

function denseBytes({ hash, outcomes }: Blueprint, ledger: DenseLedger): Uint8Array {
  const { parameters, denseVersion } = ledger;
  return encode(
    denseStateMessage({
      ...{ specHash: hash, outcomes, denseVersion, parameters, epoch: 0 },
      ...ledger.optimizerState(),
      trainedThrough: 0,
      applied: new IntervalSet().encode(),
    }),
  );
}
