import { readText, textBytes, textBytesMax, writeText } from './packed-text.js';

/** Part of what an outcome that sums values has come to. */
export interface LineValue {
  /** Its place. */
  readonly outcome: number;
  readonly order: string;
  readonly type: string;
  readonly value: number;
}

/** What becomes of a row while it is open. */
export interface RowState {
  readonly lane: number;
  /** By now: a visitor may have become a user. */
  person: string;
  /** From when on it counts, event time: when it was offered, or shown where it had to be. */
  sinceMs: number;
  isShown: boolean;
  /** Outcomes of which nothing is known, by bits. */
  open: number;
  /** Outcomes that an event has made 1. */
  reached: number;
  /** Outcomes that were told as 0 while their window goes on; absent: none was. */
  told?: number;
  values: LineValue[] | undefined;
}

/**
 * Behind a packed row, little-endian:
 *
 *   0 u8 lane  1 u8 shown  2 u16 told  4 u32 open  8 u32 reached  12 u32 text mark  16 f64 since  24 the text: '', else JSON of person and values
 */
const headerBytes = 24;

export function stateBytesMax(state: RowState): number {
  const { values = [], person } = state;
  const valueBytes = values.reduce(
    (sum, { order, type }) => sum + 80 + 6 * (order + type).length,
    0,
  );
  return headerBytes + textBytesMax(person) * 6 + 2 * valueBytes + 64;
}

/** @param user of the packed row. @returns the offset behind the state. */
export function encodeState(
  { lane, isShown, open, reached, told = 0, sinceMs, person, values }: RowState,
  user: string,
  target: Uint8Array,
  offset: number,
): number {
  const view = new DataView(target.buffer, target.byteOffset, target.byteLength);
  const text = person === user && !values ? '' : JSON.stringify({ person, values });
  target[offset] = lane;
  target[offset + 1] = isShown ? 1 : 0;
  view.setUint16(offset + 2, told, true);
  view.setUint32(offset + 4, open, true);
  view.setUint32(offset + 8, reached, true);
  view.setFloat64(offset + 16, sinceMs, true);
  const mark = writeText(target, offset + headerBytes, text);
  view.setUint32(offset + 12, mark, true);
  return offset + headerBytes + textBytes(mark);
}

export function decodeState(bytes: Uint8Array, offset: number, user: string): RowState {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const mark = view.getUint32(offset + 12, true);
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const text = readText(buffer, offset + headerBytes, mark);
  const { person = user, values } = (text === '' ? {} : JSON.parse(text)) as Partial<RowState>;
  return {
    lane: bytes[offset]!,
    isShown: bytes[offset + 1] === 1,
    told: view.getUint16(offset + 2, true),
    open: view.getUint32(offset + 4, true),
    reached: view.getUint32(offset + 8, true),
    sinceMs: view.getFloat64(offset + 16, true),
    person,
    values,
  };
}
