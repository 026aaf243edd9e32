import type { ActivityState } from '../core/activity/activity-state.js';
import type { Fields } from './checks.js';
import { asFields, asMessage, number, texts, wrong } from './checks.js';
import { decodeChunk, encodeChunk } from './checked-chunk.js';
import { protocolVersion } from './codec.js';
import { sequenceOf } from './progress-marks.js';

/**
 * What is kept of people and items, as one more object of the snapshots of users and items. It has a place of its own, in
 * ACTIVITY, and the places of joiners up to which it knows what they said.
 */
export interface ActivitySnapshot {
  readonly sequence: number;
  readonly taken: Readonly<Record<string, readonly [sequence: number, index: number]>>;
  readonly name: string;
  readonly bytes: number;
  readonly chunks: number;
  /** Of the chunks, where they are in a stream. */
  readonly sequences?: Float64Array;
  readonly rows: number;
}

export function activitySnapshotOf(value: unknown, what: string): ActivitySnapshot {
  const fields = asFields(value, what);
  const { sequences, name } = fields;
  if (typeof name !== 'string') throw wrong(what, 'name', 'text', name);
  if (sequences !== undefined && !(sequences instanceof Float64Array))
    throw wrong(what, 'sequences', 'a Float64Array', sequences);
  return {
    sequence: sequenceOf(fields, what),
    taken: takenOf(fields, what),
    name,
    bytes: number(fields, 'bytes', what),
    chunks: number(fields, 'chunks', what),
    ...(sequences === undefined ? {} : { sequences }),
    rows: number(fields, 'rows', what),
  };
}

function takenOf(fields: Fields, what: string): ActivitySnapshot['taken'] {
  const taken = asFields(fields['taken'], `${what}.taken`);
  for (const [source, place] of Object.entries(taken)) {
    const isPlace =
      Array.isArray(place) && place.length === 2 && place.every((each) => typeof each === 'number');
    if (!isPlace) throw wrong(`${what}.taken`, source, 'a place in JOIN', place);
  }
  return taken as ActivitySnapshot['taken'];
}

export interface ActivityRows {
  readonly keys: readonly string[];
  readonly states: readonly ActivityState[];
}

export function encodeActivityRows(rows: ActivityRows): Uint8Array {
  return encodeChunk({ v: protocolVersion, kind: 'activity-rows', ...rows });
}

/** @throws StarlingError SNAPSHOT_CORRUPT, BAD_MESSAGE, UNSUPPORTED_VERSION */
export function decodeActivityRows(chunk: Uint8Array): ActivityRows {
  const what = 'activity rows';
  const fields = asMessage(decodeChunk(chunk, what), what);
  const keys = texts(fields, 'keys', what);
  const { states } = fields;
  if (!Array.isArray(states) || states.length !== keys.length)
    throw wrong(what, 'states', `a list of ${keys.length}`, states);
  return { keys, states: states as ActivityState[] };
}
