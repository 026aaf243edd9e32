import path from 'node:path';
import type { ClusterConfig } from '../../core/config/schema.js';
import { DirectorySnapshots } from './directory-snapshots.js';
import type { SnapshotStore } from './snapshot-store.js';
import type { SnapshotBus } from './stream-snapshots.js';
import { StreamSnapshots } from './stream-snapshots.js';

/** The snapshots of a data center, where the configuration keeps them. */
export function openSnapshots(
  bus: SnapshotBus,
  { snapshots }: Pick<ClusterConfig, 'snapshots'>,
  dataCenter: string,
): SnapshotStore {
  if (snapshots.directory !== undefined)
    return new DirectorySnapshots(path.join(snapshots.directory, bus.names.folder(dataCenter)));
  return new StreamSnapshots(bus, { stream: bus.names.stream.snapshotsAt(dataCenter), dataCenter });
}
