import { StarlingError } from '../../core/base/errors.js';
import { mainModel } from '../../messages/model-name.js';
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
  /** Snapshots of `main`, and what was put there beside: another model may begin with one. */
  readonly first: SnapshotStore;
  readonly model: string;
  /** The network before the first step. */
  readonly initial: () => NetworkState;
  /** Makes a new state durable and serves it. */
  readonly publishAll: () => Promise<void>;
}

const objectName = 'dense';

interface FoundManifest {
  readonly manifest: SnapshotManifest;
  readonly store: Pick<SnapshotStore, 'get'>;
  /** That it is of. */
  readonly model: string;
}

/** What the supervisor asks of the dense shard. */
export function denseCommands({
  log,
  ledger,
  store,
  first,
  model,
  initial,
  publishAll,
}: DenseCommandOptions) {
  /** Of the newest snapshot that is no newer than `sequence`. */
  async function fromSnapshots(sequence: number): Promise<NetworkState | undefined> {
    for (const snapshot of await store.list()) {
      const manifest = (await manifestOf(snapshot)).manifest;
      const newest = Math.max(0, ...manifest.objects.map(({ endSequence }) => endSequence));
      if (newest <= sequence && manifest.dense) return fromManifest({ manifest, store, model });
    }
    return undefined;
  }

  async function manifestOf(snapshot: string): Promise<FoundManifest> {
    const own = await store.getManifest(snapshot);
    if (own) return { manifest: decodeManifest(own, model), store, model };
    const bytes = await first.getManifest(snapshot);
    if (bytes) return { manifest: decodeManifest(bytes), store: first, model: mainModel };
    throw new StarlingError('BAD_REQUEST', `there is no snapshot ${snapshot}.`, { snapshot });
  }

  async function fromManifest(found: FoundManifest): Promise<NetworkState> {
    const { snapshot, dense } = found.manifest;
    const parts: Uint8Array[] = [];
    if (dense) for await (const chunk of found.store.get(snapshot, dense)) parts.push(chunk);
    if (parts.length > 0) return log.parseForeign(parts, found.model);
    throw new StarlingError('BAD_REQUEST', `snapshot ${snapshot} has no network.`, { snapshot });
  }

  return {
    snapshot: async (value: unknown) => {
      const { snapshot } = parseSnapshotCommand(value, model);
      return denseSnapshotReply(await store.put(snapshot, objectName, log.stateBytes()), model);
    },
    restore: async (value: unknown) => {
      const { from } = parseRestoreCommand(value, model);
      const state =
        'snapshot' in from
          ? await fromManifest(await manifestOf(from.snapshot))
          : ((await log.checkpointAt(from.sequence)) ?? (await fromSnapshots(from.sequence)));
      ledger.adopt(state ?? initial());
      await publishAll();
      return commandReply({ sequence: log.sequence, denseVersion: ledger.denseVersion }, model);
    },
  };
}
