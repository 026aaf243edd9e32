import { constants } from 'node:buffer';
import path from 'node:path';
import { StarlingError, codeOf, messageOf } from '../core/base/errors.js';
import { parseJson, textOfUtf8 } from '../core/base/json-text.js';
import { checkedEvent } from '../client/ingest.js';
import { isRecord } from '../messages/checks.js';
import { isEntityEvent, publicEvent } from '../messages/public.js';
import type { EventType } from '../messages/subjects.js';
import { UnknownKeys } from '../messages/unknown-keys.js';
import { openDelimited } from '../importing/delimited-file.js';
import { bytesOf, headOf } from '../importing/file-bytes.js';
import { fileError } from '../importing/file-error.js';
import { encodingOf, textOf as decoded } from '../importing/file-text.js';
import { FileTimes, type FileTimesOptions } from '../importing/file-times.js';
import { formatOf } from '../importing/open-file.js';
import type { RowFile, TakeBad } from '../importing/row-file.js';

/** Events as people write them down, checked; a mistake names the line and the field. */

/** @throws StarlingError FILE_INVALID. */
export async function readEventFile(
  type: EventType,
  file: string,
  strange = new UnknownKeys(),
  options: FileTimesOptions = {},
): Promise<unknown[]> {
  const name = path.basename(file);
  const bytes = await headOf(file);
  const text = encodingOf(file, bytes.head);
  // What is in a file decides, and not how it is called.
  const format = formatOf(bytes.head, text.skip);
  if (format === 'parquet') throw fileError(file, 'is Parquet: starling import reads it');
  if (format === 'delimited')
    return readRowEvents(type, openDelimited({ path: file, name, bytes, text }), options);
  const parts: string[] = [];
  let length = 0;
  const read = () => decoded(file, bytesOf(file, bytes.compression), text);
  for await (const part of read()) {
    parts.push(part);
    length += part.length;
    // No string is so long. One document might be, but who has so much writes a line for each.
    if (length > constants.MAX_STRING_LENGTH)
      return readLines(read(), new EventList({ type, name, strange, options }));
  }
  return readEventText(type, parts.join(''), name, strange, options);
}

async function readLines(parts: AsyncIterable<string>, list: EventList): Promise<unknown[]> {
  let rest = '';
  let number = 0;
  for await (const part of parts) {
    const lines = (rest + part).split('\n');
    rest = lines.pop()!;
    for (const line of lines) list.takeLine(line, ++number);
  }
  list.takeLine(rest, ++number);
  return list.end();
}

/** Without its byte order mark. @throws StarlingError FILE_INVALID for another encoding. */
function textOf(bytes: Uint8Array, name: string): string {
  try {
    return textOfUtf8(bytes);
  } catch (cause) {
    throw new StarlingError('FILE_INVALID', `${name}: ${messageOf(cause)}.`, { name }, { cause });
  }
}

/**
 * One JSON object, a list, or one object per line.
 * @param name of where the text came from. @param strange takes keys that are ignored.
 */
export function readEventText(
  type: EventType,
  text: string,
  name: string,
  strange = new UnknownKeys(),
  options: FileTimesOptions = {},
): unknown[] {
  const list = new EventList({ type, name, strange, options });
  const whole = parsedWhole(text);
  if (whole)
    whole.forEach((event, i) => list.take(event, whole.length > 1 ? `event ${i + 1}` : ''));
  else for (const [i, line] of text.split('\n').entries()) list.takeLine(line, i + 1);
  return list.end();
}

interface ListOptions {
  readonly type: EventType;
  /** Of where the events came from. */
  readonly name: string;
  readonly strange: UnknownKeys;
  readonly options: FileTimesOptions;
}

/** Events as they come, each checked; a mistake names the place. */
class EventList {
  readonly #options: ListOptions;
  readonly #times: FileTimes;
  readonly #events: unknown[] = [];

  constructor(options: ListOptions) {
    this.#options = options;
    this.#times = new FileTimes(options.name, options.options);
  }

  take(event: unknown, place: string): void {
    const { type, name, strange } = this.#options;
    const at = place === '' ? name : `${name} ${place}`;
    strange.note(type, event);
    const timed = withTimeOf(event, this.#times, place);
    if (timed !== 'never') this.#events.push(checked(type, timed, at));
  }

  takeLine(line: string, number: number): void {
    const place = `line ${number}`;
    if (line.trim() !== '') this.take(parsedLine(line, `${this.#options.name} ${place}`), place);
  }

  end(): unknown[] {
    this.#times.tell();
    if (this.#events.length > 0) return this.#events;
    const text = `${this.#options.name}: there are no events${timesNote(this.#times)}.`;
    throw new StarlingError('FILE_INVALID', text);
  }
}

export async function readStdin(): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of process.stdin) parts.push(part as Buffer);
  return textOf(Buffer.concat(parts), 'standard input');
}

/** Undefined where the text is not one JSON document; it may still be one per line. */
function parsedWhole(text: string): unknown[] | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) ? (value as unknown[]) : [value];
  } catch {
    return undefined; // Judged line by line, where the mistake has a place.
  }
}

function parsedLine(line: string, at: string): unknown {
  try {
    return parseJson(line);
  } catch (cause) {
    throw new StarlingError(
      'FILE_INVALID',
      `${at}: expected JSON: ${messageOf(cause).replace(/^line 1, /, '')}.`,
      { at },
      { cause },
    );
  }
}

function checked(type: EventType, event: unknown, at: string): unknown {
  try {
    return checkedEvent(type, event);
  } catch (cause) {
    if (codeOf(cause) !== 'BAD_EVENT') throw cause;
    const { details } = cause as StarlingError;
    throw new StarlingError(
      'FILE_INVALID',
      `${at}: ${messageOf(cause)}`,
      { ...details, at },
      { cause },
    );
  }
}

