import type { ExampleBatch, OccurrenceMarks } from '../core/features/example-batch.js';
import { noMarks } from '../core/features/example-batch.js';
import { carriedExamples } from '../core/features/earlier-examples.js';
import type { FeatureSpec } from '../core/features/feature-spec.js';
import { StarlingError } from '../core/base/errors.js';
import type { Fields } from './checks.js';
import { asFields, f32, isRecord, u32, wrong } from './checks.js';
import { columnsOf } from './column-checks.js';
import { countsIn, countsOf, packedCounts } from './packed-counts.js';
import { packedPairs, unpackPairs } from './packed-pairs.js';
import { refuseSpec } from './spec-hash.js';
import { at, f32 as f32Column, u8 as u8Column } from '../core/base/columns.js';

/**
 * Examples in impressions and samples (core/features/example-batch.ts). They name slots and dense columns by id, so they can be told apart
 * from those of another specification; and they count the occurrences of a slot, a byte each, where memory has offsets: a
 * quarter of the bytes, and summing them up is the loop that would have to check offsets.
 */
export type ExampleSpec = Pick<FeatureSpec, 'hash' | 'slotIds' | 'columnIds' | 'denseWidth'> &
  Partial<Pick<FeatureSpec, 'earlier'>>;

/** The hash that a record names is this one, or one of before that is known. @throws StarlingError SPEC_MISMATCH */
export function requireKnownSpec(hash: string, spec: ExampleSpec, what: string): void {
  if (!spec.earlier?.has(hash)) refuseSpec(hash, spec.hash, what);
}

const markTable = { eventTypes: u8Column(), agesSeconds: f32Column() } as const;

export function exampleColumns(examples: ExampleBatch, spec: ExampleSpec) {
  return {
    slots: spec.slotIds,
    columns: spec.columnIds,
    counts: packedCounts(countsOf(examples), examples.slotCount),
    fids: packedPairs(examples.fids),
    dense: examples.dense,
    marks: examples.marks ?? null,
  };
}

/**
 * Those of an earlier specification are read as they would be of this one. Checks that the counts add up to the fids, so that later loops can't leave the arrays.
 * @throws StarlingError BAD_MESSAGE; SPEC_MISMATCH for other slots than the specification's, or in another order.
 */
export function examplesOf(
  fields: Fields,
  name: string,
  what: string,
  { spec, rows, hash = spec.hash }: ReadExamples,
): ExampleBatch {
  const place = `${what}.${name}`;
  requireKnownSpec(hash, spec, what);
  const inner = asFields(fields[name], place);
  const earlier = hash === spec.hash ? undefined : spec.earlier?.get(hash);
  const batch = examplesIn(inner, place, earlier ?? spec, rows);
  return earlier ? carriedExamples(batch, earlier) : batch;
}

export interface ReadExamples {
  readonly spec: ExampleSpec;
  readonly rows: number;
  /** Of the specification that the record names, where that may be one of before. */
  readonly hash?: string;
}

function examplesIn(
  inner: Fields,
  place: string,
  spec: Pick<ExampleSpec, 'slotIds' | 'columnIds' | 'denseWidth'>,
  rows: number,
): ExampleBatch {
  requireSame(u32(inner, 'slots', place), spec.slotIds, `${place}.slots`);
  requireSame(u32(inner, 'columns', place), spec.columnIds, `${place}.columns`);
  const slotCount = spec.slotIds.length;
  const denseCount = spec.denseWidth;
  const fids = fidsOf(inner, place);
  const shape = { rows, slotCount, occurrences: fids.length / 2 };
  const offsets = offsetsOf(countsIn(inner, place, shape));
  const total = offsets[offsets.length - 1]!;
  if (2 * total !== fids.length) throw wrong(place, 'fids', `${2 * total} words`, fids.length);
  const dense = f32(inner, 'dense', place, rows * denseCount);
  const marks = marksOf(inner, place, total);
  const batch = { rowCount: rows, slotCount, denseCount, offsets, fids, dense };
  return marks ? { ...batch, marks } : batch;
}

/** Packed or not. */
function fidsOf(inner: Fields, place: string): Uint32Array {
  const { fids } = inner;
  return isRecord(fids) && !ArrayBuffer.isView(fids)
    ? unpackPairs(fids, `${place}.fids`)
    : u32(inner, 'fids', place);
}

function offsetsOf(counts: Uint8Array | Uint16Array): Uint32Array {
  const cells = counts.length;
  const offsets = new Uint32Array(cells + 1);
  // Fids that are compared with the end can't be as many as overflow it: 2^20 rows of 2^16 would.
  let end = 0;
  for (let cell = 0; cell < cells; cell++) offsets[cell + 1] = end += counts[cell]!;
  if (end > 0xffffffff)
    throw new StarlingError('BAD_MESSAGE', `examples.counts: a sum of 32 bits, got ${end}.`);
  return offsets;
}

/** Null: there is no history among the slots. */
function marksOf(inner: Fields, place: string, total: number): OccurrenceMarks | undefined {
  if (inner['marks'] === null) return undefined;
  const told = asFields(inner['marks'], `${place}.marks`);
  const { eventTypes, agesSeconds } = columnsOf(markTable, told, `${place}.marks`, total);
  const marks = noMarks(total);
  for (let f = 0; f < total; f++) {
    marks.eventTypes[f] = at(eventTypes, f);
    marks.agesSeconds[f] = at(agesSeconds, f);
  }
  return marks;
}

function requireSame(theirs: Uint32Array, ours: Uint32Array, what: string): void {
  let same = theirs.length === ours.length;
  for (let i = 0; same && i < ours.length; i++) same = theirs[i] === ours[i];
  if (same) return;
  const text = `${what}: ids ${[...theirs].join(' ')} are not those of this specification, ${[...ours].join(' ')}.`;
  throw new StarlingError('SPEC_MISMATCH', text);
}
