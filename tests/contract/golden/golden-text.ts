import { decode, encode } from '../../../messages/codec.js';

/**
 * Golden bytes as text, so that a change of the wire shows in a diff: hex, one line per field of a CBOR map with its name
 * behind it, lines of 32 bytes for anything else. What follows a semicolon is for people.
 */
const bytesPerLine = 32;

export function textOf(bytes: Uint8Array): string {
  return `${linesOf(bytes).join('\n')}\n`;
}

export function bytesOf(text: string): Uint8Array {
  const hex = text
    .split('\n')
    .map((line) => line.replace(/;.*/, ''))
    .join('')
    .replace(/\s/g, '');
  return Uint8Array.from(Buffer.from(hex, 'hex'));
}

function linesOf(bytes: Uint8Array): string[] {
  return fieldLines(bytes) ?? wrapped(bytes, '');
}

/** Undefined where the bytes are not a map as our encoder writes it. */
function fieldLines(bytes: Uint8Array): string[] | undefined {
  const fields = mapOf(bytes);
  if (!fields) return undefined;
  const entries = Object.entries(fields).map(([name, value]) => ({
    name,
    bytes: Buffer.concat([encode(name), encode(value)]),
  }));
  const bodyLength = entries.reduce((sum, entry) => sum + entry.bytes.length, 0);
  const head = bytes.subarray(0, bytes.length - bodyLength);
  const again = Buffer.concat([head, ...entries.map((entry) => entry.bytes)]);
  if (!again.equals(bytes)) return undefined;
  return [
    ...wrapped(head, 'map'),
    ...entries.flatMap((entry) => wrapped(entry.bytes, labelOf(entry.name, fields[entry.name]))),
  ];
}

function mapOf(bytes: Uint8Array): Record<string, unknown> | undefined {
  try {
    const value = decode(bytes);
    const isMap = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isMap && !ArrayBuffer.isView(value) ? (value as Record<string, unknown>) : undefined;
  } catch {
    // Not a message: bytes of a file or a record on disk.
    return undefined;
  }
}

function labelOf(name: string, value: unknown): string {
  if (typeof value === 'string') return `${name} ${JSON.stringify(value)}`;
  if (typeof value === 'number' || typeof value === 'boolean') return `${name} ${value}`;
  if (ArrayBuffer.isView(value)) {
    const view = value as Float64Array;
    return `${name} ${Object.prototype.toString.call(value).slice(8, -1)}[${view.length}]`;
  }
  return name;
}

function wrapped(bytes: Uint8Array, label: string): string[] {
  const lines: string[] = [];
  for (let start = 0; start === 0 || start < bytes.length; start += bytesPerLine)
    lines.push(Buffer.from(bytes.subarray(start, start + bytesPerLine)).toString('hex'));
  return lines.map((line, i) => (i === 0 && label !== '' ? `${line} ; ${label}` : line));
}
