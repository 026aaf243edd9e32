import { featureSnapshotMessage } from '../../messages/feature-snapshots.js';
import { parseSnapshotCommand } from '../../messages/snapshots.js';
import { saveActivity } from '../../replication/activity-snapshot-writer.js';
import { saveFeatures } from '../../replication/feature-snapshot-writer.js';
import type { ActorContext } from '../../runtime/actor.js';
import { Pace } from '../../runtime/stores/chunk-pace.js';
import type { EntityStore } from '../../runtime/stores/entity-store.js';
import { openFeatureSnapshots } from '../../runtime/stores/open-snapshots.js';
import type { openActivity } from './open-activity.js';

/** Users and items, and what is kept of them, as of one moment each, while changes go on. */
export async function writeSnapshot(
  { bus, clock, config, identity }: ActorContext,
  store: Pick<EntityStore, 'view'>,
  activity: Pick<ReturnType<typeof openActivity>, 'view'>,
  command: unknown,
) {
  const { snapshot } = parseSnapshotCommand(command);
  const snapshots = openFeatureSnapshots(bus, config, identity.dataCenter);
  const pace = new Pace(clock, config.snapshots.bytesPerSecondMax);
  const kept = await activity.view();
  const view = store.view();
  try {
    const saved = await saveFeatures(snapshots, snapshot, pace, view);
    const activitySaved = await saveActivity(snapshots, snapshot, pace, kept);
    return featureSnapshotMessage({ ...saved, activity: activitySaved });
  } finally {
    view.close();
    kept.close();
  }
}
