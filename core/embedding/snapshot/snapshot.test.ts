import { describe, expect, test } from '@jest/globals';
import { codeOf } from '../../base/errors.js';
import { crc32c } from './crc32c.js';
import { rowBytes } from './row-columns.js';
import { readSnapshot, verifySnapshot } from './read-snapshot.testkit.js';
import { SnapshotReader, type ReadOptions } from './reader.js';
import type { SnapshotSlot } from './rows.js';
import { chunkBytesMax, header, join, keyAt, modelOf, slots } from './snapshot-rows.testkit.js';
import { SnapshotModel } from './snapshot-model.testkit.js';
import { ChunkSplitter } from './split-chunks.testkit.js';
import { writeSnapshot } from './writer.js';

const chunksOf = (model: SnapshotModel) => [...writeSnapshot(model, header, { chunkBytesMax })];

interface Failure {
  readonly code: string;
  readonly chunk: unknown;
}

function failureOf(work: () => unknown): Failure | undefined {
  try {
    work();
  } catch (error) {
    return {
      code: codeOf(error),
      chunk: (error as { details?: { chunk?: unknown } }).details?.chunk,
    };
  }
  return undefined;
}

/** Reads a stream of bytes cut into pieces; says what was applied, whether or not it ended well. */
function readBytes(bytes: Uint8Array, pieceBytes = bytes.length) {
  const target = new SnapshotModel(slots);
  const failure = failureOf(() => {
    const splitter = new ChunkSplitter(chunkBytesMax);
    const reader = new SnapshotReader(target, { chunkBytesMax });
    for (let at = 0; at < bytes.length; at += pieceBytes) {
      for (const chunk of splitter.push(bytes.subarray(at, at + pieceBytes))) reader.accept(chunk);
    }
    splitter.end();
    reader.finish();
  });
  return { target, failure };
}

/** A changed chunk whose checksum is right again, as a writer with a fault would make it. */
function reseal(chunk: Uint8Array, change: (view: DataView) => void): Uint8Array {
  const changed = chunk.slice();
  const view = new DataView(changed.buffer);
  change(view);
  view.setUint32(4, crc32c(changed, 8), true);
  return changed;
}

