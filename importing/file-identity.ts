import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { basename } from 'node:path';
import { readError } from './file-error.js';
import type { NamedFile } from './import-options.js';

export interface IdentifiedFile extends NamedFile {
  readonly hash: string;
}

/**
 * Files in an order that does not hang on that of the arguments: by name, then by what is in them. One that is named twice, or
 * lies in two places, is read once.
 */
export async function identified(files: readonly NamedFile[]): Promise<IdentifiedFile[]> {
  const all = await Promise.all(
    files.map(async (file) => ({ ...file, hash: await hashOf(file.path) })),
  );
  const sorted = all.toSorted(
    (a, b) => compare(basename(a.path), basename(b.path)) || compare(a.hash, b.hash),
  );
  return sorted.filter(({ hash }, i) => sorted.findIndex((other) => other.hash === hash) === i);
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

async function hashOf(file: string): Promise<string> {
  const hash = createHash('sha256');
  try {
    for await (const part of createReadStream(file, { highWaterMark: 2 ** 20 }))
      hash.update(part as Buffer);
  } catch (cause) {
    throw readError(file, cause);
  }
  return hash.digest('hex');
}

export function importId(parts: unknown): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 24);
}
