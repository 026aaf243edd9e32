import { pickRows } from '../core/base/columns.js';
import { StarlingError } from '../core/base/errors.js';
import type { ExampleBatch } from '../core/features/example-batch.js';
import { selectExamples } from '../core/features/example-batch.js';
import type { ActionFacts, ImpressionFacts } from '../core/joining/event-facts.js';
import type { Moment } from '../core/joining/types.js';
import {
  actionFactTable,
  factTable,
  factsOf,
  lanes,
  noActionFacts,
  noFacts,
  selectFacts,
} from '../core/joining/event-facts.js';
import type { Fields } from './checks.js';
import { asFields, asMessage, number, text, wrong } from './checks.js';
import { protocolVersion } from './codec.js';
import {
  columnsOf,
  f32OfRows,
  f64OfRows,
  namedF32,
  rowCountOf,
  packed,
  packedAll,
  packedPeople,
  textsOfRows,
} from './column-checks.js';
import type { ExampleSpec } from './example-columns.js';
import { exampleColumns, examplesOf, requireKnownSpec } from './example-columns.js';

/** Impressions by column, as rankers log them and as they travel on JOIN. */
export interface Impressions {
  readonly requestIds: string[];
  readonly users: string[];
  readonly items: string[];
  /** Event time, milliseconds. */
  readonly atMs: Float64Array;
  /** What they were ordered by: the probability that serving gave, where there is one outcome; NaN when none. */
  readonly scores: Float32Array;
  readonly facts: ImpressionFacts;
  readonly examples: ExampleBatch;
}

/** Actions by column. */
export interface Actions {
  readonly requestIds: string[];
  readonly items: string[];
  readonly atMs: Float64Array;
  /** 1 = what we hope for, 0 = an explicit dismissal. */
  readonly labels: Float32Array;
  /** Wall clock when the stream accepted the event, milliseconds; freshness counts from here. */
  readonly acceptedAtMs: Float64Array;
  readonly facts: ActionFacts;
  /** What is looked at where an event turns out to be of its own accord, with the features of the moment before it. */
  readonly moment?: Moment;
}

export function impressionsMessage(spec: ExampleSpec, batch: Impressions) {
  return {
    v: protocolVersion,
    kind: 'impressions',
    specHash: spec.hash,
    rowCount: batch.items.length,
    requestIds: packed(batch.requestIds),
    users: packedPeople(batch.users),
    items: packed(batch.items),
    atMs: packed(batch.atMs),
    scores: batch.scores,
    facts: factFields(batch.facts),
    examples: exampleColumns(batch.examples, spec),
  };
}

export function actionsMessage(batch: Actions, spec?: ExampleSpec) {
  const { moment } = batch;
  const examples = spec && moment?.examples;
  // One row for each event is its own item.
  const isOwn = moment?.items === batch.items;
  return {
    v: protocolVersion,
    kind: 'actions',
    specHash: examples ? spec.hash : '',
    rowCount: batch.items.length,
    requestIds: packed(batch.requestIds),
    items: packed(batch.items),
    atMs: packed(batch.atMs),
    labels: packed(batch.labels),
    acceptedAtMs: packed(batch.acceptedAtMs),
    facts: batch.facts === noActionFacts ? null : packedAll({ ...batch.facts }),
    ...(moment && !isOwn ? { moment: momentFields(moment) } : {}),
    examples: examples ? exampleColumns(examples, spec) : null,
  };
}

function momentFields({ items, ends, weights }: Moment): Omit<Moment, 'examples'> {
  return { items, ends, ...(weights ? { weights } : {}) };
}

/**
 * What the clock, or the end of a stream, does to the window of a joiner. It stands in the log among the events, so
 * that who reads the log makes the same samples of it at any time.
 */
export interface WindowAdvance {
  /** Event time, milliseconds since 1970; every window closes at the `end` of the stream. */
  readonly watermarkMs: number | 'end';
  readonly lane: number;
}

export function advanceMessage({ watermarkMs, lane }: WindowAdvance) {
  return { v: protocolVersion, kind: 'advance', watermarkMs, lane };
}

/** @throws StarlingError BAD_MESSAGE */
export function parseAdvance(value: unknown): WindowAdvance {
  const what = 'advance';
  const fields = asMessage(value, what);
  const lane = laneOf(number(fields, 'lane', what), what);
  if (fields['watermarkMs'] === 'end') return { watermarkMs: 'end', lane };
  return { watermarkMs: number(fields, 'watermarkMs', what), lane };
}

