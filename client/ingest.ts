import type { z } from 'zod';
import { StarlingError, codeOf, messageOf } from '../core/base/errors.js';
import { encode } from '../messages/codec.js';
import { parse, publicEvent } from '../messages/public.js';
import type { EventType } from '../messages/subjects.js';
import type { Bus } from '../runtime/bus/bus.js';
import type { RetryPolicy } from '../runtime/retry.js';
import { retry } from '../runtime/retry.js';

/** What may be passed in: fields with defaults can be left out, ids can be numbers. */
export type ImpressionInput = z.input<typeof publicEvent.impression>;
export type EventInput = z.input<typeof publicEvent.event>;
/** Of what names its slate. */
export type ActionInput = EventInput;
export type ShownInput = z.input<typeof publicEvent.shown>;
export type AliasInput = z.input<typeof publicEvent.alias>;
export type MergeInput = z.input<typeof publicEvent.merge>;
export type EraseInput = z.input<typeof publicEvent.erase>;
export type FeaturesInput = z.input<typeof publicEvent.features>;
/** Attributes in `attributes`, or beside the id. */
export type ItemInput = z.input<typeof publicEvent.items>;
export type UserInput = z.input<typeof publicEvent.users>;

export interface IngestReceipt {
  /** Events that are in the stream of the data center, safe whatever fails from now on. */
  readonly accepted: number;
  /** Of them, events with the `id` of one before them in the same call: they count once. */
  readonly repeated: number;
  /** Where the last of them is: data center and sequence, such as `east:91264`; undefined of none. */
  readonly position?: string;
}

export interface IngestOptions {
  /**
   * For each message of up to 500 events; that of the client if left out. Infinity waits for a cluster that is not there
   * yet.
   */
  readonly deadlineMs?: number | undefined;
  /** Ends the waiting for another try; the call then throws what the last one met. */
  readonly signal?: AbortSignal | undefined;
  /** Hears of each failed try that is followed by another. */
  readonly failed?: ((error: unknown) => void) | undefined;
}

/** Events in one message. Fewer: a round trip for each. More: one bad connection repeats more of them. */
const eventsPerMessage = 500;

/** Within the deadline of who tells the event. */
const ingestPolicy: RetryPolicy = { baseMs: 20, capMs: 500 };

/** Of one try, however long the deadline: the acknowledgement of a server that died never comes. */
const tryMsMax = 5_000;

/** Of the payload limit; the rest is for headers. */
const payloadShare = 0.9;

/**
 * Checks one event as the processor will, so that a mistake is told to whoever made it and not to a dead-letter stream.
 * Which features are declared is known to the cluster alone.
 *
 * @throws StarlingError BAD_EVENT naming the field.
 */
export function checkedEvent(type: EventType, value: unknown, what: string = type): unknown {
  const schema: z.ZodType = publicEvent[type];
  return parse(schema, value, what, 'BAD_EVENT');
}

type Limits = IngestOptions & { readonly deadlineMs: number };
type Until = IngestOptions & { readonly endMs: number };

/**
 * Checks all events before the first is sent, then appends them in batches; resolves when all are acknowledged.
 *
 * @throws StarlingError that says how many of them, from the first on, are accepted (`details.accepted`).
 */
export async function ingest(
  bus: Bus,
  type: EventType,
  events: readonly unknown[],
  options: Limits,
): Promise<IngestReceipt> {
  const checked = events.map((event, i) => checkedEvent(type, event, `${type}[${i}]`));
  let accepted = 0;
  let position: string | undefined;
  const count = (more: number, at: string): void => {
    accepted += more;
    position = at;
  };
  try {
    for (let start = 0; start < checked.length; start += eventsPerMessage) {
      const batch = checked.slice(start, start + eventsPerMessage);
      const until = { ...options, endMs: bus.clock.nowMs() + options.deadlineMs };
      await appendBatch(bus, type, batch, until, count);
    }
  } catch (cause) {
    throw partly(cause, accepted, checked.length);
  }
  // The ids of others are of what they tell of.
  const repeated = type === 'event' || type === 'action' ? repeatedIn(checked) : 0;
  return { accepted, repeated, ...(position === undefined ? {} : { position }) };
}

function repeatedIn(events: readonly unknown[]): number {
  const ids = events.flatMap((event) => (event as { readonly id?: unknown }).id ?? []);
  return ids.length - new Set(ids).size;
}

/** Of the message that failed nothing is known to be in the stream. */
function partly(cause: unknown, accepted: number, of: number): StarlingError {
  const { details } = cause as { details?: Readonly<Record<string, unknown>> };
  const text = of > 1 ? `${accepted} of ${of} events are accepted, the first ones; then: ` : '';
  const told = { ...details, accepted };
  return new StarlingError(codeOf(cause), `${text}${messageOf(cause)}`, told, { cause });
}

/** @param until when, by the clock of `bus`, and what else ends or hears of the tries. */
async function appendBatch(
  bus: Bus,
  type: EventType,
  events: readonly unknown[],
  until: Until,
  count: (accepted: number, position: string) => void,
): Promise<void> {
  const bytes = encode(events);
  const bytesMax = bus.payloadBytesMax * payloadShare;
  if (bytes.length <= bytesMax) {
    return count(events.length, await append(bus, type, bytes, until));
  }
  if (events.length === 1) {
    const text = `${type}: one event takes ${bytes.length} bytes, a message may take ${bytesMax}.`;
    throw new StarlingError('PAYLOAD_TOO_LARGE', text);
  }
  const half = events.length >> 1;
  await appendBatch(bus, type, events.slice(0, half), until, count);
  await appendBatch(bus, type, events.slice(half), until, count);
}

/**
 * Appends until the stream acknowledges or the time is over. The message id lets the stream drop the copy whose
 * acknowledgement was lost.
 *
 * @throws what the last try that was answered met: the very last one has only what is left of the time, and that it was not
 *   answered says nothing against a refusal before it. TIMEOUT where none was.
 */
async function append(
  bus: Bus,
  type: EventType,
  bytes: Uint8Array,
  { endMs, signal, failed }: Until,
): Promise<string> {
  const messageId = bus.random.id();
  const deadlineMs = Math.max(1, endMs - bus.clock.nowMs());
  const tryMs = Math.min(deadlineMs / 2, tryMsMax);
  let stream = '';
  let refusal: unknown;
  const note = (error: unknown): void => {
    if (codeOf(error) !== 'TIMEOUT') refusal = error;
    failed?.(error);
  };
  const sequence = await retry(
    bus,
    { ...ingestPolicy, deadlineMs },
    ({ leftMs }) =>
      bus.append(bus.names.subject.ingest(type), bytes, {
        messageId,
        timeoutMs: Math.min(tryMs, leftMs),
        stored: (name) => (stream = name),
      }),
    { failed: note, ...(signal ? { signal } : {}) },
  ).catch((error: unknown) => {
    throw codeOf(error) === 'TIMEOUT' ? (refusal ?? error) : error;
  });
  return `${dataCenterOf(bus, stream)}:${sequence}`;
}

/** Usually the one that it is connected to; on somebody else's servers one stream is that of all. */
function dataCenterOf({ names, dataCenter = '' }: Bus, stream: string): string {
  if (stream === '' || stream === names.stream.raw(dataCenter)) return dataCenter;
  return stream.slice(names.stream.raw('').length).toLowerCase().replaceAll('_', '-');
}
