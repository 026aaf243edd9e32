import type { OpenRow } from './open-rows.js';
import { decodeParts, encodeParts, recordKind } from './record-codec.js';

type SettledRow = readonly [
  requestId: string,
  item: string,
  person: string,
  sinceMs: number,
  reached: number,
];

/** Settled rows of one drain and lane, and keys of rows that were settled and are gone; as the store has them. */
interface SettledRows {
  readonly lane: number;
  readonly rows: readonly SettledRow[];
  readonly gone: readonly string[];
}

export function settledRow({ requestId, item, person, sinceMs, reached }: OpenRow): SettledRow {
  return [requestId, item, person, sinceMs, reached];
}

export function settledBytes(said: SettledRows): Uint8Array {
  return encodeParts({ kind: recordKind.settledRows, said, rows: [] });
}

export function settledIn(bytes: Uint8Array): SettledRows {
  return decodeParts(bytes).said as SettledRows;
}
