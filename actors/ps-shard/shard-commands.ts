import { sleep, turn, type Clock } from '../../core/base/clock.js';
import { partitionOf } from '../../core/base/fid.js';
import { StarlingError } from '../../core/base/errors.js';
import { partitionSource } from '../../core/embedding/snapshot/partition-snapshot.js';
import { servedDigest } from '../../core/embedding/serving/served-digest.js';
import type { ServingTableSpec } from '../../core/embedding/serving/serving-table.js';
import type { PersonKey } from '../../core/features/person-keys.js';
import { mainModel } from '../../messages/model-name.js';
import type { PartitionDigest } from '../../messages/ownership.js';
import { commandReply, digestsReply, parsePartitionCommand } from '../../messages/ownership.js';
import { parseRowsCommand, rowsReply, type FoundRow } from '../../messages/person.js';
import type { SnapshotObject } from '../../messages/snapshots.js';
import {
  decodeManifest,
  parseRestoreCommand,
  parseSnapshotCommand,
  snapshotReply,
} from '../../messages/snapshots.js';
import type { ShardVerb } from '../../messages/subjects.js';
import type { PartitionDirectory } from '../../replication/partition-directory.js';
import { loadPartition } from '../../replication/rebuild.js';
import { savePartition } from '../../replication/snapshot-writer.js';
import type { TrainedPartition, TrainedShape } from '../../replication/trained-partition.js';
import { verifies } from '../../runtime/verification.js';
import { Pace } from '../../runtime/stores/chunk-pace.js';
import type { SnapshotStore } from '../../runtime/stores/snapshot-store.js';
import type { HeldPartition } from './held-partition.js';
import type { HeldPartitions } from './held-partitions.js';

/** A flush takes some milliseconds. Too few tries: a shard in use is never caught between two. Too many: the answer is late. */
const settleTriesMax = 20;
const settlePauseMs = 5;

export interface CommandPorts {
  readonly clock: Clock;
  readonly directory: Pick<PartitionDirectory, 'refuseFormerLeader'>;
  readonly held: Pick<HeldPartitions, 'all' | 'get' | 'hold'>;
  readonly store: Pick<SnapshotStore, 'put' | 'get' | 'getManifest'>;
  /** Snapshots of `main`, and what was put there beside: another model may begin with one. */
  readonly first: Pick<SnapshotStore, 'get' | 'getManifest'>;
  readonly shape: TrainedShape;
  /** How serving shards keep the rows. */
  readonly servingTables: readonly ServingTableSpec[];
  readonly bytesPerSecondMax: number;
  /** A partition as it was when the log ended at `sequence`. */
  readonly rebuild: (partition: number, sequence: number) => Promise<TrainedPartition>;
}

/** What the leader asks of a shard beside pulls and pushes; the orders of a former one are refused with FENCED. */
export class ShardCommands {
  readonly #ports: CommandPorts;

  constructor(ports: CommandPorts) {
    this.#ports = ports;
  }