export function joinCloseMessage() {
  return { v: protocolVersion };
}

/** That the window is closed: what a joiner has counted, and the record of JOIN that closed it. */
export function joinCloseReply<Reply extends { readonly sequence: number }>(reply: Reply) {
  return { v: protocolVersion, ...reply };
}

/** @throws StarlingError BAD_MESSAGE */
function laneOf(lane: number, what: string): number {
  if (isLane(lane)) return lane;
  throw new StarlingError('BAD_MESSAGE', `${what}.lane: expected one that there is, got ${lane}.`);
}

function isLane(lane: number): boolean {
  return Object.values<number>(lanes).includes(lane);
}

/** Whether a message has columns of this kind; else it has events by hand. */
export function isColumnar(value: unknown, kind: 'impressions' | 'actions'): boolean {
  return (value as { kind?: unknown } | null)?.kind === kind;
}

/** For who hands them on without looking at them. @throws StarlingError BAD_MESSAGE. */
export function impressionCountOf(value: unknown): number {
  const what = 'impressions';
  return rowCountOf(asMessage(value, what), what);
}

export function parseImpressions(value: unknown, spec: ExampleSpec): Impressions {
  const what = 'impressions';
  const fields = asMessage(value, what);
  const hash = text(fields, 'specHash', what);
  requireKnownSpec(hash, spec, what);
  const rows = rowCountOf(fields, what);
  return {
    requestIds: textsOfRows(fields, 'requestIds', what, rows),
    users: textsOfRows(fields, 'users', what, rows),
    items: textsOfRows(fields, 'items', what, rows),
    atMs: finite(f64OfRows(fields, 'atMs', what, rows), what),
    scores: f32OfRows(fields, 'scores', what, rows),
    facts: impressionFactsOf(fields, what, rows),
    examples: examplesOf(fields, 'examples', what, { spec, rows, hash }),
  };
}

/** Whether the examples in a message of columns are of this specification, and of none before it. */
export function isOfSpec(value: unknown, { hash }: Pick<ExampleSpec, 'hash'>): boolean {
  return (value as Fields)['specHash'] === hash;
}

/** Null while nothing is known, which is nearly always: then facts cost five bytes and no time. */
export function factFields(facts: ImpressionFacts) {
  if (facts === noFacts) return null;
  const { predictions, ...columns } = facts;
  return { ...packedAll(columns), predictions };
}

/** Of impressions and of samples. */
export function impressionFactsOf(fields: Fields, what: string, rows: number): ImpressionFacts {
  if (fields['facts'] === null) return noFacts;
  const place = `${what}.facts`;
  const inner = asFields(fields['facts'], place);
  return factsOf(
    withLanes(columnsOf(factTable, inner, place, rows), place),
    namedF32(inner, 'predictions', place, rows),
  );
}

/** @throws StarlingError BAD_MESSAGE for a lane that there is not. */
function withLanes<Columns extends { readonly lanes: Uint8Array }>(
  columns: Columns,
  what: string,
): Columns {
  for (const lane of columns.lanes) laneOf(lane, what);
  return columns;
}

function actionFactsOf(fields: Fields, what: string, rows: number): ActionFacts {
  if (fields['facts'] === null) return noActionFacts;
  const place = `${what}.facts`;
  return withLanes(
    columnsOf(actionFactTable, asFields(fields['facts'], place), place, rows),
    place,
  );
}

export function parseActions(value: unknown, spec: ExampleSpec): Actions {
  const what = 'actions';
  const fields = asMessage(value, what);
  const rows = rowCountOf(fields, what);
  return {
    requestIds: textsOfRows(fields, 'requestIds', what, rows),
    items: textsOfRows(fields, 'items', what, rows),
    atMs: finite(f64OfRows(fields, 'atMs', what, rows), what),
    labels: binary(f32OfRows(fields, 'labels', what, rows)),
    acceptedAtMs: f64OfRows(fields, 'acceptedAtMs', what, rows),
    facts: actionFactsOf(fields, what, rows),
    ...momentOf(fields, what, spec, rows),
  };
}

function momentOf(
  fields: Fields,
  what: string,
  spec: ExampleSpec,
  rows: number,
): { readonly moment?: Moment } {
  if (fields['examples'] === null) return {};
  const hash = text(fields, 'specHash', what);
  requireKnownSpec(hash, spec, what);
  const known = momentRowsOf(fields, what, rows);
  const examples = examplesOf(fields, 'examples', what, {
    ...{ spec, hash },
    rows: known.items.length,
  });
  return { moment: { ...known, examples } };
}

