import { carriedRecord } from '../core/joining/carried-records.js';
import type { PointerBatch, SentRecord, ShownBatch } from '../core/joining/types.js';
import type { Fields } from './checks.js';
import { asFields, asMessage, number, text, wrong } from './checks.js';
import { protocolVersion } from './codec.js';
import { columnsOf, f64OfRows, rowCountOf, shared, textsOfRows } from './column-checks.js';
import { at, f64, u32, u8 } from '../core/base/columns.js';
import type { ExampleSpec } from './example-columns.js';
import { requireKnownSpec } from './example-columns.js';

/** Records of JOIN beside impressions, actions and what the clock says (events.ts). */

const laneTable = { lanes: u8() } as const;

/** What was on screen, of what was offered. */
export function shownMessage({ requestIds, items, atMs, lanes }: ShownBatch) {
  return {
    v: protocolVersion,
    kind: 'shown',
    rowCount: items.length,
    requestIds: shared(requestIds),
    items,
    atMs: shared(atMs),
    lanes: shared(lanes),
  };
}

/** @throws StarlingError BAD_MESSAGE */
export function parseShown(value: unknown): ShownBatch {
  const what = 'shown';
  const fields = asMessage(value, what);
  const rows = rowCountOf(fields, what);
  return { ...rowsIn(fields, what, rows), ...columnsOf(laneTable, fields, what, rows) };
}

function rowsIn(fields: Fields, what: string, rows: number) {
  return {
    requestIds: textsOfRows(fields, 'requestIds', what, rows),
    items: textsOfRows(fields, 'items', what, rows),
    atMs: f64OfRows(fields, 'atMs', what, rows),
  };
}

export function selectShown(batch: ShownBatch, indices: readonly number[]): ShownBatch {
  const { requestIds, items, atMs, lanes } = batch;
  return {
    requestIds: indices.map((i) => requestIds[i]!),
    items: indices.map((i) => items[i]!),
    atMs: Float64Array.from(indices, (i) => atMs[i]!),
    lanes: Uint8Array.from(indices, (i) => at(lanes, i)),
  };
}

/** Of impressions of requests that others have named: in which partition they are. By column. */
export interface PointerRecord {
  readonly requestIds: string[];
  readonly items: string[];
  /** Event time of the impressions, milliseconds. */
  readonly atMs: number[];
  readonly partitions: number[];
  readonly lanes: number[];
}

export function pointersMessage({ requestIds, items, atMs, partitions, lanes }: PointerRecord) {
  return {
    v: protocolVersion,
    kind: 'pointers',
    rowCount: items.length,
    requestIds: shared(requestIds),
    items,
    atMs: shared(Float64Array.from(atMs)),
    partitions: shared(Uint32Array.from(partitions)),
    lanes: shared(Uint8Array.from(lanes)),
  };
}

const pointerTable = { lanes: u8(), partitions: u32() } as const;

/** @throws StarlingError BAD_MESSAGE */
export function parsePointers(value: unknown): PointerBatch {
  const what = 'pointers';
  const fields = asMessage(value, what);
  const rows = rowCountOf(fields, what);
  return { ...rowsIn(fields, what, rows), ...columnsOf(pointerTable, fields, what, rows) };
}

/** That visitors are users from now on, by column. All as people (core/joining/person-event.ts). */
export interface AliasRecord {
  readonly visitors: readonly string[];
  readonly users: readonly string[];
  /** When it was accepted, one entry for all, or one each; Infinity: not told, as before there were erasures. */
  readonly atMs: Float64Array;
}

const aliasTable = { atMs: f64(Infinity) } as const;

export function aliasMessage({ visitors, users, atMs }: AliasRecord) {
  return {
    ...{ v: protocolVersion, kind: 'alias', rowCount: visitors.length },
    visitors: shared(visitors),
    users: shared(users),
    atMs: shared(atMs),
  };
}

/** @throws StarlingError BAD_MESSAGE */
export function parseAlias(value: unknown): AliasRecord {
  const fields = asMessage(value, 'alias');
  const rows = rowCountOf(fields, 'alias');
  return {
    visitors: textsOfRows(fields, 'visitors', 'alias', rows),
    users: textsOfRows(fields, 'users', 'alias', rows),
    ...columnsOf(aliasTable, fields, 'alias', rows),
  };
}

/** That people are to be forgotten, by column; the same record goes to every partition. */
export interface EraseRecord {
  readonly persons: readonly string[];
  /** When it was accepted: one entry for all, or one each. */
  readonly atMs: Float64Array;
}

const eraseTable = { atMs: f64() } as const;

export function eraseMessage({ persons, atMs }: EraseRecord) {
  return {
    ...{ v: protocolVersion, kind: 'erase', rowCount: persons.length },
    persons: shared(persons),
    atMs: shared(atMs),
  };
}

/** @throws StarlingError BAD_MESSAGE */
export function parseErase(value: unknown): EraseRecord {
  const fields = asMessage(value, 'erase');
  const rows = rowCountOf(fields, 'erase');
  const { atMs } = columnsOf(eraseTable, fields, 'erase', rows);
  if (!atMs.every((each) => Number.isFinite(each)))
    throw wrong('erase', 'atMs', 'times', [...atMs]);
  return { persons: textsOfRows(fields, 'persons', 'erase', rows), atMs };
}

type ToldRecord = Omit<SentRecord, 'to'>;

/** What one partition tells another, in the words of the join (core/joining/sent-contents.ts), in order. */
export function sentMessage(spec: ExampleSpec, records: readonly ToldRecord[]) {
  return {
    ...{ v: protocolVersion, kind: 'sent', specHash: spec.hash },
    records: records.map(({ source, number: own, isTold, bytes }) => ({
      ...{ source, number: own, isTold, bytes },
    })),
  };
}

/** @throws StarlingError BAD_MESSAGE, SPEC_MISMATCH */
export function parseSent(value: unknown, spec: ExampleSpec): ToldRecord[] {
  const what = 'sent';
  const fields = asMessage(value, what);
  const hash = text(fields, 'specHash', what);
  requireKnownSpec(hash, spec, what);
  const { records } = fields;
  if (!Array.isArray(records)) throw wrong(what, 'records', 'a list', records);
  const told = records.map((each, i) => toldRecordOf(each, `${what}.records[${i}]`));
  const earlier = hash === spec.hash ? undefined : spec.earlier?.get(hash);
  if (!earlier) return told;
  return told.map((each) => ({ ...each, bytes: carriedRecord(each.bytes, earlier) }));
}

function toldRecordOf(value: unknown, what: string): ToldRecord {
  const fields = asFields(value, what);
  const { bytes, isTold } = fields;
  if (!(bytes instanceof Uint8Array)) throw wrong(what, 'bytes', 'bytes', bytes);
  if (typeof isTold !== 'boolean') throw wrong(what, 'isTold', 'true or false', isTold);
  const source = number(fields, 'source', what);
  return { source, number: number(fields, 'number', what), isTold, bytes };
}
