import { at } from '../../core/base/columns.js';
import type { BookedEvent } from '../../messages/books.js';
import { decode } from '../../messages/codec.js';
import { f64OfRows, rowCountOf, textsIn } from '../../messages/column-checks.js';
import { parseDeadLetters, type DeadLetters } from '../../messages/dead-letters.js';
import { lastToken } from '../../messages/subjects.js';
import type { StreamMessage } from '../../runtime/bus/logs.js';
import type { EventKey } from './event-books.js';
import { sampledFlags, seen } from './event-books.js';

/** An event of a message, with its event time where the message says one. */
export interface TimedKey extends EventKey {
  readonly atMs: number | undefined;
}

/**
 * One event, a list of them, or columns; undefined where it is none of these. An event of its own accord, which names no request, is
 * known by its id, and by its place in RAW where it brings none.
 *
 * @param position of the message in RAW: `<data center>:<sequence>`.
 * @param indices of events that are part of a list, in the list.
 */
export function keysOf(
  value: unknown,
  position = '',
  indices?: readonly (number | undefined)[],
): TimedKey[] | undefined {
  if (isImport(value)) return keysOf(value.actions);
  const place = (i: number): string => `${position}.${indices?.[i] ?? i}`;
  if (Array.isArray(value)) return value.flatMap((each, i) => keyOf(each, place(i)) ?? []);
  const columns = columnKeysOf(value);
  if (columns) return columns;
  const key = keyOf(value, place(0));
  return key && [key];
}

/** Undefined where they are no columns. One entry may stand for all rows, and any of them may be packed. */
function columnKeysOf(value: unknown): TimedKey[] | undefined {
  const fields = (value ?? {}) as Readonly<Record<string, unknown>>;
  const rowCount = readable(() => rowCountOf(fields, '')) ?? lengthOf(fields['items']);
  if (rowCount === undefined) return undefined;
  const requestIds = textsIn(fields['requestIds'], rowCount);
  const items = textsIn(fields['items'], rowCount);
  if (!requestIds || !items) return undefined;
  const times = readable(() => f64OfRows(fields, 'atMs', '', rowCount));
  const { ids } = (fields['facts'] ?? {}) as { ids?: unknown };
  const known = textsIn(ids, rowCount);
  return Array.from({ length: rowCount }, (_row, row) => {
    const requestId = at(requestIds, row);
    const id = known && at(known, row);
    return {
      requestId: requestId === '' && id !== undefined ? id : requestId,
      item: at(items, row),
      atMs: times && at(times, row),
    };
  });
}

/** Of a list, as of a batch that does not say how many rows it has. */
function lengthOf(value: unknown): number | undefined {
  return Array.isArray(value) ? value.length : undefined;
}

/** Undefined for what can't be read: who reads the message in earnest says what is wrong with it. */
function readable<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

function keyOf(value: unknown, place: string): TimedKey | undefined {
  const fields = (value ?? {}) as Readonly<Record<string, unknown>>;
  const { requestId, item, id, user, visitor } = fields;
  if (!isId(item)) return undefined;
  const known = { item: String(item), atMs: undefined };
  if (isId(requestId)) return { requestId: String(requestId), ...known };
  if (!isId(user) && !isId(visitor)) return undefined;
  return { requestId: isId(id) ? String(id) : place, ...known };
}

function isId(id: unknown): id is string | number {
  return typeof id === 'string' || typeof id === 'number';
}

/** Of a message of RAW, by its subject. */
export function positionIn(subject: string, sequence: number): string {
  return `${subject.split('.').at(-2)}:${sequence}`;
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

/** Of all events in a message of RAW; none where it can't be read. */
export function keysIn({ bytes, subject, sequence }: StreamMessage): TimedKey[] {
  return keysOf(tryDecode(bytes), positionIn(subject, sequence)) ?? [];
}

/** A record of JOIN that an importer has written: JOIN is where its events were accepted. */
export function isImport(value: unknown): value is { readonly actions: unknown } {
  return (value as { kind?: unknown } | null | undefined)?.kind === 'import';
}

export interface SampleKey {
  /** Undefined: of an event of its own accord, which is of no impression. */
  readonly key: TimedKey | undefined;
  /** Which outcomes it has (event-books.ts). */
  readonly flags: number;
}

/** Of the samples in a message. */
export function sampleKeysIn({ bytes }: StreamMessage): SampleKey[] {
  const value = tryDecode(bytes);
  const { outcomes } = (value ?? {}) as { outcomes?: Readonly<Record<string, OutcomeMasks>> };
  const columns = Object.values(outcomes ?? {});
  return (keysOf(value) ?? []).map((key, row) => ({
    key: key.requestId === '' ? undefined : key,
    flags: flagsOf(columns, row),
  }));
}

/** Of a sample that does not say which outcomes it has: the first. */
function flagsOf(columns: readonly Partial<OutcomeMasks>[], row: number): number {
  if (columns.length === 0) return seen.sampled;
  return columns.reduce((flags, { masks }, i) => {
    const isKnown = !masks || masks[masks.length === 1 ? 0 : row] === 1;
    return isKnown ? flags | (sampledFlags[i] ?? 0) : flags;
  }, 0);
}

interface OutcomeMasks {
  readonly masks: Uint8Array;
}

/** What a message of RAW offers; undefined: nothing that is counted. */
export function offeredEvent({ subject }: StreamMessage): BookedEvent | undefined {
  return eventOfType(lastToken(subject));
}

export function eventOfType(type: string): BookedEvent | undefined {
  if (type === 'impression') return 'impressions';
  return type === 'action' || type === 'event' ? 'actions' : undefined;
}

/** Undefined for records of JOIN that are no events, or that partitions tell each other. */
export function joinedEvent(value: unknown): BookedEvent | undefined {
  if (isImport(value)) return 'actions';
  const kind = (value as { kind?: unknown } | undefined)?.kind;
  return kind === 'impressions' || kind === 'actions' ? kind : undefined;
}