function momentRowsOf(fields: Fields, what: string, rows: number): Omit<Moment, 'examples'> {
  if (fields['moment'] === undefined) {
    const ends = Uint32Array.from({ length: rows }, (_row, i) => i + 1);
    return { items: textsOfRows(fields, 'items', what, rows), ends };
  }
  const place = `${what}.moment`;
  const inner = asFields(fields['moment'], place);
  const ends = inner['ends'];
  if (!(ends instanceof Uint32Array) || ends.length !== rows)
    throw wrong(place, 'ends', `${rows} ends of rows`, ends);
  for (let i = 1; i < rows; i++)
    if (ends[i]! < ends[i - 1]!) throw wrong(place, 'ends', 'ends that rise', ends[i]);
  const count = ends.at(-1) ?? 0;
  if (count > momentRowsMax) throw wrong(place, 'ends', `at most ${momentRowsMax} rows`, count);
  const items = textsOfRows(inner, 'items', place, count);
  return { items, ends, ...weightsOf(inner, place, count) };
}

/** Nothing where each row counts as one. */
function weightsOf(fields: Fields, what: string, rows: number): Pick<Moment, 'weights'> {
  if (fields['weights'] === undefined) return {};
  const weights = f32OfRows(fields, 'weights', what, rows);
  const wrongOne = weights.findIndex((weight) => !(weight > 0 && weight < Infinity));
  if (wrongOne >= 0) throw wrong(what, 'weights', 'weights above 0', weights[wrongOne]);
  return { weights };
}

function binary(labels: Float32Array): Float32Array {
  for (let i = 0; i < labels.length; i++) {
    if (labels[i] === 0 || labels[i] === 1) continue;
    throw new StarlingError(
      'BAD_MESSAGE',
      `actions.labels[${i}]: expected 0 or 1, got ${labels[i]}.`,
    );
  }
  return labels;
}

function finite(times: Float64Array, what: string): Float64Array {
  for (let i = 0; i < times.length; i++) {
    if (!Number.isFinite(times[i]!)) {
      throw new StarlingError(
        'BAD_MESSAGE',
        `${what}.atMs[${i}]: expected a time in milliseconds, got ${times[i]}.`,
      );
    }
  }
  return times;
}

/** Of those that are no item of an event by itself: a message has no room for more. */
const momentRowsMax = 2 ** 20;

const pick = <T>(list: readonly T[], indices: readonly number[]): T[] =>
  indices.map((i) => list[i]!);

export function selectImpressions(batch: Impressions, indices: readonly number[]): Impressions {
  return {
    requestIds: pick(batch.requestIds, indices),
    users: pick(batch.users, indices),
    items: pick(batch.items, indices),
    atMs: Float64Array.from(indices, (i) => batch.atMs[i]!),
    scores: Float32Array.from(indices, (i) => batch.scores[i]!),
    facts: selectFacts(batch.facts, indices),
    examples: selectExamples(batch.examples, indices),
  };
}

export function selectActions(batch: Actions, indices: readonly number[]): Actions {
  const { moment } = batch;
  return {
    requestIds: pick(batch.requestIds, indices),
    items: pick(batch.items, indices),
    atMs: Float64Array.from(indices, (i) => batch.atMs[i]!),
    labels: Float32Array.from(indices, (i) => batch.labels[i]!),
    acceptedAtMs: Float64Array.from(indices, (i) => batch.acceptedAtMs[i]!),
    facts:
      batch.facts === noActionFacts
        ? noActionFacts
        : pickRows(actionFactTable, batch.facts, indices),
    ...(moment ? { moment: selectMoment(moment, indices) } : {}),
  };
}

function selectMoment(moment: Moment, indices: readonly number[]): Moment {
  const { items, ends, weights, examples } = moment;
  const rows: number[] = [];
  const pickedEnds = Uint32Array.from(indices, (i) => {
    for (let row = i === 0 ? 0 : ends[i - 1]!; row < ends[i]!; row++) rows.push(row);
    return rows.length;
  });
  return {
    ...{ items: pick(items, rows), ends: pickedEnds, examples: selectExamples(examples, rows) },
    ...(weights ? { weights: Float32Array.from(rows, (row) => weights[row]!) } : {}),
  };
}
