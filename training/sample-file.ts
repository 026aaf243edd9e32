import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { assert } from '../core/base/assert.js';
import { StarlingError } from '../core/base/errors.js';
import type { ExampleBatch } from '../core/features/example-batch.js';
import { storageError } from '../runtime/stores/storage-error.js';

/**
 * Batches of samples on disk, as a step takes them: labels on the scale of their heads, columns as typed arrays, so that a thread reads a batch
 * in one piece and learns from it in place. Each epoch reads it again; what files and rules make of it is made once.
 *
 *   block   head [rows, fids, has marks, event seconds, what it says of scales] · offsets · fids · dense · labels · weights · said ·
 *           ages of marks · shown (u8) · types of marks (u8), each in words of 4 bytes
 *
 * Which blocks there are is in an index that whoever wrote it hands on; little endian, as it never leaves this machine.
 */
export interface SampleBlock {
  readonly examples: ExampleBatch;
  /** f32 [rows × heads], see core/model/executor.ts. */
  readonly labels: Float32Array;
  readonly weights: Float32Array;
  /** u8 [rows]: 1 where it was offered by us, so that its score is one that is served. */
  readonly shown: Uint8Array;
  /** What the batch says of the scales of numbers (number-scales.ts). */
  readonly said: Float32Array;
  /** Event time of the newest row. */
  readonly atSeconds: number;
}

export interface SampleShape {
  readonly slotCount: number;
  readonly denseCount: number;
  readonly heads: number;
}

export interface SampleIndex {
  readonly path: string;
  readonly shape: SampleShape;
  /** Where blocks begin, bytes, and where the last one ends. */
  readonly places: readonly number[];
  readonly rows: number;
  /** Of a block, and of a row of any. */
  readonly blockFidsMax: number;
  readonly rowFidsMax: number;
  readonly blockRowsMax: number;
}

const headWords = 5;

export class SampleFileWriter {
  readonly #path: string;
  readonly #shape: SampleShape;
  readonly #file: number;
  readonly #places = [0];
  #rows = 0;
  #blockFidsMax = 0;
  #rowFidsMax = 0;
  #blockRowsMax = 0;

  constructor(path: string, shape: SampleShape) {
    this.#path = path;
    this.#shape = shape;
    this.#file = opened(path, 'w');
  }

