import { at } from '../base/columns.js';
import { selectExamples } from '../features/example-batch.js';
import { noFacts } from './event-facts.js';
import { packRow } from './open-rows.js';
import { decodeParts, encodeParts, recordKind } from './record-codec.js';
import type { ActionBatch, ImpressionBatch } from './types.js';
import { unpackRows } from './unpack-rows.js';

/** Something that somebody did. */
export interface PersonEvent {
  /** '': of no slate of ours. */
  readonly requestId: string;
  readonly item: string;
  /** '': told by its request alone. */
  readonly person: string;
  readonly type: string;
  /** False: an explicit dismissal. */
  readonly isPositive: boolean;
  readonly atMs: number;
  readonly acceptedAtMs: number;
  /** NaN: none. */
  readonly value: number;
  readonly order: string;
  readonly id: string;
  readonly lane: number;
  /** The rows that it is learned by if it turns out to be of its own accord: its item, and those drawn. */
  readonly moment: MomentRows | undefined;
}

/** Where rows stand: in the batch that they came in, or packed. */
export type MomentRows =
  | { readonly batch: ActionBatch; readonly from: number; readonly to: number }
  | readonly Uint8Array[];

export function eventOf(batch: ActionBatch, row: number): PersonEvent {
  const { facts, moment } = batch;
  const from = row === 0 ? 0 : (moment?.ends[row - 1] ?? 0);
  const to = moment?.ends[row] ?? 0;
  return {
    requestId: batch.requestIds[row]!,
    item: batch.items[row]!,
    person: personOf(at(facts.users, row), at(facts.visitors, row)),
    type: at(facts.types, row),
    isPositive: batch.labels[row] === 1,
    atMs: batch.atMs[row]!,
    acceptedAtMs: batch.acceptedAtMs[row]!,
    value: at(facts.values, row),
    order: at(facts.orders, row),
    id: at(facts.ids, row),
    lane: at(facts.lanes, row),
    moment: to > from ? { batch, from, to } : undefined,
  };
}

/** Users and visitors are people of different names, whatever ids they have. '' where neither is known. */
export function personOf(user: string, visitor: string): string {
  return user !== '' || visitor === '' ? user : visitorPerson(visitor);
}

/** Known by this name as by a user's id: to the model, to who keeps histories, in samples. */
export function visitorPerson(visitor: string): string {
  return `visitor/${visitor}`;
}

/** As a batch of impressions that were made of it: the first one is the event's own, the others are drawn. */
export function momentBatch(
  event: PersonEvent,
  slotCount: number,
  denseCount: number,
): ImpressionBatch | undefined {
  const { moment, person, atMs } = event;
  if (!moment) return undefined;
  if (!('batch' in moment)) return unpackRows(moment, slotCount, denseCount);
  const { batch, from, to } = moment;
  const { items, examples } = batch.moment!;
  const count = to - from;
  return {
    requestIds: new Array<string>(count).fill(''),
    users: new Array<string>(count).fill(person),
    items: items.slice(from, to),
    atMs: new Float64Array(count).fill(atMs),
    scores: new Float32Array(count).fill(NaN),
    facts: noFacts,
    examples: selectExamples(
      examples,
      Array.from({ length: count }, (_row, i) => from + i),
    ),
  };
}

type Said = readonly [
  requestId: string,
  item: string,
  person: string,
  type: string,
  isPositive: boolean,
  atMs: number,
  acceptedAtMs: number | null,
  value: number | null,
  order: string,
  id: string,
  lane: number,
];

/** As the store and other partitions have it. */
export function encodeEvent(event: PersonEvent, slotCount: number, denseCount: number): Uint8Array {
  const { requestId, item, person, type, isPositive, atMs, order, id, lane } = event;
  const acceptedAtMs = orNull(event.acceptedAtMs);
  const value = orNull(event.value);
  const said: Said = [
    ...([requestId, item, person, type, isPositive, atMs, acceptedAtMs] as const),
    ...([value, order, id, lane] as const),
  ];
  const moment = event.moment;
  const rows = moment && !('batch' in moment) ? moment : packed(event, slotCount, denseCount);
  return encodeParts({ kind: recordKind.event, said, rows });
}

/** @throws StarlingError CORRUPT */
export function decodeEvent(bytes: Uint8Array): PersonEvent {
  const { said, rows } = decodeParts(bytes);
  const [requestId, item, person, type, isPositive, atMs, accepted, value, order, id, lane] =
    said as Said;
  return {
    ...{ requestId, item, person, type, isPositive, atMs, order, id, lane },
    acceptedAtMs: accepted ?? NaN,
    value: value ?? NaN,
    moment: rows.length > 0 ? rows : undefined,
  };
}

function packed(event: PersonEvent, slotCount: number, denseCount: number): Uint8Array[] {
  const batch = momentBatch(event, slotCount, denseCount);
  return batch ? batch.items.map((_item, row) => packRow(batch, row)) : [];
}

/** JSON has no NaN. */
function orNull(value: number): number | null {
  return Number.isNaN(value) ? null : value;
}