describe('a snapshot', () => {
  test('holds all rows, within the bound of a chunk, and tells what it is of', () => {
    const model = modelOf(70);
    const chunks = chunksOf(model);
    expect(chunks.length).toBe(2 + 3 + 2 + 3);
    for (const chunk of chunks) expect(chunk.length).toBeLessThanOrEqual(chunkBytesMax);
    const target = new SnapshotModel(slots);
    const reader = new SnapshotReader(target);
    for (const chunk of chunks) reader.accept(chunk);
    expect(reader.finish()).toEqual({
      bytes: join(chunks).length,
      chunks: 10,
      rowsAssigned: 210,
      rowsElsewhere: 0,
      rowsSkipped: 0,
      rowsReset: 0,
    });
    expect(reader.header).toEqual(header);
    expect(reader.slots).toEqual(slots);
    expect(target.contents()).toEqual(model.contents());
    expect(verifySnapshot(chunks)).toMatchObject({ rowsAssigned: 0, rowsSkipped: 210 });
  });

  // A change here is a new format version: see docs/snapshot-format.md.
  test('has the bytes that are documented', () => {
    const model = new SnapshotModel([slots[0]!]);
    model.push(0, '4294967295:1', 0.5, 9);
    expect(chunksOf(model).map((chunk) => Buffer.from(chunk).toString('hex'))).toEqual([
      // Header: common part; createdAtMs; partitions 3 … 4 of 16; slot 2: dim 2, state 2, "adagrad"; metadata 07 00 ff.
      '536e536e7a341e5e7300000002000100' +
        '00000000000000000000000000000000' +
        '00b08756febc78420300000004000000' +
        '10000000010000000300000000000000' +
        '02000000020000000200000000000000' +
        '61646167726164000000000000000000' +
        '00000000000000000000000000000000' +
        '0700ff',
      // Rows: common part; fid; updatedAt 9; 1 update; weights 0.5, 1.5; state 0.25, 0.25.
      '536e536e8a5ab5664000000002000200' +
        '010000007a341e5e0000000001000000' +
        'ffffffff010000000900000001000000' +
        '0000003f0000c03f0000803e0000803e',
      // Trailer: common part; 3 chunks; running checksum; 1 row.
      '536e536e550eacae3000000002000300' +
        '020000007a341e5e0000000000000000' +
        '03000000c2f44595000000000000f03f',
    ]);
  });

  test('without rows or slots is a header and a trailer', () => {
    for (const empty of [new SnapshotModel(slots), new SnapshotModel([])]) {
      const chunks = chunksOf(empty);
      expect(chunks.length).toBe(2);
      expect(readSnapshot(chunks, empty).rowsAssigned).toBe(0);
    }
  });

  test('the same rows make the same bytes, wherever the pages come from', () => {
    const model = modelOf(70);
    const own: SnapshotModel = Object.create(model) as SnapshotModel;
    own.pages = function* (rowsMax) {
      const page = (slotIndex: number, n: number) => ({
        slotIndex,
        count: n,
        fids: new Uint32Array(2 * n),
        updatedAt: new Uint32Array(n),
        updateCounts: new Uint32Array(n),
        weights: new Float32Array(n * slots[slotIndex]!.dim),
        state: new Float32Array(n * slots[slotIndex]!.stateWidth),
      });
      yield* model.pages(rowsMax, page);
    };
    expect(join(chunksOf(own))).toEqual(join(chunksOf(model)));
    expect(join(chunksOf(modelOf(70)))).toEqual(join(chunksOf(model)));
  });

  test('takes 16 bytes and 4 per float for a row', () => {
    const perRow = (rows: number) => join(chunksOf(modelOf(rows))).length;
    const expected = slots.reduce((sum, slot) => sum + rowBytes(slot.dim, slot.stateWidth), 0);
    expect(expected).toBe(16 + 4 * 4 + (16 + 4) + (16 + 4 * 6));
    expect(perRow(20) - perRow(10)).toBe(10 * expected);
  });

  test('is made one chunk at a time, and no sooner than asked for', () => {
    const model = modelOf(40);
    const chunks = writeSnapshot(model, header, { chunkBytesMax });
    const taken = [chunks.next().value as Uint8Array, chunks.next().value as Uint8Array];
    // Row 0 is in the second chunk already, row 39 is not.
    model.push(0, keyAt(0), 100);
    model.push(0, keyAt(39), 100);
    const target = new SnapshotModel(slots);
    readSnapshot([...taken, ...chunks], target);
    expect(target.tables[0]!.get(keyAt(0))!.updates).toBe(1);
    expect(target.tables[0]!.get(keyAt(39))!.updates).toBe(2);
  });

  test('is read from Buffers, whose slice is a view, at any alignment', () => {
    const model = modelOf(40);
    const chunks = chunksOf(model).map((chunk) => {
      const buffer = Buffer.alloc(chunk.length + 1).subarray(1);
      buffer.set(chunk);
      return buffer;
    });
    const reader = new SnapshotReader(new SnapshotModel(slots));
    reader.accept(chunks[0]!);
    chunks[0]!.fill(0);
    expect(reader.header).toEqual(header);
    for (const chunk of chunks.slice(1)) reader.accept(chunk);
    expect(reader.finish().rowsAssigned).toBe(120);
  });

  test('is read at any alignment and from pieces of any size', () => {
    const model = modelOf(40);
    const bytes = join(chunksOf(model));
    for (const pieceBytes of [1, 7, 31, 32, 33, 1000, 4096]) {
      const shifted = new Uint8Array(bytes.length + 1).subarray(1);
      shifted.set(bytes);
      const { target, failure } = readBytes(shifted, pieceBytes);
      expect(failure).toBeUndefined();
      expect(target.contents()).toEqual(model.contents());
    }
  });
});

