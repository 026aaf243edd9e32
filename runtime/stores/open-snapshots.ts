import path from 'node:path';
import type { ClusterConfig } from '../../core/config/schema.js';
import { DirectorySnapshots } from './directory-snapshots.js';
import type { SnapshotStore } from './snapshot-store.js';
import type { SnapshotBus, SnapshotKind } from './stream-snapshots.js';
import { StreamSnapshots } from './stream-snapshots.js';

type Kept = Pick<ClusterConfig, 'snapshots'>;

/** The snapshots of rows of a data center, where the configuration keeps them. */
export function openSnapshots(bus: SnapshotBus, config: Kept, dataCenter: string): SnapshotStore {
  return openKind(bus, config, dataCenter, 'rows');
}

/** Its snapshots of users and items, in the same place. */
export function openFeatureSnapshots(
  bus: SnapshotBus,
  config: Kept,
  dataCenter: string,
): SnapshotStore {
  return openKind(bus, config, dataCenter, 'features');
}

/** The snapshots of the windows of joiners, in the same place. */
export function openWindowSnapshots(
  bus: SnapshotBus,
  config: Kept,
  dataCenter: string,
): SnapshotStore {
  return openKind(bus, config, dataCenter, 'windows');
}

function openKind(
  bus: SnapshotBus,
  { snapshots: { directory } }: Kept,
  dataCenter: string,
  kind: SnapshotKind,
): SnapshotStore {
  const { stream, folder } = bus.names;
  if (directory === undefined)
    return new StreamSnapshots(bus, { stream: stream.snapshotsAt(dataCenter), dataCenter, kind });
  const own = path.join(directory, folder(dataCenter));
  return new DirectorySnapshots(kind === 'rows' ? own : path.join(own, kind));
}
