import { rm } from 'node:fs/promises';
import path from 'node:path';
import type { Random } from '../../core/base/random.js';
import type { ActorStores } from './actor-stores.js';
import { LmdbActivityStore } from './lmdb-activity-store.js';
import { LmdbEntityStore } from './lmdb-entity-store.js';
import { LmdbJoinStore } from './lmdb-join-store.js';

/**
 * @param folder of one actor.
 * @param index of it: the window of the partition of the same number is where it was when a joiner had one.
 */
export function storesIn(folder: string, index: number, random: Pick<Random, 'id'>): ActorStores {
  const windowOf = (partition: number): string =>
    path.join(folder, partition === index ? 'window' : `window-${partition}`);
  const joinStore = (partition: number): LmdbJoinStore =>
    LmdbJoinStore.open(windowOf(partition), { newId: () => random.id() });
  const removeJoinStore = (partition: number): Promise<void> =>
    rm(windowOf(partition), { recursive: true, force: true });
  return {
    joinStore,
    newJoinStore: async (partition) => {
      await removeJoinStore(partition);
      return joinStore(partition);
    },
    removeJoinStore,
    entityStore: (isFeature) => new LmdbEntityStore(path.join(folder, 'features'), isFeature),
    activityStore: () => new LmdbActivityStore(path.join(folder, 'activity')),
  };
}
