import type { IsFeature } from '../../core/features/attributes.js';
import type { ActivityStore } from './activity-store.js';
import type { EntityStore } from './entity-store.js';
import type { JoinStore } from './join-store.js';

/** What an actor keeps on its host, from one of its lives to the next. */
export interface ActorStores {
  /**
   * The window of a partition of JOIN as it was left, or a new one.
   * @throws StarlingError STATE_INVALID where there is something else, STORAGE_FULL
   */
  joinStore(partition: number): JoinStore;
  /** What is there is removed first; whoever has it open closes it before. */
  newJoinStore(partition: number): Promise<JoinStore>;
  /** There may be none. Whoever has it open closes it before. */
  removeJoinStore(partition: number): Promise<void>;
  /** @throws StarlingError STATE_INVALID */
  entityStore(isFeature: IsFeature): EntityStore;
  /** @throws StarlingError STATE_INVALID */
  activityStore(): ActivityStore;
}