describe('a damaged snapshot is refused with the number of the chunk', () => {
  const model = modelOf(3);
  const chunks = chunksOf(model);
  const bytes = join(chunks);
  const ends = chunks.map((_unused, i) => join(chunks.slice(0, i + 1)).length);
  const chunkAt = (byte: number) => ends.findIndex((end) => byte < end);

  test('any one byte changed, by any bit pattern', () => {
    let refused = 0;
    for (let at = 0; at < bytes.length; at++) {
      for (const flip of [0x01, 0x80, 0xff, (at % 254) + 1]) {
        const damaged = bytes.slice();
        damaged[at]! ^= flip;
        const { failure, target } = readBytes(damaged);
        expect(failure).toEqual({ code: 'SNAPSHOT_CORRUPT', chunk: chunkAt(at) });
        // One rows chunk per slot: those before the damage went in whole, and nothing of it or after it.
        expect(target.tables.map((table) => table.size)).toEqual(
          slots.map((_unused, i) => (i + 1 < chunkAt(at) ? 3 : 0)),
        );
        refused++;
      }
    }
    expect(refused).toBe(4 * bytes.length);
  });

  test('cut off anywhere', () => {
    for (let length = 0; length < bytes.length; length++) {
      const { failure } = readBytes(bytes.slice(0, length), 50);
      expect(failure).toEqual({ code: 'SNAPSHOT_CORRUPT', chunk: chunkAt(length) });
    }
  });

  test('a chunk shortened, lengthened, left out, doubled, swapped, from another snapshot, after the end', () => {
    const other = chunksOf(modelOf(4));
    const refusedAt = (given: readonly Uint8Array[]) =>
      failureOf(() => readSnapshot(given, new SnapshotModel(slots)));
    const [head, a, b, c, end] = chunks as [
      Uint8Array,
      Uint8Array,
      Uint8Array,
      Uint8Array,
      Uint8Array,
    ];
    const at = (chunk: number) => ({ code: 'SNAPSHOT_CORRUPT', chunk });
    expect(refusedAt([head, a.subarray(0, -4), b, c, end])).toEqual(at(1));
    expect(refusedAt([head, join([a, b]), c, end])).toEqual(at(1));
    expect(refusedAt([head, b, c, end])).toEqual(at(1));
    expect(refusedAt([head, a, a, b, c, end])).toEqual(at(2));
    expect(refusedAt([head, a, c, b, end])).toEqual(at(2));
    expect(refusedAt([head, a, b, end])).toEqual(at(3));
    expect(refusedAt([a, b, c, end])).toEqual(at(0));
    expect(refusedAt([head, head, a, b, c, end])).toEqual(at(1));
    // The same header, so the same snapshot by its tag, but other rows: the trailer tells.
    expect(refusedAt([head, a, other[2]!, c, end])).toEqual(at(4));
    const later = [...writeSnapshot(model, { ...header, createdAtMs: 5 }, { chunkBytesMax })];
    expect(refusedAt([head, a, later[2]!, c, end])).toEqual(at(2));
    expect(refusedAt([head, a, b, c, end, end])).toEqual(at(5));
    expect(refusedAt([])).toEqual(at(0));
  });

  test('a bad chunk may be given again from another copy', () => {
    const target = new SnapshotModel(slots);
    const reader = new SnapshotReader(target);
    for (const chunk of chunks) {
      const damaged = chunk.slice();
      damaged[damaged.length - 1]! ^= 1;
      expect(() => reader.accept(damaged)).toThrow('checksum');
      reader.accept(chunk);
    }
    reader.finish();
    expect(target.contents()).toEqual(model.contents());
  });

  test('shapes that contradict each other, though their checksum is right', () => {
    const cases: [number, (view: DataView) => void][] = [
      [0, (view) => view.setUint16(14, 7, true)], // unknown kind
      [0, (view) => view.setUint32(40, 4, true)], // first partition at the end of the range
      [0, (view) => view.setUint32(44, 17, true)], // a range beyond the partitions
      [0, (view) => view.setUint32(52, 0xffffffff, true)], // slots
      [0, (view) => view.setUint32(56, 0xffffffff, true)], // metadata
      [0, (view) => view.setUint32(64 + 4, 0, true)], // dim
      [0, (view) => view.setUint32(64, 5, true)], // the number of another slot
      [1, (view) => view.setUint32(24, 3, true)], // slot index
      [1, (view) => view.setUint32(28, 0, true)], // row count
      [1, (view) => view.setUint32(28, 4, true)],
      [1, (view) => view.setUint32(28, 0xffffffff, true)],
      [1, (view) => view.setUint32(32 + 3 * 12, 0, true)], // an update count of 0
      [4, (view) => view.setUint32(32, 6, true)], // chunk count
      [4, (view) => view.setUint32(36, 6, true)], // running checksum
      [4, (view) => view.setFloat64(40, 4, true)], // rows of a slot
    ];
    for (const [chunk, change] of cases) {
      const given = chunks.map((each, i) => (i === chunk ? reseal(each, change) : each));
      const failure = failureOf(() => readSnapshot(given, new SnapshotModel(slots)));
      expect(failure).toEqual({ code: 'SNAPSHOT_CORRUPT', chunk });
    }
  });

  test('a length over what the reader allows', () => {
    const options: ReadOptions = { chunkBytesMax: 100 };
    expect(failureOf(() => readSnapshot(chunks, new SnapshotModel(slots), options))).toEqual({
      code: 'SNAPSHOT_CORRUPT',
      chunk: 0,
    });
  });

  test('another format version is told from damage', () => {
    const next = reseal(chunks[0]!, (view) => view.setUint16(12, 3, true));
    expect(failureOf(() => verifySnapshot([next]))).toEqual({ code: 'SNAPSHOT_VERSION', chunk: 0 });
    const damaged = next.slice();
    damaged[12] = 4;
    expect(failureOf(() => verifySnapshot([damaged]))?.code).toBe('SNAPSHOT_CORRUPT');
  });
});

