import { pickRows } from '../core/base/columns.js';
import { StarlingError } from '../core/base/errors.js';
import type { ExampleBatch } from '../core/features/example-batch.js';
import { selectExamples } from '../core/features/example-batch.js';
import type { ActionFacts, ImpressionFacts } from '../core/joining/event-facts.js';
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
import { asFields, asMessage, number, text } from './checks.js';
import { protocolVersion } from './codec.js';
import {
  columnsOf,
  f32OfRows,
  f64OfRows,
  namedF32,
  rowCountOf,
  shared,
  textsOfRows,
} from './column-checks.js';
import type { ExampleSpec } from './example-columns.js';
import { exampleColumns, examplesOf } from './example-columns.js';
import { refuseSpec } from './spec-hash.js';

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
  /** Features of the moment before, of events that follow no impression of ours. */
  readonly examples?: ExampleBatch;
}

export function impressionsMessage(spec: ExampleSpec, batch: Impressions) {
  return {
    v: protocolVersion,
    kind: 'impressions',
    specHash: spec.hash,
    rowCount: batch.items.length,
    requestIds: shared(batch.requestIds),
    users: shared(batch.users),
    items: batch.items,
    atMs: shared(batch.atMs),
    scores: batch.scores,
    facts: factFields(batch.facts),
    examples: exampleColumns(batch.examples, spec),
  };
}

export function actionsMessage(batch: Actions, spec?: ExampleSpec) {
  const { examples } = batch;
  return {
    v: protocolVersion,
    kind: 'actions',
    specHash: examples && spec ? spec.hash : '',
    rowCount: batch.items.length,
    requestIds: shared(batch.requestIds),
    items: batch.items,
    atMs: shared(batch.atMs),
    labels: batch.labels,
    acceptedAtMs: shared(batch.acceptedAtMs),
    facts: batch.facts === noActionFacts ? null : batch.facts,
    examples: examples && spec ? exampleColumns(examples, spec) : null,
  };
}

/**
 * What the clock, or the end of a stream, does to the window of a joiner. It stands in the log among the events, so
 * that who reads the log makes the same samples of it at any time.
 */
export interface WindowAdvance {
  /** Event time, milliseconds since 1970; every window closes at the `end` of the stream. */
  readonly watermarkMs: number | 'end';
}

export function advanceMessage({ watermarkMs }: WindowAdvance) {
  return { v: protocolVersion, kind: 'advance', watermarkMs, lane: lanes.live };
}

/** @throws StarlingError BAD_MESSAGE */
export function parseAdvance(value: unknown): WindowAdvance {
  const what = 'advance';
  const fields = asMessage(value, what);
  requireLive(number(fields, 'lane', what), what);
  if (fields['watermarkMs'] === 'end') return { watermarkMs: 'end' };
  return { watermarkMs: number(fields, 'watermarkMs', what) };
}

export function joinCloseMessage() {
  return { v: protocolVersion };
}

/** That the window is closed: what a joiner has counted, and the record of JOIN that closed it. */
export function joinCloseReply<Reply extends { readonly sequence: number }>(reply: Reply) {
  return { v: protocolVersion, ...reply };
}

/** @throws StarlingError BAD_MESSAGE for a lane that has no watermark of its own yet. */
function requireLive(lane: number, what: string): void {
  if (lane === lanes.live) return;
  throw new StarlingError('BAD_MESSAGE', `${what}.lane: expected ${lanes.live}, got ${lane}.`);
}

export function parseImpressions(value: unknown, spec: ExampleSpec): Impressions {
  const what = 'impressions';
  const fields = asMessage(value, what);
  refuseSpec(text(fields, 'specHash', what), spec.hash, what);
  const rows = rowCountOf(fields, what);
  return {
    requestIds: textsOfRows(fields, 'requestIds', what, rows),
    users: textsOfRows(fields, 'users', what, rows),
    items: textsOfRows(fields, 'items', what, rows),
    atMs: finite(f64OfRows(fields, 'atMs', what, rows), what),
    scores: f32OfRows(fields, 'scores', what, rows),
    facts: impressionFactsOf(fields, what, rows),
    examples: examplesOf(fields, 'examples', what, { spec, rows }),
  };
}

/** Null while nothing is known, which is nearly always: then facts cost five bytes and no time. */
export function factFields(facts: ImpressionFacts): ImpressionFacts | null {
  return facts === noFacts ? null : facts;
}

/** Of impressions and of samples. */
export function impressionFactsOf(fields: Fields, what: string, rows: number): ImpressionFacts {
  if (fields['facts'] === null) return noFacts;
  const place = `${what}.facts`;
  const inner = asFields(fields['facts'], place);
  return factsOf(
    columnsOf(factTable, inner, place, rows),
    namedF32(inner, 'predictions', place, rows),
  );
}

function actionFactsOf(fields: Fields, what: string, rows: number): ActionFacts {
  if (fields['facts'] === null) return noActionFacts;
  const place = `${what}.facts`;
  return columnsOf(actionFactTable, asFields(fields['facts'], place), place, rows);
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

function momentOf(fields: Fields, what: string, spec: ExampleSpec, rows: number) {
  if (fields['examples'] === null) return {};
  refuseSpec(text(fields, 'specHash', what), spec.hash, what);
  return { examples: examplesOf(fields, 'examples', what, { spec, rows }) };
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
  const { examples } = batch;
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
    ...(examples ? { examples: selectExamples(examples, indices) } : {}),
  };
}
