import { StarlingError } from '../../core/base/errors.js';
import { selectFacts } from '../../core/joining/event-facts.js';
import type { JoinCounters, SampleBatch } from '../../core/joining/types.js';
import { selectExamples } from '../../core/features/example-batch.js';
import type { ExampleSpec } from '../../messages/example-columns.js';
import { sliceOutcomes } from '../../messages/outcomes.js';
import { noProgress } from '../../messages/progress-marks.js';
import { samplesMessage } from '../../messages/samples.js';
import type { SamplePosition } from './sample-position.js';

/**
 * What an outbox entry is: the first byte says which stream it goes to; a position follows, from, to and rows as float64,
 * complete as a byte. Of what is sent to another partition, rows is that partition. Numbers are for ever.
 */
export const outboxKind = { samples: 0, deadLetter: 1, sent: 2, activity: 3 } as const;
export type OutboxKind = (typeof outboxKind)[keyof typeof outboxKind];

const headBytes = 1 + 3 * 8 + 1;

export interface OutboxContent {
  readonly kind: OutboxKind;
  readonly position: SamplePosition;
  readonly body: Uint8Array;
}

/** @param body an encoded message. */
export function outboxBytes(
  kind: OutboxKind,
  position: SamplePosition,
  body: Uint8Array,
): Uint8Array {
  const bytes = new Uint8Array(headBytes + body.length);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, kind);
  view.setFloat64(1, position.from);
  view.setFloat64(9, position.to);
  view.setFloat64(17, position.rows);
  view.setUint8(25, position.complete ? 1 : 0);
  bytes.set(body, headBytes);
  return bytes;
}

/**
 * @param window of the store that the entry is from.
 * @throws StarlingError CORRUPT
 */
export function readOutbox(bytes: Uint8Array, window: string): OutboxContent {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const kind = Object.values(outboxKind).find((each) => each === view.getUint8(0));
  if (kind === undefined) {
    const text = `an outbox entry of kind ${view.getUint8(0)} is none of this release`;
    throw new StarlingError('CORRUPT', text);
  }
  const position = {
    window,
    from: view.getFloat64(1),
    to: view.getFloat64(9),
    rows: view.getFloat64(17),
    complete: view.getUint8(25) === 1,
  };
  return { kind, position, body: bytes.subarray(headBytes) };
}

export interface SampleMessageOptions {
  readonly spec: ExampleSpec;
  readonly rowsMax: number;
  /** Impressions that were settled beyond the rows of samples (dropped negatives, late ones). */
  readonly settledWithout: number;
  /** Samples at the beginning that are in the stream already. */
  readonly skip: number;
  readonly place: Pick<SamplePosition, 'window' | 'from' | 'to'>;
  /** Of the window, at the end of the commit. */
  readonly counters: JoinCounters;
}

/**
 * Samples of one drain as messages of at most `rowsMax` rows, each with its position. What was settled without a sample
 * is told with the last message, or by an empty one.
 */
export function sampleMessages(
  samples: SampleBatch,
  { spec, rowsMax, settledWithout, skip, place, counters }: SampleMessageOptions,
): { readonly message: unknown; readonly position: SamplePosition }[] {
  const count = samples.items.length;
  if (count <= skip && settledWithout === 0) return [];
  const messages = [];
  for (let start = skip; start === skip || start < count; start += rowsMax) {
    const end = Math.max(start, Math.min(count, start + rowsMax));
    const complete = end >= count;
    const resolved = end - start + (complete ? settledWithout : 0);
    messages.push({
      message: samplesMessage(spec, { resolved, counters, ...slice(samples, start, end) }),
      position: { ...place, rows: end, complete },
    });
  }
  return messages;
}

function slice(samples: SampleBatch, start: number, end: number) {
  const whole = start === 0 && end === samples.items.length;
  const rows = Array.from({ length: end - start }, (_unused, i) => start + i);
  return {
    requestIds: samples.requestIds.slice(start, end),
    users: samples.users.slice(start, end),
    items: samples.items.slice(start, end),
    outcomes: sliceOutcomes(samples.outcomes, start, end),
    sampleRates: samples.sampleRates.slice(start, end),
    scores: samples.scores.slice(start, end),
    atMs: samples.atMs.slice(start, end),
    acceptedAtMs: samples.acceptedAtMs.slice(start, end),
    facts: whole ? samples.facts : selectFacts(samples.facts, rows),
    progress: noProgress,
    examples: whole ? samples.examples : selectExamples(samples.examples, rows),
  };
}
