import { codeOf, messageOf } from '../../core/base/errors.js';
import { encode } from '../../messages/codec.js';
import type { DeadLetter as Letter } from '../../messages/dead-letters.js';
import { deadLettersMessage, letterOf } from '../../messages/dead-letters.js';
import type { ActorContext } from '../../runtime/actor.js';
import { appendDurably } from '../../runtime/append-durably.js';
import { fitsInto } from '../../runtime/fitting-messages.js';

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

export interface LetterPorts {
  readonly identity: Pick<ActorContext['identity'], 'kind' | 'address'>;
  readonly bus: Pick<
    ActorContext['bus'],
    'names' | 'clock' | 'random' | 'append' | 'payloadBytesMax'
  >;
  readonly log: Pick<ActorContext['log'], 'warn'>;
}

/** Keeps what can't be processed, with the reason, in the dead-letter stream; nothing blocks on it and nothing is lost. */
export async function deadLetter(context: LetterPorts, letter: DeadLetter): Promise<void> {
  const { kind, address } = context.identity;
  const atMs = context.bus.clock.wallMs();
  context.log.warn(
    { origin: letter.origin, code: codeOf(letter.error), err: messageOf(letter.error) },
    'dead letter',
  );
  const whole = letterOf(letter.error, letter.events, letter.content);
  const encoded = (each: Letter): Uint8Array => {
    const { origin, sequence } = letter;
    return encode(deadLettersMessage({ atMs, address, origin, sequence, letters: [each] }));
  };
  const bytes = encoded(whole);
  const { payloadBytesMax } = context.bus;
  await appendDurably(
    context,
    context.bus.names.subject.deadLetter(kind),
    fitsInto(payloadBytesMax, bytes) ? bytes : encoded(withoutContent(whole, bytes.length)),
  );
}

/** A letter is longer than the message it is about, which may be as long as a message can be. */
function withoutContent(letter: Letter, bytes: number): Letter {
  const message = `${letter.message} (Its ${bytes} bytes are too many for a letter; the stream of its origin has them for as long as it keeps them.)`;
  return { ...letter, message, content: null };
}
