import { codeOf, messageOf } from '../../core/base/errors.js';
import { encode } from '../../messages/codec.js';
import { deadLettersMessage, letterOf } from '../../messages/dead-letters.js';
import type { ActorContext } from '../../runtime/actor.js';
import { appendDurably } from '../../runtime/append-durably.js';

export interface DeadLetter {
  /** Where it came from: a stream subject, and the sequence of the record there. */
  readonly origin: string;
  readonly sequence: number;
  /** The event itself, or the bytes when they could not be read. */
  readonly content: unknown;
  readonly error: unknown;
  /** How many events it holds, for the books. */
  readonly events: number;
}

/** Keeps what can't be processed, with the reason, in the dead-letter stream; nothing blocks on it and nothing is lost. */
export async function deadLetter(context: ActorContext, letter: DeadLetter): Promise<void> {
  const { kind, address } = context.identity;
  context.log.warn(
    { origin: letter.origin, code: codeOf(letter.error), err: messageOf(letter.error) },
    'dead letter',
  );
  const bytes = encode(
    deadLettersMessage({
      atMs: Date.now(),
      address,
      origin: letter.origin,
      sequence: letter.sequence,
      letters: [letterOf(letter.error, letter.events, letter.content)],
    }),
  );
  await appendDurably(context, context.bus.names.subject.deadLetter(kind), bytes);
}
