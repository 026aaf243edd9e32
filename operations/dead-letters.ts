import { codeOf, messageOf, type ErrorCode } from '../core/base/errors.js';
import { header } from '../messages/headers.js';
import { decode } from '../messages/codec.js';
import { parseDeadLetters } from '../messages/dead-letters.js';
import { eventTypes, lastToken, type EventType } from '../messages/subjects.js';
import type { Bus } from '../runtime/bus/bus.js';
import { replay } from '../runtime/followers/follow.js';
import type { StreamMessage } from '../runtime/bus/logs.js';

/** One thing that could not be processed. */
export interface FoundLetter {
  readonly code: ErrorCode;
  readonly message: string;
  readonly events: number;
  /** Who gave it up, and when. */
  readonly address: string;
  readonly atMs: number;
  /** Where it came from: a subject of RAW or JOIN, or `join` where the window of a joiner has ended. */
  readonly origin: string;
  readonly content: unknown;
  /** `<data center>:<sequence in RAW>`, and the place in its list; undefined where it did not come from RAW. */
  readonly position: string | undefined;
  /** What it would be told again as. */
  readonly type: EventType | undefined;
  /** Where it stands in its own stream: sequence and place; samples are told again once by it. */
  readonly letter: string;
  /** Bytes of samples that no trainer could learn. */
  readonly isSamples: boolean;
}

/** Letters that say the same but for names and numbers. */
export interface LetterGroup {
  readonly code: ErrorCode;
  readonly events: number;
  readonly firstAtMs: number;
  readonly lastAtMs: number;
  /** The newest of them. */
  readonly example: FoundLetter;
}

/** All that the stream still has, in order. */
export async function lettersOf(bus: Bus): Promise<FoundLetter[]> {
  const found: FoundLetter[] = [];
  await replay(bus, { stream: bus.names.stream.deadLetter }, (message) => {
    found.push(...lettersIn(bus, message));
  });
  return found;
}

function lettersIn(bus: Bus, message: StreamMessage): FoundLetter[] {
  try {
    const { address, atMs, origin, sequence, letters } = parseDeadLetters(decode(message.bytes));
    const isRaw = bus.names.isOf('raw', origin);
    const ofTrainer = isOfSamples(bus, origin);
    return letters.map(({ code, message: text, events, content, index }, place) => ({
      letter: `${message.sequence}.${place}`,
      isSamples: ofTrainer && ArrayBuffer.isView(content),
      ...{ code, message: text, events, address, atMs, origin, content },
      position: isRaw ? `${origin.split('.').at(-2)}:${sequence}.${index ?? 0}` : undefined,
      type: isRaw ? eventTypes.find((type) => type === lastToken(origin)) : undefined,
    }));
  } catch (error) {
    const letter = { code: codeOf(error), message: `a letter that is none: ${messageOf(error)}` };
    const nothing = { events: 0, address: '', content: message.bytes, isSamples: false };
    const place = `${message.sequence}.0`;
    const { atMs, subject: origin } = message;
    return [
      { ...letter, ...nothing, letter: place, atMs, origin, position: undefined, type: undefined },
    ];
  }
}

function isOfSamples({ names }: Bus, origin: string): boolean {
  return names.isOf('samples', origin) || names.isOf('samplesRetried', origin);
}

/** The most events first. */
export function groupsOf(letters: readonly FoundLetter[]): LetterGroup[] {
  const groups = new Map<string, LetterGroup>();
  for (const letter of letters) {
    const { code, message, origin, events, atMs } = letter;
    const key = `${code} ${lastToken(origin)} ${message.replace(/"[^"]*"|[\d.,:]+/g, '…')}`;
    const before = groups.get(key);
    groups.set(key, {
      code,
      events: events + (before?.events ?? 0),
      firstAtMs: Math.min(atMs, before?.firstAtMs ?? atMs),
      lastAtMs: Math.max(atMs, before?.lastAtMs ?? atMs),
      example: letter,
    });
  }
  return [...groups.values()].sort((a, b) => b.events - a.events);
}

/**
 * What can be told again as it was: events that came from outside and could be read. One that has no id gets its place, so that it
 * counts once however often it is told again.
 */
export function toldAgain(letters: readonly FoundLetter[]): Map<EventType, unknown[]> {
  const byType = new Map<EventType, unknown[]>();
  for (const { type, content, position } of letters) {
    const isEvent = typeof content === 'object' && content !== null && !ArrayBuffer.isView(content);
    if (type === undefined || !isEvent) continue;
    const { id, requestId } = content as { id?: unknown; requestId?: unknown };
    const isOwn = (type === 'event' || type === 'action') && (id ?? requestId) === undefined;
    const event = isOwn ? { ...content, id: position } : content;
    byType.set(type, [...(byType.get(type) ?? []), event]);
  }
  return byType;
}

/**
 * Gives samples to the trainers once more, each letter once however often it is asked for: they are batches of their own, and
 * what still can't be learned of them is another dead letter.
 * @returns how many samples.
 */
export async function samplesAgain(bus: Bus, letters: readonly FoundLetter[]): Promise<number> {
  const samples = letters.filter(({ isSamples }) => isSamples);
  if (samples.length === 0) return 0;
  const { stream, subject } = bus.names;
  const told = new Set<string | undefined>();
  await replay(bus, { stream: stream.samples, filter: subject.samplesRetried }, (message) => {
    told.add(message.header(header.letter));
  });
  let count = 0;
  for (const { letter, content, events } of samples) {
    if (told.has(letter)) continue;
    await bus.append(subject.samplesRetried, content as Uint8Array, {
      messageId: `letter.${letter}`,
      headers: { [header.letter]: letter },
    });
    count += events;
  }
  return count;
}
