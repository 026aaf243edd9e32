import { sleep } from '../../core/base/clock.js';
import { StarlingError } from '../../core/base/errors.js';
import { windowSnapshotMessage } from '../../messages/join-snapshots.js';
import { parseSnapshotCommand } from '../../messages/snapshots.js';
import { saveWindow } from '../../replication/join-snapshot-writer.js';
import type { ActorContext } from '../../runtime/actor.js';
import { Pace } from '../../runtime/stores/chunk-pace.js';
import type { JoinStore } from '../../runtime/stores/join-store.js';
import { openWindowSnapshots } from '../../runtime/stores/open-snapshots.js';
import type { JoinOutbox } from './join-outbox.js';

const pollMs = 5;
/**
 * For the mark to be read, and for all to be published: one after the other, snapshots of rows wait for this one. Too low: a busy joiner has
 * none. Too high: one that is far behind, or whose samples nobody takes, holds the others up.
 */
const waitMsMax = 60_000;

export interface SaveWindowPorts {
  readonly context: Pick<ActorContext, 'bus' | 'clock' | 'config' | 'identity'>;
  /** Of JOIN. */
  readonly partition: number;
  readonly store: Pick<JoinStore, 'view'>;
  readonly outbox: Pick<JoinOutbox, 'committed' | 'hasPublished'>;
  /** Hash of the features that rows are made of. */
  readonly spec: string;
  /** Appends a record to JOIN that changes nothing; resolves with its sequence. */
  readonly mark: () => Promise<number>;
  readonly isStopping: () => boolean;
}

/**
 * Writes the window as it is at a commit, while it goes on. The commit is one behind a mark in JOIN: so the snapshot of a joiner
 * that nobody sends anything to is as new as that of a busy one, and JOIN can be trimmed behind both. It is answered, and so gets its
 * manifest, when all that came of that commit and of those before is published: who begins with it has nothing to say of what is before.
 */
export async function snapshotOf(ports: SaveWindowPorts, request: unknown) {
  const { context, partition, store, outbox, spec, mark } = ports;
  const { bus, clock, config, identity } = context;
  const { snapshot } = parseSnapshotCommand(request);
  const marked = await mark();
  await until(ports, () => outbox.committed >= marked);
  const view = store.view();
  try {
    const { bytesPerSecondMax } = config.snapshots;
    const saved = await saveWindow(
      openWindowSnapshots(bus, config, identity.dataCenter),
      snapshot,
      new Pace(clock, bytesPerSecondMax),
      { progress: view.progress, records: whileRunning(ports, view.records) },
      { joiner: partition, sequence: view.consumed['join'] ?? 0, spec },
    );
    await until(ports, () => outbox.hasPublished(view.outboxNumberLast));
    return windowSnapshotMessage(saved);
  } finally {
    view.close();
  }
}

async function until(ports: SaveWindowPorts, holds: () => boolean): Promise<void> {
  const { clock, identity } = ports.context;
  const endMs = clock.nowMs() + waitMsMax;
  while (!holds()) {
    requireRunning(ports);
    if (clock.nowMs() > endMs) {
      const text = `${identity.address} is too far behind for a snapshot: what came of partition ${ports.partition} of JOIN up to now was not published in ${waitMsMax / 1000} s.`;
      throw new StarlingError('TIMEOUT', text);
    }
    await sleep(clock, pollMs);
  }
}

function* whileRunning<T>(ports: SaveWindowPorts, records: Iterable<T>): Generator<T> {
  for (const record of records) {
    requireRunning(ports);
    yield record;
  }
}

function requireRunning({ context, isStopping }: SaveWindowPorts): void {
  if (!isStopping()) return;
  throw new StarlingError('UNAVAILABLE', `${context.identity.address} stops.`);
}
