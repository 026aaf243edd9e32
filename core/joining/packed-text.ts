/**
 * Strings inside packed rows: one byte per UTF-16 code unit where all fit (ids nearly always do), else two. Unlike
 * UTF-8 this gives back every string exactly, lone surrogates too, so a restored identity equals the one that was
 * stored. The mark (a u32 kept in the row's header) says which: length · 2 + (1 if two bytes per unit).
 */
export function textBytesMax(text: string): number {
  return 2 * text.length;
}

/** Bytes that a text with this mark takes. */
export function textBytes(mark: number): number {
  return mark & 1 ? mark - 1 : mark >>> 1;
}

/** Writes `text` at `offset`, which has `textBytesMax` bytes to spare, and returns its mark. */
export function writeText(bytes: Uint8Array, offset: number, text: string): number {
  const length = text.length;
  for (let i = 0; i < length; i++) {
    const unit = text.charCodeAt(i);
    if (unit > 0xff) return writeWide(bytes, offset, text);
    bytes[offset + i] = unit;
  }
  return 2 * length;
}

function writeWide(bytes: Uint8Array, offset: number, text: string): number {
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    bytes[offset + 2 * i] = unit & 0xff;
    bytes[offset + 2 * i + 1] = unit >>> 8;
  }
  return 2 * text.length + 1;
}

/** The text with this mark at `offset`; the caller has checked that `textBytes` bytes are there. */
export function readText(bytes: Buffer, offset: number, mark: number): string {
  return bytes.toString(mark & 1 ? 'utf16le' : 'latin1', offset, offset + textBytes(mark));
}
