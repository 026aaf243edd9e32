import { at, text, u8 } from '../../core/base/columns.js';
import { lanes } from '../../core/joining/event-facts.js';
import { asFields, asMessage } from '../../messages/checks.js';
import { decode } from '../../messages/codec.js';
import { columnsOf, f64OfRows, rowCountOf } from '../../messages/column-checks.js';
import { parseAdvance } from '../../messages/events.js';
import type { MemoryStream } from '../nats/memory-stream.js';

const factTable = { lanes: u8(), ids: text() } as const;

/** What a record says of time. */
interface Heard {
  readonly atMs: Float64Array;
  /** One for all, or one each. */
  readonly lanes: Uint8Array;
  readonly ids: readonly string[];
}

/**
 * How far JOIN has brought the lane of an event by the time a record is read. What one partition tells another has been in JOIN before, so
 * the newest of all partitions is as new as any window can know.
 *
 * @returns the newest watermark that a window may have at that record, milliseconds; undefined: JOIN has no live or imported event of this id.
 */
export function watermarkAt(
  join: Pick<MemoryStream, 'next'>,
  { id, sequence, latenessMs }: { id: string; sequence: number; latenessMs: number },
): number | undefined {
  const newest = Object.values(lanes).map(() => -Infinity);
  let laneOfEvent: number | undefined;
  const come = (lane: number, watermarkMs: number): void => {
    newest[lane] = Math.max(newest[lane]!, watermarkMs);
  };
  for (let next = join.next(1); next; next = join.next(next.sequence + 1)) {
    const { sequence: own, bytes } = next;
    if (own > sequence) break;
    const value = decode(bytes);
    const { kind } = asMessage(value, 'join');
    if (kind === 'advance') {
      const { watermarkMs, lane } = parseAdvance(value);
      if (watermarkMs !== 'end' && own < sequence) come(lane, watermarkMs);
    } else if (kind === 'actions' || kind === 'impressions' || kind === 'shown') {
      const heard = heardIn(value, kind);
      const place = heard.ids.indexOf(id);
      if (place >= 0) laneOfEvent ??= at(heard.lanes, place);
      if (own === sequence) continue;
      heard.atMs.forEach((ms, i) => come(at(heard.lanes, i), ms - latenessMs));
    }
  }
  return laneOfEvent === undefined ? undefined : newest[laneOfEvent];
}

function heardIn(value: unknown, what: string): Heard {
  const fields = asMessage(value, what);
  const rows = rowCountOf(fields, what);
  const own = what === 'shown' ? fields : fields['facts'];
  const facts = own === null ? {} : asFields(own, what);
  return {
    atMs: f64OfRows(fields, 'atMs', what, rows),
    ...columnsOf(factTable, facts, what, rows),
  };
}
