import type { PointerBatch, SentRecord, ShownBatch } from '../core/joining/types.js';
import { asMessage, number, text, wrong } from './checks.js';
import { protocolVersion } from './codec.js';
import { columnsOf, f64OfRows, rowCountOf, shared, textsOfRows } from './column-checks.js';
import { at, u32, u8 } from '../core/base/columns.js';
import type { ExampleSpec } from './example-columns.js';
import { refuseSpec } from './spec-hash.js';

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
  return {
    requestIds: textsOfRows(fields, 'requestIds', what, rows),
    items: textsOfRows(fields, 'items', what, rows),
    atMs: f64OfRows(fields, 'atMs', what, rows),
    lanes: columnsOf(laneTable, fields, what, rows).lanes,
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
  return {
    requestIds: textsOfRows(fields, 'requestIds', what, rows),
    items: textsOfRows(fields, 'items', what, rows),
    atMs: f64OfRows(fields, 'atMs', what, rows),
    ...columnsOf(pointerTable, fields, what, rows),
  };
}

/** That a visitor is a user from now on. Both as people (core/joining/person-event.ts). */
export interface AliasRecord {
  readonly visitor: string;
  readonly user: string;
}

export function aliasMessage({ visitor, user }: AliasRecord) {
  return { v: protocolVersion, kind: 'alias', visitor, user };
}

/** @throws StarlingError BAD_MESSAGE */
export function parseAlias(value: unknown): AliasRecord {
  const fields = asMessage(value, 'alias');
  return { visitor: text(fields, 'visitor', 'alias'), user: text(fields, 'user', 'alias') };
}

/** That a person is to be forgotten. */
export function eraseMessage(person: string) {
  return { v: protocolVersion, kind: 'erase', person };
}

/** @throws StarlingError BAD_MESSAGE */
export function parseErase(value: unknown): string {
  return text(asMessage(value, 'erase'), 'person', 'erase');
}

/** What one partition tells another, in the words of the join (core/joining/sent-contents.ts). */
export function sentMessage(spec: ExampleSpec, record: Omit<SentRecord, 'to'>) {
  const { source, number: own, isTold, bytes } = record;
  return {
    v: protocolVersion,
    kind: 'sent',
    specHash: spec.hash,
    source,
    number: own,
    isTold,
    bytes,
  };
}

/** @throws StarlingError BAD_MESSAGE, SPEC_MISMATCH */
export function parseSent(value: unknown, spec: ExampleSpec): Omit<SentRecord, 'to'> {
  const what = 'sent';
  const fields = asMessage(value, what);
  refuseSpec(text(fields, 'specHash', what), spec.hash, what);
  const bytes = fields['bytes'];
  if (!(bytes instanceof Uint8Array)) throw wrong(what, 'bytes', 'bytes', bytes);
  if (typeof fields['isTold'] !== 'boolean')
    throw wrong(what, 'isTold', 'true or false', fields['isTold']);
  return {
    source: number(fields, 'source', what),
    number: number(fields, 'number', what),
    isTold: fields['isTold'],
    bytes,
  };
}
