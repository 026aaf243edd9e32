import { at } from '../base/columns.js';
import type { ImpressionFacts } from './event-facts.js';
import { lanes, noFacts } from './event-facts.js';
import { packRow } from './open-rows.js';
import { decodeParts, encodeParts, recordKind } from './record-codec.js';
import type { ActionBatch, ImpressionBatch, Moment } from './types.js';
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
  /** It counts, and nothing else comes of it: of a bot, or of staff. */
  readonly isIgnored: boolean;
  /** The rows that it is learned by if it turns out to be of its own accord: its item, and those drawn. */
  readonly moment: MomentRows | undefined;
}

/** Rows of a batch, as impressions that were made of an event. */
export interface MomentRows {
  readonly batch: ImpressionBatch;
  readonly from: number;
  readonly to: number;
  /** Of the rows of the batch; absent: all 1. */
  readonly weights?: Float32Array;
}

/** The events of a batch. The rows of their moments are one batch, which all that wait refer to. */
export function eventsOf(batch: ActionBatch): PersonEvent[] {
  const { facts, moment, requestIds } = batch;
  const people = requestIds.map((_id, row) =>
    personOf(at(facts.users, row), at(facts.visitors, row)),
  );
  const rows = moment && momentBatch(batch, moment, people);
  const weights = moment?.weights;
  return requestIds.map((requestId, row) => {
    const from = row === 0 ? 0 : (moment?.ends[row - 1] ?? 0);
    const to = moment?.ends[row] ?? 0;
    return {
      requestId,
      item: batch.items[row]!,
      person: people[row]!,
      type: at(facts.types, row),
      isPositive: batch.labels[row] === 1,
      atMs: batch.atMs[row]!,
      acceptedAtMs: batch.acceptedAtMs[row]!,
      value: at(facts.values, row),
      order: at(facts.orders, row),
      id: at(facts.ids, row),
      lane: at(facts.lanes, row),
      isIgnored: at(facts.ignored, row) !== '',
      moment:
        rows && to > from ? { batch: rows, from, to, ...(weights ? { weights } : {}) } : undefined,
    };
  });
}

/** As impressions that were made of events: the first row of each is its own item, the others are drawn. */
function momentBatch(
  { atMs, facts }: ActionBatch,
  { items, ends, examples }: Moment,
  people: readonly string[],
): ImpressionBatch {
  const users: string[] = [];
  const times = new Float64Array(items.length);
  for (let event = 0; event < ends.length; event++)
    for (let row = users.length; row < ends[event]!; row++) {
      users.push(people[event]!);
      times[row] = atMs[event]!;
    }
  return {
    requestIds: new Array<string>(items.length).fill(''),
    ...{ users, items, examples },
    atMs: times,
    scores: new Float32Array(items.length).fill(NaN),
    facts: isAllImported(facts.lanes) ? importedFacts : noFacts,
  };
}

/** What is imported comes by itself. */
function isAllImported(of: Uint8Array): boolean {
  return of.every((lane) => lane === lanes.import);
}

const importedFacts: ImpressionFacts = { ...noFacts, lanes: Uint8Array.of(lanes.import) };

/** Users and visitors are people of different names, whatever ids they have. '' where neither is known. */
export function personOf(user: string, visitor: string): string {
  return user !== '' || visitor === '' ? user : visitorPerson(visitor);
}

/** Known by this name as by a user's id: to the model, to who keeps histories, in samples. */
export function visitorPerson(visitor: string): string {
  return `${visitorPrefix}${visitor}`;
}

export function isVisitor(person: string): boolean {
  return person.startsWith(visitorPrefix);
}

/** '' for what he is not. */
export function namesOfPerson(person: string): { readonly user: string; readonly visitor: string } {
  return isVisitor(person)
    ? { user: '', visitor: person.slice(visitorPrefix.length) }
    : { user: person, visitor: '' };
}

const visitorPrefix = 'visitor/';

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
  /** Of its rows, where they are not all 1. */
  weights?: readonly number[],
];

/** As the store and other partitions have it. */
export function encodeEvent(event: PersonEvent): Uint8Array {
  const { requestId, item, person, type, isPositive, atMs, order, id, lane, moment } = event;
  const acceptedAtMs = orNull(event.acceptedAtMs);
  const value = orNull(event.value);
  const told = [requestId, item, person, type, isPositive, atMs, acceptedAtMs] as const;
  const bare = [...told, value, order, id, lane] as const;
  const said: Said = moment?.weights
    ? [...bare, [...moment.weights.slice(moment.from, moment.to)]]
    : bare;
  const rows: Uint8Array[] = [];
  if (moment)
    for (let row = moment.from; row < moment.to; row++) rows.push(packRow(moment.batch, row));
  return encodeParts({ kind: recordKind.event, said, rows });
}

/** @throws StarlingError CORRUPT */
export function decodeEvent(bytes: Uint8Array, slotCount: number, denseCount: number): PersonEvent {
  const { said, rows } = decodeParts(bytes);
  const [requestId, item, person, type, isPositive, atMs, accepted, value, order, id, lane, own] =
    said as Said;
  const weights = own && { weights: Float32Array.from(own) };
  const batch = rows.length > 0 ? unpackRows(rows, slotCount, denseCount) : undefined;
  return {
    ...{ requestId, item, person, type, isPositive, atMs, order, id, lane },
    acceptedAtMs: accepted ?? NaN,
    value: value ?? NaN,
    // Else it would wait for nothing, and be told to nobody.
    isIgnored: false,
    moment: batch && { batch, from: 0, to: rows.length, ...weights },
  };
}

/** JSON has no NaN. */
function orNull(value: number): number | null {
  return Number.isNaN(value) ? null : value;
}
