import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { bytesOf, textOf } from './golden-text.js';

/** A message, or a record on disk, whose bytes are kept. */
export interface GoldenMessage {
  /** Of its file. */
  readonly name: string;
  /** As today's code writes it. */
  readonly write: () => Uint8Array;
  /** As today's code reads it. */
  readonly read: (bytes: Uint8Array) => unknown;
  readonly expected: unknown;
  /** JSON is kept as it is, and not in hex. */
  readonly json?: boolean;
}

/** Beside the messages, seen from dist/tests/contract/golden. */
const folder = fileURLToPath(new URL('../../../../messages/golden/', import.meta.url));

export function fileName({ name, json }: GoldenMessage): string {
  return `${name}.${json ? 'json' : 'hex'}`;
}

export function storedText(message: GoldenMessage): string {
  return readFileSync(folder + fileName(message), 'utf8');
}

export function todaysText(message: GoldenMessage): string {
  const bytes = message.write();
  return message.json ? `${Buffer.from(bytes).toString('utf8')}\n` : textOf(bytes);
}

export function storedBytes(message: GoldenMessage): Uint8Array {
  const text = storedText(message);
  return message.json ? Buffer.from(text) : bytesOf(text);
}

export function storedFiles(): string[] {
  return readdirSync(folder).filter((name) => name.endsWith('.hex') || name.endsWith('.json'));
}

/** Bytes of the first release, which nobody writes any more. */
export function firstReleaseBytes(name: string): Uint8Array {
  return bytesOf(readFileSync(`${folder}v1/${name}.hex`, 'utf8'));
}

export function writeAll(messages: readonly GoldenMessage[]): string[] {
  mkdirSync(folder, { recursive: true });
  const changed = messages.filter((message) => {
    const before = storedFiles().includes(fileName(message)) ? storedText(message) : '';
    return before !== todaysText(message);
  });
  for (const message of changed) writeFileSync(folder + fileName(message), todaysText(message));
  return changed.map(fileName);
}
