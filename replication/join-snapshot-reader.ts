import { StarlingError } from '../core/base/errors.js';
import type { JoinRecord } from '../core/joining/types.js';
import type { JoinSnapshotState } from '../messages/join-snapshots.js';
import { decodeJoinRecords, decodeJoinState } from '../messages/join-snapshots.js';

export interface WindowTarget {
  /** Of one chunk, by ascending number. */
  add(records: readonly JoinRecord[]): Promise<void>;
}

/**
 * Fills a store with the records of a snapshot.
 *
 * @param accepts throws where the window of this state is of no use.
 * @throws StarlingError SNAPSHOT_CORRUPT, BAD_MESSAGE, UNSUPPORTED_VERSION, CORRUPT; what was added is no window then.
 */
export async function loadWindow(
  chunks: AsyncIterable<Uint8Array>,
  target: WindowTarget,
  accepts: (state: JoinSnapshotState) => void,
): Promise<JoinSnapshotState> {
  let state: JoinSnapshotState | undefined;
  let begun: { readonly number: number; readonly parts: Uint8Array[] } | undefined;
  for await (const chunk of chunks) {
    if (!state) {
      state = decodeJoinState(chunk);
      accepts(state);
      continue;
    }
    const { numbers, parts, goesOn } = decodeJoinRecords(chunk);
    const records: JoinRecord[] = [];
    parts.forEach((part, i) => {
      const number = numbers[i]!;
      const before = i === 0 ? begun : undefined;
      if (before && before.number !== number) throw incomplete(before.number);
      const whole = before ? [...before.parts, part] : [part];
      begun = undefined;
      if (goesOn && i === parts.length - 1) begun = { number, parts: whole };
      else records.push({ number, bytes: whole.length === 1 ? part : Buffer.concat(whole) });
    });
    await target.add(records);
  }
  if (begun) throw incomplete(begun.number);
  if (!state) throw new StarlingError('CORRUPT', 'the snapshot of a window is empty.');
  return state;
}

function incomplete(number: number): StarlingError {
  return new StarlingError('CORRUPT', `record ${number} of a window goes on, and does not end.`);
}
