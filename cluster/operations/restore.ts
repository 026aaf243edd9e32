import { StarlingError } from '../../core/base/errors.js';
import { trainingDataCenter } from '../../core/config/data-centers.js';
import type { ClusterConfig } from '../../core/config/schema.js';
import type { RestoreRequest } from '../../messages/operations.js';
import { parseRestoreReply } from '../../messages/ownership.js';
import type { RestoreCommand } from '../../messages/snapshots.js';
import { decodeManifest, restoreCommand } from '../../messages/snapshots.js';
import type { Bus } from '../../runtime/bus/bus.js';
import type { StreamMessage } from '../../runtime/bus/logs.js';
import { call } from '../../runtime/idempotent-call.js';
import { callLong } from '../../runtime/long-call.js';
import { openSnapshots } from '../../runtime/stores/open-snapshots.js';
import { exactFrom, readManifests } from '../snapshots/manifests.js';
import { ownedPartitions, type LedModel } from '../models/led-model.js';

const restoreMsMax = 30 * 60_000;

export interface RestoreOptions {
  readonly bus: Bus;
  readonly config: ClusterConfig;
  /** Whose rows and network they are. */
  readonly model: LedModel;
  readonly log: (line: string) => void;
  /** Of the leader this works for. */
  readonly term: number;
}

export interface Restored {
  /** Of DELTAS; absent for a snapshot of elsewhere. */
  readonly sequence?: number;
  readonly changed: number;
  readonly removed: number;
}

/**
 * Rows and network go back to what they were. What differs is published like everything that is learned, so serving
 * follows within its usual time; the batches learned since stay booked as learned, and training goes on from there.
 *
 * @throws StarlingError BAD_REQUEST for a moment that log and snapshots do not cover.
 */
export async function restore(
  request: RestoreRequest,
  options: RestoreOptions,
  progress: (text: string) => void,
): Promise<Restored> {
  const from = await sourceOf(request.to, options);
  const { bus, model, term } = options;
  const { name: of } = model.identity;
  const totals = { changed: 0, removed: 0 };
  await Promise.all(
    [...ownedPartitions(model)].map(async ([shard, partitions]) => {
      // One at a time, so that the others go on learning.
      for (const partition of partitions) {
        const command = restoreCommand({ partitions: [partition], from, term }, of);
        const name = bus.names.subject.shardControl('restore', shard);
        const value = await callLong(bus, name, command, { deadlineMs: restoreMsMax });
        const { changed, removed } = parseRestoreReply(value, of);
        totals.changed += changed;
        totals.removed += removed;
        progress(`partition ${partition} is back`);
      }
    }),
  );
  const dense = restoreCommand({ partitions: [], from, term }, of);
  await call(bus, bus.names.subject.denseControl('restore', of), dense, {
    deadlineMs: 60_000,
    retry: 'none',
  });
  progress('the network is back');
  return { ...totals, ...('sequence' in from ? { sequence: from.sequence } : {}) };
}

async function sourceOf(
  to: RestoreRequest['to'],
  { bus, config, model, log }: RestoreOptions,
): Promise<RestoreCommand['from']> {
  if ('snapshot' in to) return to;
  const sequence = 'sequence' in to ? to.sequence : await sequenceAt(bus, to.atMs);
  const { firstSequence, lastSequence } = await bus.streamState(bus.names.stream.deltas);
  if (sequence > lastSequence || sequence < 0) {
    const text = `the log ends at sequence ${lastSequence}; ${sequence} is not in it.`;
    throw new StarlingError('BAD_REQUEST', text, { sequence, lastSequence });
  }
  if (firstSequence <= 1) return { sequence };
  const training = trainingDataCenter(config);
  const store = openSnapshots(bus, { ...config, ofModel: model.identity }, training);
  const decode = (bytes: Uint8Array) => decodeManifest(bytes, model.identity.name);
  const manifests = await readManifests(store, decode, log);
  const earliest = Math.min(...manifests.map(exactFrom));
  if (sequence >= earliest) return { sequence };
  const text = Number.isFinite(earliest)
    ? `the log and its snapshots reach back to sequence ${earliest}; ${sequence} is before that.`
    : `the log begins at sequence ${firstSequence}, and there is no snapshot; ${sequence} can't be restored.`;
  throw new StarlingError('BAD_REQUEST', text, { sequence, earliest });
}

/** Of the last record that was in the log at that time. */
async function sequenceAt(bus: Bus, atMs: number): Promise<number> {
  const { lastSequence } = await bus.streamState(bus.names.stream.deltas);
  let first: StreamMessage | undefined;
  let found: () => void;
  const seen = new Promise<void>((resolve) => (found = resolve));
  const tail = await bus.tail({ stream: bus.names.stream.deltas, fromTimeMs: atMs }, (message) => {
    first ??= message;
    found();
  });
  await Promise.race([seen, tail.caughtUp]);
  await tail.stop();
  return first ? first.sequence - 1 : lastSequence;
}
