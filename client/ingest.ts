import { randomUUID } from 'node:crypto';
import type { z } from 'zod';
import { StarlingError } from '../core/base/errors.js';
import { encode } from '../messages/codec.js';
import { parse, publicEvent } from '../messages/public.js';
import type { EventType } from '../messages/subjects.js';
import type { Bus } from '../runtime/bus.js';
import type { RetryPolicy } from '../runtime/retry.js';
import { retry } from '../runtime/retry.js';

/** What may be passed in: fields with defaults can be left out, ids can be numbers. */
export type ImpressionInput = z.input<typeof publicEvent.impression>;
export type ActionInput = z.input<typeof publicEvent.action>;
export type FeaturesInput = z.input<typeof publicEvent.features>;

export interface IngestReceipt {
  /** Events that are in the stream of the data center, safe whatever fails from now on. */
  readonly accepted: number;
}

/** Events in one message. Fewer: a round trip for each. More: one bad connection repeats more of them. */
const eventsPerMessage = 500;

/** Within the deadline of who tells the event. */
const ingestPolicy: RetryPolicy = { baseMs: 20, capMs: 500 };

/** Of the payload limit; the rest is for headers. */
const payloadShare = 0.9;

/**
 * Checks one event as the processor will, so that a mistake is told to whoever made it and not to a dead-letter stream.
 * Which features are declared is known to the cluster alone.
 *
 * @throws StarlingError BAD_EVENT naming the field.
 */
export function checkedEvent(type: EventType, value: unknown, what: string = type): unknown {
  switch (type) {
    case 'impression':
      return parse(publicEvent.impression, value, what, 'BAD_EVENT');
    case 'action':
      return parse(publicEvent.action, value, what, 'BAD_EVENT');
    case 'features':
      return parse(publicEvent.features, value, what, 'BAD_EVENT');
  }
}

/** Checks all events before the first is sent, then appends them in batches; resolves when all are acknowledged. */
export async function ingest(
  bus: Bus,
  type: EventType,
  events: readonly unknown[],
  deadlineMs: number,
): Promise<IngestReceipt> {
  const checked = events.map((event, i) => checkedEvent(type, event, `${type}[${i}]`));
  for (let start = 0; start < checked.length; start += eventsPerMessage) {
    const batch = checked.slice(start, start + eventsPerMessage);
    await appendBatch(bus, type, batch, performance.now() + deadlineMs);
  }
  return { accepted: checked.length };
}

async function appendBatch(
  bus: Bus,
  type: EventType,
  events: readonly unknown[],
  endMs: number,
): Promise<void> {
  const bytes = encode(events);
  const bytesMax = bus.payloadBytesMax * payloadShare;
  if (bytes.length <= bytesMax)
    return appendWithin(bus, bus.names.subject.ingest(type), bytes, endMs);
  if (events.length === 1) {
    const text = `${type}: one event takes ${bytes.length} bytes, a message may take ${bytesMax}.`;
    throw new StarlingError('PAYLOAD_TOO_LARGE', text);
  }
  const half = events.length >> 1;
  await appendBatch(bus, type, events.slice(0, half), endMs);
  await appendBatch(bus, type, events.slice(half), endMs);
}

/**
 * Appends until the stream acknowledges or `endMs` (of performance.now()) has come. The message id lets the stream drop
 * the copy whose acknowledgement was lost.
 *
 * @throws what the last attempt met.
 */
export async function appendWithin(
  bus: Bus,
  subjectName: string,
  bytes: Uint8Array,
  endMs: number,
  messageId: string = randomUUID(),
): Promise<void> {
  const deadlineMs = Math.max(1, endMs - performance.now());
  await retry({ ...ingestPolicy, deadlineMs }, ({ leftMs }) =>
    bus.append(subjectName, bytes, { messageId, timeoutMs: Math.min(deadlineMs / 2, leftMs) }),
  );
}
