import { at } from '../core/base/columns.js';
import type { ExampleBatch } from '../core/features/example-batch.js';
import { concatExamples, selectExamples } from '../core/features/example-batch.js';
import type { ImpressionFacts } from '../core/joining/event-facts.js';
import { countersIn } from '../core/joining/join-counts.js';
import type { JoinCounters } from '../core/joining/types.js';
import { gatherFacts, noFacts, selectFacts } from '../core/joining/event-facts.js';
import { asMessage, number, text } from './checks.js';
import { protocolVersion } from './codec.js';
import {
  f32OfRows,
  f64OfRows,
  packed,
  packedPeople,
  rowCountOf,
  textsOfRows,
} from './column-checks.js';
import { factFields, impressionFactsOf } from './events.js';
import type { ExampleSpec } from './example-columns.js';
import { exampleColumns, examplesOf, requireKnownSpec } from './example-columns.js';
import type { OutcomeColumns, Outcomes } from './outcomes.js';
import { outcomeFields, parseOutcomes, unknownOutcome } from './outcomes.js';
import type { ProgressMarks } from './progress-marks.js';
import { noProgress, progressOf } from './progress-marks.js';

/** Joined training samples: the batch a trainer learns from. Its identity is its stream sequence. */
export interface Samples {
  readonly specHash: string;
  /** Impressions settled by this batch: its samples and the negatives dropped since the batch before. */
  readonly resolved: number;
  readonly requestIds: string[];
  readonly users: string[];
  readonly items: string[];
  readonly outcomes: Outcomes;
  /** 1, or the rate by which negatives were kept. */
  readonly sampleRates: Float32Array;
  readonly scores: Float32Array;
  readonly atMs: Float64Array;
  /** NaN where no action made the sample. */
  readonly acceptedAtMs: Float64Array;
  readonly facts: ImpressionFacts;
  readonly examples: ExampleBatch;
  /** By data center: up to which sequence in RAW all is in samples by now. */
  readonly progress: ProgressMarks;
}

/** What the window of a joiner has counted from the beginning of JOIN to the end of the commit that samples are of. */
export interface CountedSamples extends Omit<Samples, 'specHash'> {
  readonly counters?: JoinCounters;
}

/** Counters are for a joiner that goes on without the store of this one; nobody else reads them. */
export function samplesMessage(spec: ExampleSpec, batch: CountedSamples) {
  return {
    v: protocolVersion,
    kind: 'samples',
    specHash: spec.hash,
    resolved: batch.resolved,
    rowCount: batch.items.length,
    requestIds: packed(batch.requestIds),
    users: packedPeople(batch.users),
    items: packed(batch.items),
    outcomes: outcomeFields(batch.outcomes),
    sampleRates: packed(batch.sampleRates),
    scores: batch.scores,
    atMs: packed(batch.atMs),
    acceptedAtMs: packed(batch.acceptedAtMs),
    progress: batch.progress,
    facts: factFields(batch.facts),
    examples: exampleColumns(batch.examples, spec),
    ...(batch.counters ? { counters: countersToTell(batch.counters) } : {}),
  };
}

/** What is left out reads as none; so it is with what only few clusters have. */
function countersToTell({ ignoredImpressions, imported, ...counters }: JoinCounters): object {
  return {
    ...counters,
    ...(ignoredImpressions === 0 ? {} : { ignoredImpressions }),
    ...(Object.values(imported).some((count) => count > 0) ? { imported } : {}),
  };
}

/** @returns undefined for samples of a joiner that has not told them. */
export function countersOf(value: unknown): JoinCounters | undefined {
  return countersIn((value as { counters?: unknown } | null)?.counters);
}

/** @throws StarlingError BAD_MESSAGE, SPEC_MISMATCH */
export function parseSamples(value: unknown, spec: ExampleSpec): Samples {
  const what = 'samples';
  const fields = asMessage(value, what);
  const specHash = text(fields, 'specHash', what);
  requireKnownSpec(specHash, spec, what);
  const rows = rowCountOf(fields, what);
  return {
    specHash: spec.hash,
    resolved: number(fields, 'resolved', what),
    requestIds: textsOfRows(fields, 'requestIds', what, rows),
    users: textsOfRows(fields, 'users', what, rows),
    items: textsOfRows(fields, 'items', what, rows),
    outcomes: parseOutcomes(fields, what, rows),
    sampleRates: f32OfRows(fields, 'sampleRates', what, rows),
    scores: f32OfRows(fields, 'scores', what, rows),
    atMs: f64OfRows(fields, 'atMs', what, rows),
    acceptedAtMs: f64OfRows(fields, 'acceptedAtMs', what, rows),
    facts: impressionFactsOf(fields, what, rows),
    examples: examplesOf(fields, 'examples', what, { spec, rows, hash: specHash }),
    progress: progressOf(fields, what),
  };
}

