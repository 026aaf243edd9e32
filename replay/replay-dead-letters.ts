import { decode } from '../messages/codec.js';
import { parseDeadLetters } from '../messages/dead-letters.js';
import { lastToken } from '../messages/subjects.js';
import type { Bus } from '../runtime/bus/bus.js';
import { replay } from '../runtime/followers/follow.js';

/** What could not be processed during a run, from the dead-letter stream itself: processors keep no durable counters. */
export interface LetterFigures {
  readonly letters: number;
  /** Events in all letters. */
  readonly events: number;
  /** Impressions that were refused before they reached a joiner. */
  readonly impressionsRefused: number;
  /** Letters by error code. */
  readonly codes: Readonly<Record<string, number>>;
}

export const noLetters: LetterFigures = { letters: 0, events: 0, impressionsRefused: 0, codes: {} };

/** @param after sequence of the last letter that is older than the run. */
export async function lettersSince(bus: Bus, after: number): Promise<LetterFigures> {
  let letters = 0;
  let events = 0;
  let impressionsRefused = 0;
  const codes: Record<string, number> = {};
  await replay(bus, { stream: bus.names.stream.deadLetter, fromSequence: after + 1 }, (message) => {
    if (message.sequence <= after) return;
    const { origin, letters: told } = parseDeadLetters(decode(message.bytes));
    const isImpression = bus.names.isOf('raw', origin) && lastToken(origin) === 'impression';
    for (const letter of told) {
      letters++;
      events += letter.events;
      codes[letter.code] = (codes[letter.code] ?? 0) + 1;
      if (isImpression) impressionsRefused += letter.events;
    }
  });
  return { letters, events, impressionsRefused, codes };
}
