import { codeOf, isErrorCode, messageOf, type ErrorCode } from '../core/base/errors.js';
import { asFields, asMessage, number, text, wrong } from './checks.js';
import { protocolVersion } from './codec.js';
import { sequenceOf } from './progress-marks.js';

/** What could not be processed, with the reason. One message holds what went wrong with one record, or in one commit. */
export interface DeadLetters {
  readonly atMs: number;
  /** Who gave it up. */
  readonly address: string;
  /** Where it came from: a stream subject, or `join`. */
  readonly origin: string;
  /** Of the record in its stream; 0: it is not of one record. */
  readonly sequence: number;
  readonly letters: readonly DeadLetter[];
}

export interface DeadLetter {
  readonly code: ErrorCode;
  readonly message: string;
  /** How many events it holds, for the books. */
  readonly events: number;
  /** The event itself, or the bytes when they could not be read. */
  readonly content: unknown;
  /** Where it came in a list: its place there. */
  readonly index?: number;
}

export function letterOf(
  error: unknown,
  { events, content, index }: Pick<DeadLetter, 'events' | 'content' | 'index'>,
): DeadLetter {
  const letter = { code: codeOf(error), message: messageOf(error), events, content };
  return index === undefined ? letter : { ...letter, index };
}

export function deadLettersMessage(letters: DeadLetters) {
  return { v: protocolVersion, kind: 'dead-letters', ...letters };
}

/** @throws StarlingError BAD_MESSAGE */
export function parseDeadLetters(value: unknown): DeadLetters {
  const what = 'dead letters';
  const fields = asMessage(value, what);
  const { letters } = fields;
  if (!Array.isArray(letters)) throw wrong(what, 'letters', 'a list', letters);
  return {
    atMs: number(fields, 'atMs', what),
    address: text(fields, 'address', what),
    origin: text(fields, 'origin', what),
    sequence: sequenceOf(fields, what),
    letters: letters.map((each) => parseLetter(each, what)),
  };
}

/** A code of a later release counts as INTERNAL. */
function parseLetter(value: unknown, what: string): DeadLetter {
  const fields = asFields(value, what);
  const code = text(fields, 'code', what);
  return {
    code: isErrorCode(code) ? code : 'INTERNAL',
    message: text(fields, 'message', what),
    events: number(fields, 'events', what),
    content: fields['content'],
    ...(fields['index'] === undefined ? {} : { index: number(fields, 'index', what) }),
  };
}
