import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import type { SampleBatch } from '../core/joining/types.js';
import { storageError } from '../runtime/stores/storage-error.js';

/** Whose a sample of the holdout is: what its block does not say, as nothing is learned from it. */
export interface HeldRow {
  /** '': it happened of its own accord, or was drawn beside what did. */
  readonly request: string;
  readonly user: string;
  readonly item: string;
  readonly atMs: number;
}

/** A line of JSON for each row, in the order of the blocks of the holdout. */
export class HeldRowsWriter {
  readonly #path: string;
  readonly #file: number;

  constructor(path: string) {
    this.#path = path;
    try {
      this.#file = openSync(path, 'w', 0o600);
    } catch (error) {
      throw storageError(error, path, 'writing samples');
    }
  }

  /** @throws StarlingError STORAGE_FULL */
  add({ requestIds, users, items, atMs }: SampleBatch, rows: Uint32Array): void {
    const lines = Array.from(
      rows,
      (row) => `${JSON.stringify([requestIds[row], users[row], items[row], atMs[row]])}\n`,
    );
    const bytes = Buffer.from(lines.join(''));
    try {
      for (let done = 0; done < bytes.length;) done += writeSync(this.#file, bytes, done);
    } catch (error) {
      throw storageError(error, this.#path, 'writing samples');
    }
  }

  close(): void {
    closeSync(this.#file);
  }
}

export function readHeldRows(path: string): HeldRow[] {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw storageError(error, path, 'reading samples');
  }
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [request, user, item, atMs] = JSON.parse(line) as [string, string, string, number];
      return { request, user, item, atMs };
    });
}
