import { codeOf, messageOf } from '../../core/base/errors.js';
import { encode } from '../../messages/codec.js';
import type { DeadLetter as Letter } from '../../messages/dead-letters.js';
import { deadLettersMessage, letterOf } from '../../messages/dead-letters.js';
import type { ActorContext } from '../../runtime/actor.js';
import { appendDurably } from '../../runtime/append-durably.js';
import { fitsInto, sendFitting } from '../../runtime/fitting-messages.js';

/** An event that can't be used. */
export interface Rejected {
  /** The event itself, or the bytes when they could not be read. */
  readonly content: unknown;
  readonly error: unknown;
  /** How many events it holds, for the books. */
  readonly events: number;
  /** Of one of a list. */
  readonly index?: number;
}

/** Where they came from: a stream subject, and the sequence of the record there. */
export interface Origin {
  readonly origin: string;
  readonly sequence: number;
}

export type DeadLetter = Origin & Rejected;

export interface LetterPorts {
  readonly identity: Pick<ActorContext['identity'], 'kind' | 'address'>;
  readonly bus: Pick<
    ActorContext['bus'],
    'names' | 'clock' | 'random' | 'append' | 'payloadBytesMax'
  >;
  readonly log: Pick<ActorContext['log'], 'warn'>;
}

/** As `deadLetters`, of one. */
export function deadLetter(
  context: LetterPorts,
  { origin, sequence, ...rejected }: DeadLetter,
): Promise<void> {
  return deadLetters(context, { origin, sequence }, [rejected]);
}

/**
 * Keeps what can't be processed, with the reason, in the dead-letter stream; nothing blocks on it and nothing is lost. What is
 * of one record is one message, however much it is, since each is waited for.
 */
export async function deadLetters(
  context: LetterPorts,
  { origin, sequence }: Origin,
  rejected: readonly Rejected[],
): Promise<void> {
  const [first] = rejected;
  if (!first) return;
  const { identity, bus, log } = context;
  const atMs = bus.clock.wallMs();
  const facts = { code: codeOf(first.error), err: messageOf(first.error) };
  log.warn({ origin, letters: rejected.length, ...facts }, 'dead letters');
  const message = (letters: readonly Letter[]): Uint8Array =>
    encode(deadLettersMessage({ atMs, address: identity.address, origin, sequence, letters }));
  const { payloadBytesMax } = bus;
  await sendFitting(
    rejected.map(({ error, ...about }) => letterOf(error, about)),
    {
      payloadBytesMax,
      encoded: (letters) => {
        const bytes = message(letters);
        const isTooLong = letters.length === 1 && !fitsInto(payloadBytesMax, bytes);
        return isTooLong ? message([withoutContent(letters[0]!, bytes.length)]) : bytes;
      },
      send: async (bytes) =>
        void (await appendDurably(context, bus.names.subject.deadLetter(identity.kind), bytes)),
    },
  );
}

/** A letter is longer than the message it is about, which may be as long as a message can be. */
function withoutContent(letter: Letter, bytes: number): Letter {
  const message = `${letter.message} (Its ${bytes} bytes are too many for a letter; the stream of its origin has them for as long as it keeps them.)`;
  return { ...letter, message, content: null };
}
