import { assert } from '../base/assert.js';
import { StarlingError } from '../base/errors.js';
import type { ImpressionFacts } from './event-facts.js';
import { factsText, textFacts } from './packed-facts.js';
import { readText, textBytes, textBytesMax, writeText } from './packed-text.js';
import type { ImpressionBatch } from './types.js';

/**
 * An open impression as bytes, in memory and on disk alike. Little-endian, no alignment, so that rows stand one after
 * the other in a chunk and a copy is a run of bytes:
 *
 *   0 u8 kind   1 u8 version   2 u16 slots S   4 u16 dense D   6 u16 flags   8 u32 fids F   12 f32 score   16 f64 event time
 *   24 u32 × 4 text marks of request id, user, item, facts
 *   40 u32[S] end of each slot's fids   u32[2F] fids   f32[D] dense   (flag 1: f32[F] ages, u8[F] event types)   the texts
 *
 * 20 single-valued slots, 8 dense features and 30 characters of ids take 342 bytes. Facts take none while there are none.
 */
export const openKind = 1;
const version = 2;
const headerBytes = 40;
/** Set in the flags where the occurrences have marks. */
const markedFlag = 1;
const markBytes = 5;

export interface PackedRow {
  readonly requestId: string;
  readonly user: string;
  readonly item: string;
  readonly atMs: number;
  readonly score: number;
  readonly slotCount: number;
  readonly denseCount: number;
  readonly fidCount: number;
  /** Where the columns begin in the bytes the row was read from. */
  readonly slotEndsOffset: number;
  readonly fidsOffset: number;
  readonly denseOffset: number;
  /** Undefined: the occurrences have no marks. */
  readonly marksOffset: number | undefined;
  /** Of one row. */
  readonly facts: ImpressionFacts;
  /** Behind the row. */
  readonly endOffset: number;
}

/** An upper bound of the packed size; exact except for the texts, which are counted at two bytes per character. */
export function rowBytesMax(batch: ImpressionBatch, row: number): number {
  const { slotCount, denseCount, offsets } = batch.examples;
  const fidCount = offsets[(row + 1) * slotCount]! - offsets[row * slotCount]!;
  const texts =
    textBytesMax(batch.requestIds[row]!) +
    textBytesMax(batch.users[row]!) +
    textBytesMax(batch.items[row]!) +
    textBytesMax(factsText(batch.facts, row));
  const fidBytes = batch.examples.marks ? 8 + markBytes : 8;
  return headerBytes + 4 * slotCount + fidBytes * fidCount + 4 * denseCount + texts;
}

/**
 * Packs row `row` of `batch` into `target` at `offset`, which has `rowBytesMax` bytes to spare.
 *
 * @returns the offset behind the row.
 */
export function encodeRow(
  batch: ImpressionBatch,
  row: number,
  target: Uint8Array,
  offset: number,
): number {
  const { slotCount, denseCount, offsets, fids, dense, marks } = batch.examples;
  assert(slotCount <= 0xffff, `${slotCount} slots fit 16 bits`);
  assert(denseCount <= 0xffff, `${denseCount} dense features fit 16 bits`);
  const view = new DataView(target.buffer, target.byteOffset, target.byteLength);
  const start = offsets[row * slotCount]!;
  const fidCount = offsets[(row + 1) * slotCount]! - start;
  view.setUint8(offset, openKind);
  view.setUint8(offset + 1, version);
  view.setUint16(offset + 2, slotCount, true);
  view.setUint16(offset + 4, denseCount, true);
  view.setUint16(offset + 6, marks ? markedFlag : 0, true);
  view.setUint32(offset + 8, fidCount, true);
  view.setFloat32(offset + 12, batch.scores[row]!, true);
  view.setFloat64(offset + 16, batch.atMs[row]!, true);
  let at = offset + headerBytes;
  for (let s = 1; s <= slotCount; s++, at += 4) {
    view.setUint32(at, offsets[row * slotCount + s]! - start, true);
  }
  for (let f = 2 * start; f < 2 * (start + fidCount); f++, at += 4)
    view.setUint32(at, fids[f]!, true);
  for (let d = row * denseCount; d < (row + 1) * denseCount; d++, at += 4)
    view.setFloat32(at, dense[d]!, true);
  if (marks) {
    for (let f = start; f < start + fidCount; f++, at += 4)
      view.setFloat32(at, marks.agesSeconds[f]!, true);
    for (let f = start; f < start + fidCount; f++) target[at++] = marks.eventTypes[f]!;
  }
  const texts = [
    batch.requestIds[row]!,
    batch.users[row]!,
    batch.items[row]!,
    factsText(batch.facts, row),
  ];
  for (let t = 0; t < texts.length; t++) {
    const mark = writeText(target, at, texts[t]!);
    view.setUint32(offset + 24 + 4 * t, mark, true);
    at += textBytes(mark);
  }
  return at;
}

/** Reads the row at `offset`. The columns stay where they are. Throws CORRUPT if no such row can be there. */
export function decodeRow(bytes: Uint8Array, offset: number): PackedRow {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const room = bytes.byteLength - offset;
  if (
    room < headerBytes ||
    view.getUint8(offset) !== openKind ||
    view.getUint8(offset + 1) !== version
  ) {
    throw new StarlingError(
      'CORRUPT',
      `no packed impression at byte ${offset} of ${bytes.byteLength}`,
    );
  }
  const slotCount = view.getUint16(offset + 2, true);
  const denseCount = view.getUint16(offset + 4, true);
  const isMarked = (view.getUint16(offset + 6, true) & markedFlag) !== 0;
  const fidCount = view.getUint32(offset + 8, true);
  const marks = [24, 28, 32, 36].map((at) => view.getUint32(offset + at, true)) as [
    number,
    number,
    number,
    number,
  ];
  const slotEndsOffset = offset + headerBytes;
  const fidsOffset = slotEndsOffset + 4 * slotCount;
  const denseOffset = fidsOffset + 8 * fidCount;
  const marksOffset = denseOffset + 4 * denseCount;
  const requestIdOffset = marksOffset + (isMarked ? markBytes * fidCount : 0);
  const userOffset = requestIdOffset + textBytes(marks[0]);
  const itemOffset = userOffset + textBytes(marks[1]);
  const factsOffset = itemOffset + textBytes(marks[2]);
  const end = factsOffset + textBytes(marks[3]);
  const lastSlotEnd =
    slotCount > 0 && end <= bytes.byteLength ? view.getUint32(fidsOffset - 4, true) : 0;
  if (end > bytes.byteLength || lastSlotEnd !== fidCount) {
    throw new StarlingError(
      'CORRUPT',
      `packed impression of ${end - offset} bytes, ${fidCount} fids in ${room} bytes`,
    );
  }
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return {
    requestId: readText(text, requestIdOffset, marks[0]),
    user: readText(text, userOffset, marks[1]),
    item: readText(text, itemOffset, marks[2]),
    atMs: view.getFloat64(offset + 16, true),
    score: view.getFloat32(offset + 12, true),
    slotCount,
    denseCount,
    fidCount,
    slotEndsOffset,
    fidsOffset,
    denseOffset,
    marksOffset: isMarked ? marksOffset : undefined,
    facts: textFacts(readText(text, factsOffset, marks[3])),
    endOffset: end,
  };
}
