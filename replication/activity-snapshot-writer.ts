import type { ActivityState } from '../core/activity/activity-state.js';
import type { ActivitySnapshot } from '../messages/activity-snapshots.js';
import { encodeActivityRows } from '../messages/activity-snapshots.js';
import { encode } from '../messages/codec.js';
import type { ActivityPlace } from '../runtime/stores/activity-store.js';
import type { Pace } from '../runtime/stores/chunk-pace.js';
import type { SnapshotStore } from '../runtime/stores/snapshot-store.js';

/** Of states as they are stored: encoded in a chunk they are about as long. */
const chunkBytesAbout = 192 * 1024;

/** One moment of what is kept. */
export interface SavedActivity {
  readonly place: ActivityPlace;
  states(): Iterable<readonly [key: string, state: ActivityState]>;
}

export async function saveActivity(
  store: SnapshotStore,
  snapshot: string,
  pace: Pace,
  source: SavedActivity,
): Promise<ActivitySnapshot> {
  const chunks = new ActivityChunks(source.states());
  const stored = await store.put(snapshot, 'activity', chunks, pace);
  return { ...stored, ...source.place, rows: chunks.rowCount };
}

/** Encoded as they are asked for. */
class ActivityChunks implements Iterable<Uint8Array> {
  readonly #states: ReturnType<SavedActivity['states']>;
  /** Handed out so far. */
  rowCount = 0;

  constructor(states: ReturnType<SavedActivity['states']>) {
    this.#states = states;
  }

  *[Symbol.iterator](): Generator<Uint8Array> {
    let keys: string[] = [];
    let states: ActivityState[] = [];
    let bytes = 0;
    for (const [key, state] of this.#states) {
      const size = key.length + encode(state).length;
      if (keys.length > 0 && bytes + size > chunkBytesAbout) {
        yield encodeActivityRows({ keys, states });
        [keys, states, bytes] = [[], [], 0];
      }
      keys.push(key);
      states.push(state);
      bytes += size;
      this.rowCount++;
    }
    if (keys.length > 0) yield encodeActivityRows({ keys, states });
  }
}