/** Columns that must be there; other fields of the event are columns of their names, and what is left is context. */
const required: Readonly<Record<EventType, readonly string[]>> = {
  ...{ event: ['item'], action: ['item'], impression: ['requestId', 'item'] },
  ...{
    shown: ['requestId', 'items'],
    alias: ['visitor', 'user'],
    merge: ['from', 'to'],
    erase: [],
    ...{ features: [], items: ['item'], users: ['user'] },
  },
};
const numeric = ['timestamp', 'score', 'label', 'value', 'quantity'];

async function readRowEvents(
  type: EventType,
  file: RowFile,
  options: FileTimesOptions,
): Promise<unknown[]> {
  const events: unknown[] = [];
  const { name } = file;
  const times = new FileTimes(name, options);
  requireColumns(file, required[type]);
  for await (const { columns, rows, lines } of file.batches(refuse(file))) {
    const judgedByLabel = !isEntityEvent(type) && !columns.includes('type');
    for (const [r, row] of rows.entries()) {
      const at = `${name} line ${lines[r]}`;
      // Blanks are nothing, as they look: a number made of them would be 0, a dislike.
      const given = columns
        .map((column, c) => [column, String(row[c])] as const)
        .filter(([, value]) => value.trim() !== '');
      if (judgedByLabel && columns.includes('label') && !given.some(([name]) => name === 'label')) {
        const text = `${at}: label: expected 0 or 1; got nothing.`;
        throw new StarlingError('FILE_INVALID', text, { field: 'label', at });
      }
      if (isEntityEvent(type)) {
        const fields = Object.fromEntries(given);
        events.push(
          checked(type, type === 'features' ? featuresOf(columns, given, at) : fields, at),
        );
        continue;
      }
      const timed = withTime(given, times, lines[r]!);
      if (timed) events.push(checked(type, eventOf(type, timed, at), at));
    }
  }
  times.tell();
  if (events.length > 0) return events;
  const text = `${name}: there are no events${timesNote(times)}.`;
  throw new StarlingError('FILE_INVALID', text, { field: 'timestamp' });
}

function requireColumns({ path, columns }: RowFile, names: readonly string[]): void {
  const missing = names.filter((each) => !columns.includes(each));
  if (missing.length === 0) return;
  const text = `the header has no column ${missing.join(', ')}; it has ${columns.join(', ')}`;
  throw fileError(path, text, { line: 1, field: missing[0] });
}

/** One bad row, and nothing of the file is sent. */
function refuse({ path }: RowFile): TakeBad {
  return ({ line, text, column }) => {
    throw fileError(path, text, { line, ...(column === undefined ? {} : { field: column }) });
  };
}

/** Why there is nothing. */
function timesNote(times: FileTimes): string {
  return times.leftOut > 0 ? ' with a time before 2096' : '';
}

/** As in a file of columns. What is no time stays, and is named by the check. */
function withTimeOf(event: unknown, times: FileTimes, place: string): unknown {
  if (!isRecord(event)) return event;
  const { timestamp } = event;
  if (typeof timestamp !== 'number' && typeof timestamp !== 'string') return event;
  const time = times.read(String(timestamp), place);
  if (time === 'never') return time;
  return time === undefined ? event : { ...event, timestamp: time };
}

/** With its time in seconds; what is no time stays, and is named by the check. Undefined for a date that stands for none. */
function withTime(
  given: readonly (readonly [string, string])[],
  times: FileTimes,
  line: number,
): readonly (readonly [string, string])[] | undefined {
  const written = given.find(([name]) => name === 'timestamp')?.[1];
  const time = written === undefined ? undefined : times.read(written, `line ${line}`);
  if (time === 'never') return undefined;
  if (time === undefined) return given;
  return given.map(([name, value]) => [name, name === 'timestamp' ? String(time) : value]);
}

/** `item,…` or `user,…`: the first of the two columns that is there names the entity. */
function featuresOf(
  columns: readonly string[],
  given: readonly (readonly [string, string])[],
  at: string,
): unknown {
  const entity = columns.find((name) => name === 'item' || name === 'user');
  if (entity === undefined) {
    const text = `${at}: expected a column item or user, got ${columns.join(', ')}.`;
    throw new StarlingError('FILE_INVALID', text, { field: 'entity' });
  }
  const fields = Object.fromEntries(given);
  const { [entity]: id, ...features } = fields;
  return { entity, id, features };
}

function eventOf(
  type: EventType,
  given: readonly (readonly [string, string])[],
  at: string,
): unknown {
  const own = Object.keys(publicEvent[type].shape);
  // Of old an action had none, and its file names what is wrong in it.
  const hasContext = own.includes('context') && type !== 'action';
  const isOwn = (name: string): boolean => own.includes(name) && name !== 'context';
  const stranger = given.find(([name]) => !isOwn(name));
  if (!hasContext && stranger) {
    const text = `${at}: ${stranger[0]}: expected the columns ${own.join(', ')}.`;
    throw new StarlingError('FILE_INVALID', text, { field: stranger[0] });
  }
  const fields = given
    .filter(([name]) => isOwn(name))
    .map(([name, value]) => [name, valueOf(name, value)]);
  const context = Object.fromEntries(given.filter(([name]) => !isOwn(name)));
  return { ...Object.fromEntries(fields), ...(hasContext ? { context } : {}) };
}

/** Several items of one request stand in one field. */
function valueOf(name: string, value: string): unknown {
  if (name === 'items') return value.split('|');
  return numeric.includes(name) ? numberOr(value) : value;
}

/** What is no number stays as it is, and is named by the check. */
function numberOr(text: string): number | string {
  const value = Number(text);
  return Number.isNaN(value) ? text : value;
}
