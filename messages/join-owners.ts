import { asMessage, number, wrong } from './checks.js';
import { decode, encode, protocolVersion } from './codec.js';

/**
 * Which joiner has which partition of JOIN: one key each in the CLUSTER bucket, changed by compare-and-set, by the leader alone. It
 * is not what fences two joiners of one partition: the stream of samples does.
 */
export interface JoinOwner {
  /** Index of the joiner. */
  readonly owner: number;
  /** Of the leader that has written last. */
  readonly term: number;
}

export const joinOwnerKeys = 'join.*';

export function joinOwnerKey(partition: number): string {
  return `join.${partition}`;
}

/** @returns undefined for a key that is not of a partition of JOIN. */
export function partitionOfJoinKey(key: string): number | undefined {
  const [, partition] = /^join\.(\d+)$/.exec(key) ?? [];
  return partition === undefined ? undefined : Number(partition);
}

export function encodeJoinOwner(owner: JoinOwner): Uint8Array {
  return encode({ v: protocolVersion, ...owner });
}

/** @throws StarlingError BAD_MESSAGE */
export function decodeJoinOwner(bytes: Uint8Array): JoinOwner {
  const what = 'owner of a partition of JOIN';
  const fields = asMessage(decode(bytes), what);
  return { owner: natural(fields, 'owner', what), term: natural(fields, 'term', what) };
}

/** To the joiner that has the partition: it ends what it has in hand, and begins nothing there until its owner is written anew. */
export function releaseCommand(command: { readonly term: number }) {
  return { v: protocolVersion, ...command };
}

/** @throws StarlingError BAD_MESSAGE */
export function parseReleaseCommand(value: unknown): { readonly term: number } {
  const what = 'release';
  return { term: natural(asMessage(value, what), 'term', what) };
}

export function releaseReply() {
  return { v: protocolVersion };
}

function natural(fields: Readonly<Record<string, unknown>>, name: string, what: string): number {
  const value = number(fields, name, what);
  if (!Number.isSafeInteger(value) || value < 0) throw wrong(what, name, 'a natural number', value);
  return value;
}
