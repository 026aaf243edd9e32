import { asFields, asMessage, flag, number, text, wrong, type Fields } from './checks.js';
import { decode, encode, protocolVersion } from './codec.js';

/**
 * What the leader finds wrong with what is learned: one key for each in the CLUSTER bucket, written by the leader when it begins and when
 * it ends, and read by the leaders and hosts to come. No key: it was never so.
 */
export interface AlarmEntry {
  /** False: it was, and is no more. */
  readonly raised: boolean;
  /** For people, with the figures of when it was raised. */
  readonly text: string;
  /** When it was raised, or ended. */
  readonly atMs: number;
  /** Of the leader that wrote it; a leader of an earlier term does not write over it. */
  readonly term: number;
}

/** One that is raised, as the status tells it. */
export interface Alarm {
  /** `samples`, `calibration.<outcome>` or `drift.<feature>`. */
  readonly name: string;
  readonly text: string;
  readonly sinceMs: number;
}

export const alarmKeys = 'alarm.>';

export function alarmKey(name: string): string {
  return `alarm.${name}`;
}

/** @returns undefined for a key that is not of an alarm. */
export function nameOfAlarm(key: string): string | undefined {
  return /^alarm\.([\w-]+(?:\.[\w-]+)?)$/.exec(key)?.[1];
}

export function encodeAlarm(entry: AlarmEntry): Uint8Array {
  return encode({ v: protocolVersion, ...entry });
}

/** @throws StarlingError BAD_MESSAGE, UNSUPPORTED_VERSION */
export function decodeAlarm(bytes: Uint8Array): AlarmEntry {
  const what = 'alarm entry';
  const fields = asMessage(decode(bytes), what);
  return {
    raised: flag(fields, 'raised', what),
    text: text(fields, 'text', what),
    atMs: number(fields, 'atMs', what),
    term: termOf(fields, what),
  };
}

/** One within another message. */
export function alarmIn(value: unknown, what: string): Alarm {
  const fields = asFields(value, what);
  return {
    name: text(fields, 'name', what),
    text: text(fields, 'text', what),
    sinceMs: number(fields, 'sinceMs', what),
  };
}

function termOf(fields: Fields, what: string): number {
  const term = number(fields, 'term', what);
  if (!Number.isSafeInteger(term) || term < 0) throw wrong(what, 'term', 'a natural number', term);
  return term;
}
