import { rm } from 'node:fs/promises';
import path from 'node:path';
import type { Random } from '../../core/base/random.js';
import type { ActorStores } from './actor-stores.js';
import { LmdbActivityStore } from './lmdb-activity-store.js';
import { LmdbEntityStore } from './lmdb-entity-store.js';
import { LmdbJoinStore } from './lmdb-join-store.js';

/** @param folder of one actor. */
export function storesIn(folder: string, random: Pick<Random, 'id'>): ActorStores {
  const window = path.join(folder, 'window');
  const joinStore = (): LmdbJoinStore => LmdbJoinStore.open(window, { newId: () => random.id() });
  return {
    joinStore,
    newJoinStore: async () => {
      await rm(window, { recursive: true });
      return joinStore();
    },
    entityStore: () => new LmdbEntityStore(path.join(folder, 'features')),
    activityStore: () => new LmdbActivityStore(path.join(folder, 'activity')),
  };
}