/** Several sample batches as one training step. All have the same outcomes. */
export function concatSamples(batches: readonly Samples[]): Samples {
  const first = batches[0]!;
  if (batches.length === 1) return first;
  const { slotCount, denseCount } = first.examples;
  return {
    specHash: first.specHash,
    resolved: batches.reduce((sum, batch) => sum + batch.resolved, 0),
    requestIds: batches.flatMap((batch) => batch.requestIds),
    users: batches.flatMap((batch) => batch.users),
    items: batches.flatMap((batch) => batch.items),
    outcomes: Object.fromEntries(
      outcomeNamesIn(batches).map((name) => [name, concatOutcome(batches, name)]),
    ),
    sampleRates: joinF32(batches.map((batch) => batch.sampleRates)),
    scores: joinF32(batches.map((batch) => batch.scores)),
    atMs: joinF64(batches.map((batch) => batch.atMs)),
    acceptedAtMs: joinF64(batches.map((batch) => batch.acceptedAtMs)),
    facts: concatFacts(batches),
    examples: concatExamples(
      batches.map((batch) => batch.examples),
      slotCount,
      denseCount,
    ),
    progress: batches.at(-1)?.progress ?? noProgress,
  };
}

/** Some rows of a batch, in that order; nothing is settled by them that was not by the batch. */
export function selectSamples(batch: Samples, rows: readonly number[]): Samples {
  const texts = (values: readonly string[]) => rows.map((row) => values[row]!);
  const f32 = (values: Float32Array) => Float32Array.from(rows, (row) => values[row]!);
  const f64 = (values: Float64Array) => Float64Array.from(rows, (row) => values[row]!);
  const outcomes = Object.entries(batch.outcomes).map(([name, { labels, masks, weights }]) => [
    name,
    {
      labels: f32(labels),
      masks: masks.length === 1 ? masks : Uint8Array.from(rows, (row) => masks[row]!),
      weights: weights.length === 1 ? weights : f32(weights),
    },
  ]);
  return {
    specHash: batch.specHash,
    resolved: 0,
    requestIds: texts(batch.requestIds),
    users: texts(batch.users),
    items: texts(batch.items),
    outcomes: Object.fromEntries(outcomes) as Outcomes,
    sampleRates: f32(batch.sampleRates),
    scores: f32(batch.scores),
    atMs: f64(batch.atMs),
    acceptedAtMs: f64(batch.acceptedAtMs),
    facts: batch.facts === noFacts ? noFacts : selectFacts(batch.facts, rows),
    examples: selectExamples(batch.examples, rows),
    progress: batch.progress,
  };
}

function concatFacts(batches: readonly Samples[]): ImpressionFacts {
  if (batches.every(({ facts }) => facts === noFacts)) return noFacts;
  return gatherFacts(
    batches.flatMap(({ facts, items }) => items.map((_item, row) => ({ facts, row }))),
  );
}

function outcomeNamesIn(batches: readonly Samples[]): string[] {
  return [...new Set(batches.flatMap(({ outcomes }) => Object.keys(outcomes)))];
}

/**
 * Masks and weights stay one entry where that says all. What one of the batches does not name, as it is of another configuration,
 * is not known of its rows.
 */
function concatOutcome(batches: readonly Samples[], name: string): OutcomeColumns {
  const columns = batches.map(({ outcomes, items }) => ({
    ...(outcomes[name] ?? unknownOutcome(items.length)),
    rows: items.length,
  }));
  const spread = (pickOf: (each: OutcomeColumns) => Uint8Array | Float32Array): number[] =>
    columns.flatMap((each) => Array.from({ length: each.rows }, (_row, i) => at(pickOf(each), i)));
  const { masks, weights } = columns[0]!;
  const sameMasks = columns.every((each) => each.masks.length === 1 && each.masks[0] === masks[0]);
  const sameWeights = columns.every(
    (each) => each.weights.length === 1 && each.weights[0] === weights[0],
  );
  return {
    labels: joinF32(columns.map(({ labels }) => labels)),
    masks: sameMasks ? masks : Uint8Array.from(spread((each) => each.masks)),
    weights: sameWeights ? weights : Float32Array.from(spread((each) => each.weights)),
  };
}

function joinF32(parts: readonly Float32Array[]): Float32Array {
  const out = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let end = 0;
  for (const part of parts) {
    out.set(part, end);
    end += part.length;
  }
  return out;
}

function joinF64(parts: readonly Float64Array[]): Float64Array {
  const out = new Float64Array(parts.reduce((sum, part) => sum + part.length, 0));
  let end = 0;
  for (const part of parts) {
    out.set(part, end);
    end += part.length;
  }
  return out;
}