describe('a snapshot of other slots', () => {
  const chunks = chunksOf(modelOf(5));
  const change = (slotIndex: number, fields: Partial<SnapshotSlot>) =>
    new SnapshotModel(slots.map((slot, i) => (i === slotIndex ? { ...slot, ...fields } : slot)));

  test('another optimizer is refused, or keeps the weights and starts its state anew', () => {
    const target = change(0, { optimizer: 'adam', stateWidth: 4 });
    const refused = { code: 'SNAPSHOT_MISMATCH', chunk: 0 };
    expect(failureOf(() => readSnapshot(chunks, target))).toEqual(refused);
    expect(target.rowCount).toBe(0);
    const summary = readSnapshot(chunks, target, { optimizerChange: 'reset-state' });
    expect(summary).toMatchObject({ rowsAssigned: 15, rowsReset: 5 });
    expect(target.tables[0]!.get(keyAt(3))).toEqual({
      ...modelOf(5).tables[0]!.get(keyAt(3))!,
      state: [0, 0, 0, 0],
    });
    expect(target.tables[2]).toEqual(modelOf(5).tables[2]);
  });

  test('the same kind of optimizer with another width of state is another optimizer', () => {
    const target = change(0, { stateWidth: 1 });
    expect(failureOf(() => readSnapshot(chunks, target))?.code).toBe('SNAPSHOT_MISMATCH');
  });

  test('another dim is refused under every policy', () => {
    const target = change(1, { dim: 2 });
    const options: ReadOptions = { optimizerChange: 'reset-state', unknownSlot: 'skip' };
    expect(failureOf(() => readSnapshot(chunks, target, options))?.code).toBe('SNAPSHOT_MISMATCH');
  });

  test('slots are matched by their number; an unknown one is refused, or skipped and counted', () => {
    const target = new SnapshotModel([
      slots[2]!,
      { slot: 77, dim: 9, optimizer: 'sgd', stateWidth: 0 },
      slots[0]!,
    ]);
    expect(failureOf(() => readSnapshot(chunks, target))?.code).toBe('SNAPSHOT_MISMATCH');
    const summary = readSnapshot(chunks, target, { unknownSlot: 'skip' });
    expect(summary).toMatchObject({ rowsAssigned: 10, rowsSkipped: 5 });
    expect(target.tables).toEqual([modelOf(5).tables[2], new Map(), modelOf(5).tables[0]]);
  });
});