  /** @throws StarlingError STORAGE_FULL */
  add(block: SampleBlock): void {
    const { examples, labels, weights, shown, said, atSeconds } = block;
    const { rowCount, offsets, fids, dense, marks } = examples;
    const fidCount = fids.length / 2;
    const head = Uint32Array.of(rowCount, fidCount, marks ? 1 : 0, atSeconds, said.length);
    assert(head.length === headWords, 'a block has a head');
    const columns = [head, offsets, fids, dense, labels, weights, said];
    if (marks) columns.push(marks.agesSeconds);
    columns.push(wordsOf(shown));
    if (marks) columns.push(wordsOf(marks.eventTypes));
    const bytes = columns.map(bytesOf);
    const length = bytes.reduce((sum, each) => sum + each.length, 0);
    const whole = new Uint8Array(length);
    let at = 0;
    for (const each of bytes) {
      whole.set(each, at);
      at += each.length;
    }
    try {
      for (let done = 0; done < length;) done += writeSync(this.#file, whole, done);
    } catch (error) {
      throw storageError(error, this.#path, 'writing samples');
    }
    this.#places.push(this.#places.at(-1)! + length);
    this.#rows += rowCount;
    this.#blockFidsMax = Math.max(this.#blockFidsMax, fidCount);
    this.#blockRowsMax = Math.max(this.#blockRowsMax, rowCount);
    const { slotCount } = this.#shape;
    for (let row = 0; row < rowCount; row++) {
      const count = offsets[(row + 1) * slotCount]! - offsets[row * slotCount]!;
      this.#rowFidsMax = Math.max(this.#rowFidsMax, count);
    }
  }

  get rows(): number {
    return this.#rows;
  }

  close(): SampleIndex {
    closeSync(this.#file);
    return {
      ...{ path: this.#path, shape: this.#shape, places: this.#places, rows: this.#rows },
      ...{ blockFidsMax: this.#blockFidsMax, rowFidsMax: this.#rowFidsMax },
      blockRowsMax: this.#blockRowsMax,
    };
  }
}

/** Reads one block after the other into the same memory. */
export class SampleFileReader {
  readonly #index: SampleIndex;
  readonly #file: number;
  #buffer = new ArrayBuffer(0);

  constructor(index: SampleIndex) {
    this.#index = index;
    this.#file = opened(index.path, 'r');
  }

  get blocks(): number {
    return this.#index.places.length - 1;
  }

  /** Is the caller's, who may change it, until the next one is read. @throws StarlingError CORRUPT where the file ends before it. */
  read(block: number): SampleBlock {
    const start = this.#index.places[block]!;
    const bytes = this.#index.places[block + 1]! - start;
    if (this.#buffer.byteLength < bytes) this.#buffer = new ArrayBuffer(2 * bytes);
    const target = new Uint8Array(this.#buffer, 0, bytes);
    for (let done = 0; done < bytes;) {
      const read = readSync(this.#file, target, done, bytes - done, start + done);
      if (read === 0)
        throw new StarlingError('CORRUPT', `${this.#index.path} ends before block ${block}.`);
      done += read;
    }
    return this.#blockIn(bytes / 4);
  }

  close(): void {
    closeSync(this.#file);
  }

  #blockIn(wordCount: number): SampleBlock {
    const { slotCount, denseCount, heads } = this.#index.shape;
    const buffer = this.#buffer;
    let at = 0;
    const u32 = (length: number): Uint32Array =>
      new Uint32Array(buffer, 4 * (at += length) - 4 * length, length);
    const f32 = (length: number): Float32Array =>
      new Float32Array(buffer, 4 * (at += length) - 4 * length, length);
    const u8 = (length: number): Uint8Array => {
      const words = Math.ceil(length / 4);
      return new Uint8Array(buffer, 4 * (at += words) - 4 * words, length);
    };
    const [rowCount, fidCount, hasMarks, atSeconds, saidLength] = u32(headWords);
    const examples = {
      ...{ rowCount: rowCount!, slotCount, denseCount },
      offsets: u32(rowCount! * slotCount + 1),
      fids: u32(2 * fidCount!),
      dense: f32(rowCount! * denseCount),
    };
    const labels = f32(rowCount! * heads);
    const weights = f32(rowCount! * heads);
    const said = f32(saidLength!);
    const agesSeconds = hasMarks === 1 ? f32(fidCount!) : undefined;
    const shown = u8(rowCount!);
    const marks = agesSeconds && { agesSeconds, eventTypes: u8(fidCount!) };
    assert(at === wordCount, 'a block is as long as its columns');
    return {
      examples: { ...examples, ...(marks ? { marks } : {}) },
      ...{ labels, weights, shown, said, atSeconds: atSeconds! },
    };
  }
}

/** Rows `start` … `end − 1`. */
export function partOf(
  { examples, labels, weights, shown, said, atSeconds }: SampleBlock,
  start: number,
  end: number,
  heads: number,
): SampleBlock {
  const { slotCount, denseCount, offsets, fids, dense, marks } = examples;
  const first = offsets[start * slotCount]!;
  const last = offsets[end * slotCount]!;
  const own = offsets.slice(start * slotCount, end * slotCount + 1);
  for (let i = 0; i < own.length; i++) own[i]! -= first;
  return {
    examples: {
      ...{ rowCount: end - start, slotCount, denseCount, offsets: own },
      fids: fids.subarray(2 * first, 2 * last),
      dense: dense.subarray(start * denseCount, end * denseCount),
      ...(marks
        ? {
            marks: {
              eventTypes: marks.eventTypes.subarray(first, last),
              agesSeconds: marks.agesSeconds.subarray(first, last),
            },
          }
        : {}),
    },
    labels: labels.subarray(start * heads, end * heads),
    weights: weights.subarray(start * heads, end * heads),
    shown: shown.subarray(start, end),
    ...{ said, atSeconds },
  };
}

function opened(path: string, flags: 'r' | 'w'): number {
  try {
    return openSync(path, flags, 0o600);
  } catch (error) {
    throw storageError(error, path, flags === 'w' ? 'writing samples' : 'reading samples');
  }
}

/** Whole words. */
function wordsOf(bytes: Uint8Array): Uint32Array {
  const words = new Uint32Array(Math.ceil(bytes.length / 4));
  new Uint8Array(words.buffer).set(bytes);
  return words;
}

function bytesOf({ buffer, byteOffset, byteLength }: Uint32Array | Float32Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
