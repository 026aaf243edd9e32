import type { ExampleBatch } from '../core/features/example-batch.js';
import { concatExamples, selectExamples } from '../core/features/example-batch.js';
import { StarlingError } from '../core/base/errors.js';
import { asMessage, examples, f32, f64, number, text, texts } from './checks.js';
import { protocolVersion } from './codec.js';

/** Impressions by column, as rankers log them and as they travel on JOIN. */
export interface Impressions {
  readonly requestIds: string[];
  readonly users: string[];
  readonly items: string[];
  /** Event time, milliseconds. */
  readonly atMs: Float64Array;
  /** Probability that serving gave; NaN when none. */
  readonly scores: Float32Array;
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
}

/** Joined training samples: the batch a trainer learns from. Its identity is its stream sequence. */
export interface Samples {
  readonly specHash: string;
  /** Impressions settled by this batch: its samples and the negatives dropped since the batch before. */
  readonly resolved: number;
  readonly requestIds: string[];
  readonly users: string[];
  readonly items: string[];
  readonly labels: Float32Array;
  /** 1, or the rate by which negatives were kept. */
  readonly sampleRates: Float32Array;
  readonly scores: Float32Array;
  readonly atMs: Float64Array;
  readonly acceptedAtMs: Float64Array;
  readonly examples: ExampleBatch;
}

export function impressionsMessage(specHash: string, batch: Impressions) {
  return { v: protocolVersion, kind: 'impressions', specHash, ...batch };
}

export function actionsMessage(batch: Actions) {
  return { v: protocolVersion, kind: 'actions', ...batch };
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
  return { v: protocolVersion, kind: 'advance', watermarkMs };
}

/** @throws StarlingError BAD_MESSAGE */
export function parseAdvance(value: unknown): WindowAdvance {
  const what = 'advance';
  const fields = asMessage(value, what);
  if (fields['watermarkMs'] === 'end') return { watermarkMs: 'end' };
  return { watermarkMs: number(fields, 'watermarkMs', what) };
}

export function samplesMessage(batch: Samples) {
  return { v: protocolVersion, kind: 'samples', ...batch };
}

export function refuseOtherSpec(theirs: string, ours: string, what: string): void {
  if (theirs !== ours) {
    throw new StarlingError(
      'SPEC_MISMATCH',
      `${what}: made with feature specification ${theirs}, this actor runs ${ours}.`,
      { theirs, ours },
    );
  }
}

export function parseImpressions(value: unknown, specHash: string): Impressions {
  const what = 'impressions';
  const fields = asMessage(value, what);
  refuseOtherSpec(text(fields, 'specHash', what), specHash, what);
  const requestIds = texts(fields, 'requestIds', what);
  const n = requestIds.length;
  return {
    requestIds,
    users: texts(fields, 'users', what, n),
    items: texts(fields, 'items', what, n),
    atMs: finite(f64(fields, 'atMs', what, n), what),
    scores: f32(fields, 'scores', what, n),
    examples: examples(fields, 'examples', what, n),
  };
}

export function parseActions(value: unknown): Actions {
  const what = 'actions';
  const fields = asMessage(value, what);
  const requestIds = texts(fields, 'requestIds', what);
  const n = requestIds.length;
  const labels = f32(fields, 'labels', what, n);
  for (let i = 0; i < n; i++) {
    if (labels[i] !== 0 && labels[i] !== 1) {
      throw new StarlingError(
        'BAD_MESSAGE',
        `actions.labels[${i}]: expected 0 or 1, got ${labels[i]}.`,
      );
    }
  }
  return {
    requestIds,
    items: texts(fields, 'items', what, n),
    atMs: finite(f64(fields, 'atMs', what, n), what),
    labels,
    acceptedAtMs: f64(fields, 'acceptedAtMs', what, n),
  };
}

export function parseSamples(value: unknown, specHash: string): Samples {
  const what = 'samples';
  const fields = asMessage(value, what);
  const theirs = text(fields, 'specHash', what);
  refuseOtherSpec(theirs, specHash, what);
  const requestIds = texts(fields, 'requestIds', what);
  const n = requestIds.length;
  return {
    specHash: theirs,
    resolved: number(fields, 'resolved', what),
    requestIds,
    users: texts(fields, 'users', what, n),
    items: texts(fields, 'items', what, n),
    labels: f32(fields, 'labels', what, n),
    sampleRates: f32(fields, 'sampleRates', what, n),
    scores: f32(fields, 'scores', what, n),
    atMs: f64(fields, 'atMs', what, n),
    acceptedAtMs: f64(fields, 'acceptedAtMs', what, n),
    examples: examples(fields, 'examples', what, n),
  };
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
    examples: selectExamples(batch.examples, indices),
  };
}

export function selectActions(batch: Actions, indices: readonly number[]): Actions {
  return {
    requestIds: pick(batch.requestIds, indices),
    items: pick(batch.items, indices),
    atMs: Float64Array.from(indices, (i) => batch.atMs[i]!),
    labels: Float32Array.from(indices, (i) => batch.labels[i]!),
    acceptedAtMs: Float64Array.from(indices, (i) => batch.acceptedAtMs[i]!),
  };
}

/** Several sample batches as one training step. */
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
    labels: joinF32(batches.map((batch) => batch.labels)),
    sampleRates: joinF32(batches.map((batch) => batch.sampleRates)),
    scores: joinF32(batches.map((batch) => batch.scores)),
    atMs: joinF64(batches.map((batch) => batch.atMs)),
    acceptedAtMs: joinF64(batches.map((batch) => batch.acceptedAtMs)),
    examples: concatExamples(
      batches.map((batch) => batch.examples),
      slotCount,
      denseCount,
    ),
  };
}

function joinF32(parts: readonly Float32Array[]): Float32Array {
  const out = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

function joinF64(parts: readonly Float64Array[]): Float64Array {
  const out = new Float64Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
