import { fileError } from './file-error.js';

/**
 * What the bytes of a file say as text. A byte order mark names the encoding, and is skipped. Without one it is UTF-8; what is
 * no UTF-8 is refused with where, since a guess would spoil names in silence, unless the user says what it is.
 */
interface Mark {
  readonly bytes: readonly number[];
  readonly encoding: string;
}

/** The longer of two that begin alike comes first. */
const marks: readonly Mark[] = [
  { bytes: [0xff, 0xfe, 0, 0], encoding: 'utf-32le' },
  { bytes: [0, 0, 0xfe, 0xff], encoding: 'utf-32be' },
  { bytes: [0x84, 0x31, 0x95, 0x33], encoding: 'gb18030' },
  { bytes: [0xdd, 0x73, 0x66, 0x73], encoding: 'utf-ebcdic' },
  { bytes: [0xef, 0xbb, 0xbf], encoding: 'utf-8' },
  { bytes: [0x2b, 0x2f, 0x76], encoding: 'utf-7' },
  { bytes: [0xf7, 0x64, 0x4c], encoding: 'utf-1' },
  { bytes: [0x0e, 0xfe, 0xff], encoding: 'scsu' },
  { bytes: [0xfb, 0xee, 0x28], encoding: 'bocu-1' },
  { bytes: [0xff, 0xfe], encoding: 'utf-16le' },
  { bytes: [0xfe, 0xff], encoding: 'utf-16be' },
];
const unread = ['utf-ebcdic', 'utf-7', 'utf-1', 'scsu', 'bocu-1'];

export interface TextEncoding {
  readonly encoding: string;
  /** Of the mark. */
  readonly skip: number;
}

/** @param told what the user says it is. @throws StarlingError FILE_INVALID for one that nothing here reads. */
export function encodingOf(file: string, head: Uint8Array, told?: string): TextEncoding {
  const mark = marks.find(({ bytes }) => bytes.every((byte, i) => head[i] === byte));
  const encoding = mark?.encoding ?? told ?? 'utf-8';
  if (unread.includes(encoding))
    throw fileError(file, `its first bytes say ${encoding.toUpperCase()}; save it as UTF-8`);
  return { encoding, skip: mark?.bytes.length ?? 0 };
}

/** Pieces of text, none of which ends within a character. @throws StarlingError FILE_INVALID */
export async function* textOf(
  file: string,
  bytes: AsyncIterable<Buffer>,
  { encoding, skip }: TextEncoding,
): AsyncGenerator<string, void, undefined> {
  const decoder = decoderOf(encoding);
  let offset = 0;
  let left = skip;
  for await (const part of bytes) {
    const rest = left > 0 ? part.subarray(left) : part;
    left -= part.length - rest.length;
    try {
      const text = decoder.decode(rest, false);
      if (text !== '') yield text;
    } catch (cause) {
      throw notOf(file, encoding, offset + part.length, cause);
    }
    offset += part.length;
  }
  try {
    const text = decoder.decode(Buffer.alloc(0), true);
    if (text !== '') yield text;
  } catch (cause) {
    throw notOf(file, encoding, offset, cause);
  }
}

interface Decoder {
  decode(bytes: Uint8Array, isLast: boolean): string;
}

function decoderOf(encoding: string): Decoder {
  if (encoding.startsWith('utf-32')) return new Utf32Decoder(encoding === 'utf-32le');
  const decoder = new TextDecoder(encoding, { fatal: true, ignoreBOM: true });
  return { decode: (bytes, isLast) => decoder.decode(bytes, { stream: !isLast }) };
}

/** Whether `--encoding` may name it. */
export function isEncoding(name: string): boolean {
  try {
    new TextDecoder(name);
    return true;
  } catch {
    return false; // A RangeError: there is no other way to ask.
  }
}

function notOf(file: string, encoding: string, offset: number, cause: unknown): Error {
  const text = `is not ${encoding.toUpperCase()}, somewhere before byte ${offset.toLocaleString('en-US')}; save it as UTF-8, or say what it is, as in --encoding windows-1252`;
  return fileError(file, text, { field: 'encoding' }, cause);
}

class Utf32Decoder implements Decoder {
  readonly #read: (bytes: Buffer, at: number) => number;
  #rest: Buffer = Buffer.alloc(0);

  constructor(isLittle: boolean) {
    this.#read = (bytes, at) => (isLittle ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at));
  }

  decode(bytes: Uint8Array, isLast: boolean): string {
    const all = Buffer.concat([this.#rest, bytes]);
    const whole = all.length - (all.length % 4);
    let text = '';
    // A RangeError for what is no character.
    for (let at = 0; at < whole; at += 4) text += String.fromCodePoint(this.#read(all, at));
    this.#rest = all.subarray(whole);
    if (isLast && this.#rest.length > 0) throw new RangeError('ends within a character');
    return text;
  }
}

/** Bytes of a head as text, whatever its last character is cut into. */
export function headText(file: string, head: Buffer, text: TextEncoding): string {
  const width = text.encoding.startsWith('utf-32') ? 4 : text.encoding === 'utf-8' ? 1 : 2;
  const whole = head.subarray(text.skip, head.length - ((head.length - text.skip) % width));
  try {
    return decoderOf(text.encoding).decode(whole, false);
  } catch (cause) {
    throw notOf(file, text.encoding, head.length, cause);
  }
}
