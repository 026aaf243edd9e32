import type { JoinProgress, JoinRecord } from '../core/joining/types.js';
import type { WindowSnapshot } from '../messages/join-snapshots.js';
import { encodeJoinRecords, encodeJoinState } from '../messages/join-snapshots.js';
import type { Pace } from '../runtime/stores/chunk-pace.js';
import type { SnapshotStore } from '../runtime/stores/snapshot-store.js';

/** Of records: a message holds five of them. Too low: a message each. */
const chunkBytes = 192 * 1024;

/** A window at one of its commits. */
export interface SavedWindow {
  /** Undefined: nothing was committed yet. */
  readonly progress: JoinProgress | undefined;
  /** By ascending number. */
  readonly records: Iterable<JoinRecord>;
}

export interface WindowPlace {
  readonly joiner: number;
  /** Of JOIN: see `WindowSnapshot`. */
  readonly sequence: number;
  /** Hash of the features that rows are made of. */
  readonly spec: string;
}

export async function saveWindow(
  store: SnapshotStore,
  snapshot: string,
  pace: Pace,
  saved: SavedWindow,
  { joiner, sequence, spec }: WindowPlace,
): Promise<WindowSnapshot> {
  const chunks = new WindowChunks(saved, spec);
  const stored = await store.put(snapshot, `joiner-${joiner}`, chunks, pace);
  return { ...stored, joiner, sequence, records: chunks.recordCount };
}

/** Encoded as they are asked for. */
class WindowChunks implements Iterable<Uint8Array> {
  readonly #saved: SavedWindow;
  readonly #spec: string;
  /** Handed out so far. */
  recordCount = 0;

  constructor(saved: SavedWindow, spec: string) {
    this.#saved = saved;
    this.#spec = spec;
  }

  *[Symbol.iterator](): Generator<Uint8Array> {
    const { progress, records } = this.#saved;
    if (!progress) return;
    yield encodeJoinState({ spec: this.#spec, progress });
    let numbers: number[] = [];
    let parts: Uint8Array[] = [];
    let room = chunkBytes;
    const chunk = (goesOn: boolean): Uint8Array => {
      const bytes = encodeJoinRecords({ numbers: Float64Array.from(numbers), parts, goesOn });
      [numbers, parts, room] = [[], [], chunkBytes];
      return bytes;
    };
    for (const { number, bytes } of records) {
      this.recordCount++;
      let start = 0;
      do {
        const part = bytes.subarray(start, start + room);
        numbers.push(number);
        parts.push(part);
        start += part.length;
        room -= part.length;
        if (room <= 0) yield chunk(start < bytes.length);
      } while (start < bytes.length);
    }
    if (numbers.length > 0) yield chunk(false);
  }
}
