import { StarlingError } from '../../core/base/errors.js';
import { commandReply } from '../../messages/ownership.js';
import type { SnapshotManifest } from '../../messages/snapshots.js';
import {
  decodeManifest,
  denseSnapshotReply,
  parseRestoreCommand,
  parseSnapshotCommand,
} from '../../messages/snapshots.js';
import type { SnapshotStore } from '../../runtime/stores/snapshot-store.js';
import type { DenseLedger, NetworkState } from './dense-ledger.js';
import type { DenseLog } from './dense-log.js';

export interface DenseCommandOptions {
  readonly log: DenseLog;
  readonly ledger: DenseLedger;
  readonly store: SnapshotStore;
  /** The network before the first step. */
  readonly initial: () => NetworkState;
  /** Makes a new state durable and serves it. */
  readonly publishAll: () => Promise<void>;
}

const objectName = 'dense';

/** What the supervisor asks of the dense shard. */
export function denseCommands({ log, ledger, store, initial, publishAll }: DenseCommandOptions) {
  /** Of the newest snapshot that is no newer than `sequence`. */
  async function fromSnapshots(sequence: number): Promise<NetworkState | undefined> {
    for (const snapshot of await store.list()) {
      const manifest = await manifestOf(snapshot);
      const newest = Math.max(0, ...manifest.objects.map(({ endSequence }) => endSequence));
      if (newest <= sequence && manifest.dense) return fromManifest(manifest);
    }
    return undefined;
  }

  async function manifestOf(snapshot: string): Promise<SnapshotManifest> {
    const bytes = await store.getManifest(snapshot);
    if (bytes) return decodeManifest(bytes);
    throw new StarlingError('BAD_REQUEST', `there is no snapshot ${snapshot}.`, { snapshot });
  }

  async function fromManifest({ snapshot, dense }: SnapshotManifest): Promise<NetworkState> {
    const parts: Uint8Array[] = [];
    if (dense) for await (const chunk of store.get(snapshot, dense)) parts.push(chunk);
    if (parts.length > 0) return log.parseForeign(parts);
    throw new StarlingError('BAD_REQUEST', `snapshot ${snapshot} has no network.`, { snapshot });
  }

  return {
    snapshot: async (value: unknown) => {
      const { snapshot } = parseSnapshotCommand(value);
      return denseSnapshotReply(await store.put(snapshot, objectName, log.stateBytes()));
    },
    restore: async (value: unknown) => {
      const { from } = parseRestoreCommand(value);
      const state =
        'snapshot' in from
          ? await fromManifest(await manifestOf(from.snapshot))
          : ((await log.checkpointAt(from.sequence)) ?? (await fromSnapshots(from.sequence)));
      ledger.adopt(state ?? initial());
      await publishAll();
      return commandReply({ sequence: log.sequence, denseVersion: ledger.denseVersion });
    },
  };
}
