import path from 'node:path';
import { mainModel } from '../../core/base/model-identity.js';
import type { ClusterConfig } from '../../core/config/schema.js';
import { modelOf } from '../../core/config/schema.js';
import { DirectorySnapshots } from './directory-snapshots.js';
import type { SnapshotStore } from './snapshot-store.js';
import type { SnapshotBus, SnapshotKind } from './stream-snapshots.js';
import { StreamSnapshots } from './stream-snapshots.js';

type Kept = Pick<ClusterConfig, 'snapshots' | 'ofModel'>;

/** The snapshots of a model of a data center, where the configuration keeps them; the model is that of the configuration. */
export function openSnapshots(bus: SnapshotBus, config: Kept, dataCenter: string): SnapshotStore {
  const { name } = modelOf(config);
  return openKind(bus, config, dataCenter, name === mainModel ? 'rows' : { model: name });
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
  if (typeof kind === 'object') return new DirectorySnapshots(path.join(own, 'models', kind.model));
  return new DirectorySnapshots(kind === 'rows' ? own : path.join(own, kind));
}
