import type { SampleBatch } from '../../core/joining/types.js';
import { selectExamples } from '../../core/features/example-batch.js';
import { encode } from '../../messages/codec.js';
import { samplesMessage } from '../../messages/events.js';

/** What an outbox entry is: the first byte says which stream it goes to. Numbers are for ever. */
export const outboxKind = { samples: 0, deadLetter: 1 } as const;
export type OutboxKind = (typeof outboxKind)[keyof typeof outboxKind];

export function outboxBytes(kind: OutboxKind, message: unknown): Uint8Array {
  const body = encode(message);
  const bytes = new Uint8Array(body.length + 1);
  bytes[0] = kind;
  bytes.set(body, 1);
  return bytes;
}

/**
 * Samples of one drain as messages of at most `rowsMax` rows. `settledWithout` counts impressions that were settled
 * without becoming a sample (dropped negatives, late ones); they are told with the last message, or by an empty one.
 */
export function sampleMessages(
  samples: SampleBatch,
  options: { readonly specHash: string; readonly rowsMax: number; readonly settledWithout: number },
): unknown[] {
  const count = samples.labels.length;
  if (count === 0 && options.settledWithout === 0) return [];
  const messages: unknown[] = [];
  for (let start = 0; start === 0 || start < count; start += options.rowsMax) {
    const end = Math.min(count, start + options.rowsMax);
    const isLast = end === count;
    const resolved = end - start + (isLast ? options.settledWithout : 0);
    messages.push(
      samplesMessage({ specHash: options.specHash, resolved, ...slice(samples, start, end) }),
    );
  }
  return messages;
}

function slice(samples: SampleBatch, start: number, end: number) {
  const whole = start === 0 && end === samples.labels.length;
  const rows = Array.from({ length: end - start }, (_unused, i) => start + i);
  return {
    requestIds: samples.requestIds.slice(start, end),
    users: samples.users.slice(start, end),
    items: samples.items.slice(start, end),
    labels: samples.labels.slice(start, end),
    sampleRates: samples.sampleRates.slice(start, end),
    scores: samples.scores.slice(start, end),
    atMs: samples.atMs.slice(start, end),
    acceptedAtMs: samples.acceptedAtMs.slice(start, end),
    examples: whole ? samples.examples : selectExamples(samples.examples, rows),
  };
}