  get #model(): string {
    return this.#ports.shape.of?.name ?? mainModel;
  }

  get handlers(): Readonly<Record<ShardVerb, (value: unknown) => Promise<object>>> {
    return {
      'catch-up': (value) => this.#catchUp(value),
      release: (value) => this.#release(value),
      snapshot: (value) => this.#snapshot(value),
      restore: (value) => this.#restore(value),
      digest: () => this.#digest(),
      rows: (value) => this.#rows(value),
    };
  }

  /** The directory may have named this shard a follower, or the owner, just now. */
  async #catchUp(value: unknown): Promise<object> {
    const { directory, held } = this.#ports;
    const { partition, term } = parsePartitionCommand(value, this.#model);
    directory.refuseFormerLeader(term);
    const found = held.hold(partition);
    await found.heedNow();
    if (!found.isOwned) await found.catchUp();
    return commandReply(
      { sequence: found.mark.sequence, rows: found.partition.rows.rowCount },
      this.#model,
    );
  }

  async #release(value: unknown): Promise<object> {
    const { directory, held } = this.#ports;
    const { partition, term } = parsePartitionCommand(value, this.#model);
    directory.refuseFormerLeader(term);
    const released = held.get(partition);
    await released.release();
    return commandReply({ sequence: released.mark.sequence }, this.#model);
  }

  async #snapshot(value: unknown): Promise<object> {
    const { clock, held, shape, bytesPerSecondMax } = this.#ports;
    const { snapshot, partitions } = parseSnapshotCommand(value, this.#model);
    const objects: SnapshotObject[] = [];
    const pace = new Pace(clock, bytesPerSecondMax);
    for (const number of partitions)
      objects.push(await this.#save(snapshot, pace, held.get(number)));
    return snapshotReply({ specHash: shape.hash, objects }, this.#model);
  }

  async #restore(value: unknown): Promise<object> {
    const { clock, directory, held, rebuild } = this.#ports;
    const { partitions, from, term } = parseRestoreCommand(value, this.#model);
    directory.refuseFormerLeader(term);
    let changed = 0;
    let removed = 0;
    let sequence = 0;
    for (const number of partitions) {
      const wanted =
        'sequence' in from
          ? await rebuild(number, from.sequence)
          : await this.#load(from.snapshot, number);
      const done = await replaceRows(held.get(number), wanted, clock);
      changed += done.changed;
      removed += done.removed;
      sequence = Math.max(sequence, held.get(number).mark.sequence);
    }
    return commandReply({ sequence, changed, removed }, this.#model);
  }

  /** Those that are owned here. Removed, they go into the log, and so from every copy; training may make them anew. */
  async #rows(value: unknown): Promise<object> {
    const { directory, held, shape } = this.#ports;
    const { keys, forget, term } = parseRowsCommand(value, this.#model);
    if (forget) directory.refuseFormerLeader(term);
    const found: FoundRow[] = [];
    for (const each of held.all) {
      if (!each.isOwned) continue;
      const own = keys.filter(
        ({ low, high }) => partitionOf(low, high, shape.partitionCount) === each.number,
      );
      const rows = own.flatMap((key) => rowOf(each, key) ?? []);
      found.push(...rows);
      if (forget && rows.length > 0) await removeRows(each, rows);
    }
    return rowsReply(found, this.#model);
  }

  async #digest(): Promise<object> {
    const { clock, held, servingTables } = this.#ports;
    const digests: PartitionDigest[] = [];
    for (const each of held.all) {
      if (each.isOwned) digests.push(await ownedDigest(each, servingTables, clock));
      else if (each.isFollowed) digests.push(digestOf(each));
      // Pulls and pushes go on between two partitions.
      await turn(clock);
    }
    return digestsReply(digests, this.#model);
  }

  /** Pushes go on meanwhile. The copy is exact once the log has all that was applied by its end. */
  async #save(snapshot: string, pace: Pace, found: HeldPartition): Promise<SnapshotObject> {
    const { clock, store, shape } = this.#ports;
    const publisher = found.owned();
    const { rows } = found.partition;
    const mark = publisher.committed;
    const object = await savePartition(store, snapshot, pace, {
      partition: found.number,
      partitionCount: shape.partitionCount,
      source: partitionSource(rows, shape.tables),
      createdAtMs: clock.wallMs(),
      mark,
      model: this.#model,
    });
    await publisher.durable();
    return { ...object, endSequence: publisher.sequence };
  }

  async #load(snapshot: string, partition: number): Promise<TrainedPartition> {
    const { store, first, shape } = this.#ports;
    const own = await store.getManifest(snapshot);
    if (own) return loadPartition(partition, decodeManifest(own, this.#model), { store, shape });
    const bytes = await first.getManifest(snapshot);
    if (!bytes) {
      const text = `there is no snapshot ${snapshot}.`;
      throw new StarlingError('BAD_REQUEST', text, { snapshot });
    }
    return loadPartition(partition, decodeManifest(bytes), { store: first, shape });
  }
}

/** Undefined: the slot is of another configuration. */
function tableOf({ rows }: TrainedPartition, { slot }: Pick<PersonKey, 'slot'>) {
  return rows.tables.find((table) => table.slot === slot);
}

function rowOf({ partition }: HeldPartition, key: PersonKey): FoundRow | undefined {
  const row = tableOf(partition, key)?.rowOf(key.low, key.high);
  if (!row) return undefined;
  const { weights, state, updateCounts, updatedAt } = row;
  return { ...key, weights, state, updates: updateCounts[0]!, updatedAt: updatedAt[0]! };
}

async function removeRows(found: HeldPartition, keys: readonly PersonKey[]): Promise<void> {
  const publisher = found.owned();
  for (const { slot, low, high } of keys)
    tableOf(found.partition, { slot })!.remove(Uint32Array.of(low, high), 0, 1);
  publisher.changed();
  await publisher.durable();
}

/** At a moment at which the log has all of it, if there is one soon: while pushes go on there may be none. */
async function ownedDigest(
  found: HeldPartition,
  servingTables: readonly ServingTableSpec[],
  clock: Clock,
): Promise<PartitionDigest> {
  const publisher = found.owned();
  await publisher.durable();
  for (let tries = 0; tries < settleTriesMax && !publisher.isSettled; tries++)
    await sleep(clock, settlePauseMs);
  // From here on nothing is awaited: all of it is of one moment.
  const served = servedDigest(found.partition.rows, servingTables);
  return { ...digestOf(found), owned: true, settled: publisher.isSettled, served };
}

function digestOf({ number, mark, partition: { rows } }: HeldPartition): PartitionDigest {
  if (verifies) rows.verify();
  const { epoch, deltaNumber, sequence } = mark;
  const place = { partition: number, epoch, deltaNumber, sequence };
  return { ...place, digest: rows.digest(), rows: rows.rowCount, owned: false, settled: true };
}

/** Pushes are refused while rows are exchanged, and come again; what differs goes into the log as a delta. */
async function replaceRows(found: HeldPartition, wanted: TrainedPartition, clock: Clock) {
  return found.whilePaused(async (publisher) => {
    const { partition } = found;
    partition.atSeconds = Math.max(partition.atSeconds, wanted.atSeconds);
    const steps = partition.rows.become(wanted.rows);
    for (;;) {
      const step = steps.next();
      publisher.changed();
      if (step.done) return step.value;
      await turn(clock);
    }
  });
}
