import { asMessage, number, text, wrong } from './checks.js';
import { decode, encode, protocolVersion } from './codec.js';

/**
 * Which data centers are out of service: one key per data center in the CLUSTER bucket, written by the leader, read by
 * the leaders and hosts to come, so that a data center stays drained whatever restarts. No key: it was never drained.
 */
export const drainCauses = ['hand', 'slow', 'stale'] as const;

/** By hand it stays out until a person takes it back; otherwise the leader does when it is fine again. */
export type DrainCause = (typeof drainCauses)[number];

export interface DrainEntry {
  /** False: it was taken back into service. */
  readonly drained: boolean;
  /** Who wanted it so; of one that was taken back, why it had been out. */
  readonly by: DrainCause;
  /** For people, with the figures. */
  readonly reason: string;
  readonly atMs: number;
  /** Of the leader that wrote it; a leader of an earlier term does not write over it. */
  readonly term: number;
}

export const drainKeys = 'drain.*';

export function drainKey(dataCenter: string): string {
  return `drain.${dataCenter}`;
}

/** @returns undefined for a key that is not of a drain. */
export function dataCenterOfDrain(key: string): string | undefined {
  return /^drain\.([a-z][a-z0-9-]*)$/.exec(key)?.[1];
}

export function encodeDrain(entry: DrainEntry): Uint8Array {
  return encode({ v: protocolVersion, ...entry });
}

/** @throws StarlingError BAD_MESSAGE, UNSUPPORTED_VERSION */
export function decodeDrain(bytes: Uint8Array): DrainEntry {
  const what = 'drain entry';
  const fields = asMessage(decode(bytes), what);
  const { drained } = fields;
  const by = drainCauses.find((cause) => cause === fields.by);
  if (by === undefined) throw wrong(what, 'by', `one of ${drainCauses.join(', ')}`, fields.by);
  if (typeof drained !== 'boolean') throw wrong(what, 'drained', 'true or false', drained);
  const term = number(fields, 'term', what);
  if (!Number.isSafeInteger(term) || term < 0) throw wrong(what, 'term', 'a natural number', term);
  return {
    drained,
    by,
    reason: text(fields, 'reason', what),
    atMs: number(fields, 'atMs', what),
    term,
  };
}
