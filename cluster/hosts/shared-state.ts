import type { AlarmStore } from '../alarms/alarm-store.js';
import type { DrainStore } from '../drains/drain-store.js';
import type { PlacementStore } from '../placement/placement-store.js';
import type { SupervisionLog } from '../supervision-log.js';
import type { HostRegistry } from './host-registry.js';

/** What every host knows and the leader changes. */
export interface SharedState {
  readonly events: SupervisionLog;
  readonly placement: PlacementStore;
  readonly drains: DrainStore;
  readonly alarms: AlarmStore;
  readonly registry: HostRegistry;
}
