import type { BookedEvent } from '../../messages/books.js';
import { decode } from '../../messages/codec.js';
import { parseDeadLetters, type DeadLetters } from '../../messages/dead-letters.js';
import { lastToken } from '../../messages/subjects.js';
import type { StreamMessage } from '../../runtime/bus/logs.js';
import type { EventKey } from './event-books.js';

/** An event of a message, with its event time where the message says one. */
export interface TimedKey extends EventKey {
  readonly atMs: number | undefined;
}

/** One event, a list of them, or columns; undefined where it is none of these. */
export function keysOf(value: unknown): TimedKey[] | undefined {
  if (Array.isArray(value)) return value.flatMap((each) => keyOf(each) ?? []);
  const { requestIds, items, atMs } = (value ?? {}) as Readonly<Record<string, unknown>>;
  if (Array.isArray(requestIds) && Array.isArray(items)) {
    const times = atMs instanceof Float64Array ? atMs : new Float64Array(0);
    // One entry may stand for all rows, as in every column.
    const idOf = (row: number): unknown => requestIds[requestIds.length === 1 ? 0 : row];
    return items.map((item, row) => ({
      requestId: String(idOf(row)),
      item: String(item),
      atMs: times[times.length === 1 ? 0 : row],
    }));
  }
  const key = keyOf(value);
  return key && [key];
}

function keyOf(value: unknown): TimedKey | undefined {
  const { requestId, item } = (value ?? {}) as { requestId?: unknown; item?: unknown };
  const isId = (id: unknown): id is string | number =>
    typeof id === 'string' || typeof id === 'number';
  return isId(requestId) && isId(item)
    ? { requestId: String(requestId), item: String(item), atMs: undefined }
    : undefined;
}

export function tryDecode(bytes: Uint8Array): unknown {
  try {
    return decode(bytes);
  } catch {
    // Whoever processes it refuses it too, and it is a dead letter then.
    return undefined;
  }
}

/** Undefined for what is none. */
export function lettersIn({ bytes }: StreamMessage): DeadLetters | undefined {
  try {
    return parseDeadLetters(decode(bytes));
  } catch {
    // What it has refused will be missed, and that is told.
    return undefined;
  }
}

/** Of all events in a message; none where it can't be read. */
export function keysIn({ bytes }: StreamMessage): TimedKey[] {
  return keysOf(tryDecode(bytes)) ?? [];
}

/** What a message of RAW offers; undefined: nothing that is counted. */
export function offeredEvent({ subject }: StreamMessage): BookedEvent | undefined {
  return eventOfType(lastToken(subject));
}

export function eventOfType(type: string): BookedEvent | undefined {
  if (type === 'impression') return 'impressions';
  return type === 'action' ? 'actions' : undefined;
}

/** Undefined for records of JOIN that are no events, or that partitions tell each other. */
export function joinedEvent(value: unknown): BookedEvent | undefined {
  const kind = (value as { kind?: unknown } | undefined)?.kind;
  return kind === 'impressions' || kind === 'actions' ? kind : undefined;
}
