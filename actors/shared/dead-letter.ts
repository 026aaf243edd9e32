import { codeOf, messageOf } from '../../core/base/errors.js';
import { encode, protocolVersion } from '../../messages/codec.js';
import { subject } from '../../messages/subjects.js';
import type { ActorContext } from '../../runtime/actor.js';
import { appendDurably } from '../../runtime/append-durably.js';

export interface DeadLetter {
  /** Where it came from: a stream subject. */
  readonly origin: string;
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
  const bytes = encode({
    v: protocolVersion,
    atMs: Date.now(),
    address,
    origin: letter.origin,
    events: letter.events,
    error: { code: codeOf(letter.error), message: messageOf(letter.error) },
    content: letter.content,
  });
  await appendDurably(context, subject.deadLetter(kind), bytes);
}
