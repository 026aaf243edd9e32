import { mix32 } from '../core/base/hash.js';
import type { TableSpec } from '../core/embedding/embedding-table.js';
import { EmbeddingPartition } from '../core/embedding/partition.js';
import { crc32c } from '../core/embedding/snapshot/crc32c.js';
import { partitionSource, partitionTarget } from '../core/embedding/snapshot/partition-snapshot.js';
import { readSnapshot, verifySnapshot } from '../core/embedding/snapshot/read-snapshot.testkit.js';
import type { SnapshotHeader } from '../core/embedding/snapshot/header.js';
import { writeSnapshot } from '../core/embedding/snapshot/writer.js';
import { decode, encode } from '../messages/codec.js';
import { checkCborStructure } from '../messages/structure.js';
import type { BenchResult } from './bench-result.js';

/**
 * Snapshots of a partition to and from memory, on one core, against the least that could be done: copying the same
 * bytes once. Rates are megabytes (10^6) of snapshot per second, the best of the rounds. Also what the look at the
 * structure of a message costs before it is decoded.
 */
const dim = 16;
const rounds = 4;

const spec: TableSpec = {
  slot: 1,
  dim,
  initializer: { kind: 'uniform', minimum: -0.01, maximum: 0.01 },
  optimizer: { kind: 'adagrad', learningRate: 0.05 },
  seed: 7,
};
const header: SnapshotHeader = {
  createdAtMs: 0,
  firstPartition: 0,
  partitionEnd: 1,
  partitionCount: 1,
  metadata: new Uint8Array(256),
};

export async function run(options: { quick: boolean }): Promise<BenchResult> {
  const rowCount = options.quick ? 100_000 : 1_000_000;
  const figures: Record<string, number | string> = {
    rows: rowCount,
    dim,
    baseline: 'one copy of the same bytes',
    ...measureSnapshot(filledPartition(rowCount), rowCount),
    ...measureStructureCheck(),
  };
  for (const [name, value] of Object.entries(figures)) {
    const text = typeof value === 'number' ? value.toLocaleString('en-US') : value;
    console.log(`${name.padEnd(36)} ${text}`);
  }
  return { name: 'snapshot', figures };
}

function filledPartition(rowCount: number): EmbeddingPartition {
  const partition = new EmbeddingPartition(0, [spec]);
  const batch = 1000;
  const grads = new Float32Array(batch * dim).fill(0.01);
  const fids = new Uint32Array(2 * batch);
  for (let done = 0; done < rowCount; done += batch) {
    for (let i = 0; i < batch; i++) {
      fids[2 * i] = mix32(done + i + 1);
      fids[2 * i + 1] = mix32((done + i) ^ 0x5bd1e995);
    }
    partition.push(Uint32Array.of(batch), 0, fids, 0, grads, 0, done, 0);
  }
  return partition;
}

function measureSnapshot(partition: EmbeddingPartition, rowCount: number): Record<string, number> {
  const source = partitionSource(partition, [spec]);
  const chunks = [...writeSnapshot(source, header)];
  const bytes = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  const megabytes = (work: () => void) => rate(bytes / 1e6, work);

  const copied = new Uint8Array(bytes);
  const copy = megabytes(() => {
    let at = 0;
    for (const chunk of chunks) {
      copied.set(chunk, at);
      at += chunk.length;
    }
  });
  let chunkMsMax = Infinity;
  const write = megabytes(() => {
    let longestMs = 0;
    let before = performance.now();
    for (const chunk of writeSnapshot(source, header)) {
      const after = performance.now();
      if (chunk.length > 0) longestMs = Math.max(longestMs, after - before);
      before = after;
    }
    chunkMsMax = Math.min(chunkMsMax, longestMs);
  });
  let loaded = new EmbeddingPartition(0, [spec]);
  const readIntoEmpty = megabytes(() => {
    loaded = new EmbeddingPartition(0, [spec]);
    readSnapshot(chunks, partitionTarget([loaded], [spec], 1));
  });
  const readOver = megabytes(() => {
    readSnapshot(chunks, partitionTarget([loaded], [spec], 1));
  });
  if (loaded.digest() !== partition.digest()) throw new Error('the snapshot lost something');
  return {
    bytesPerRow: round(bytes / rowCount),
    crc32cMbPerSecond: round(megabytes(() => chunks.forEach((chunk) => crc32c(chunk)))),
    writeMbPerSecond: round(write),
    verifyMbPerSecond: round(megabytes(() => verifySnapshot(chunks))),
    readIntoEmptyMbPerSecond: round(readIntoEmpty),
    readIntoEmptyRowsPerSecond: round((readIntoEmpty * 1e6 * rowCount) / bytes),
    readOverMbPerSecond: round(readOver),
    chunkMsMax: round(chunkMsMax),
    'baseline.copyMbPerSecond': round(copy),
    'ratio.write': round(write / copy),
    'ratio.readIntoEmpty': round(readIntoEmpty / copy),
  };
}

/** On a batch of events, many small values, and on a delta, a few large ones. */
function measureStructureCheck(): Record<string, number> {
  const events = encode({
    v: 1,
    actions: Array.from({ length: 500 }, (_unused, i) => ({
      requestId: `request-${i}`,
      user: String(mix32(i)),
      item: String(mix32(i + 1)),
      kind: 'click',
      atMs: 1.7e12 + i,
      value: 1,
    })),
  });
  const delta = encode({ v: 1, fids: new Uint32Array(16_384), weights: new Float32Array(131_072) });
  const repeats = 200;
  const microseconds = (work: () => void) =>
    1e6 /
    rate(repeats, () => {
      for (let i = 0; i < repeats; i++) work();
    });
  return {
    'structure.eventsBytes': events.length,
    'structure.eventsCheckMicroseconds': round(microseconds(() => checkCborStructure(events))),
    'structure.eventsDecodeMicroseconds': round(microseconds(() => decode(events))),
    'structure.deltaBytes': delta.length,
    'structure.deltaCheckMicroseconds': round(microseconds(() => checkCborStructure(delta))),
    'structure.deltaDecodeMicroseconds': round(microseconds(() => decode(delta))),
  };
}

/** Amount of work per second, the best of the rounds. */
function rate(amount: number, work: () => void): number {
  let best = 0;
  for (let i = 0; i < rounds; i++) {
    const before = performance.now();
    work();
    best = Math.max(best, (amount / (performance.now() - before)) * 1000);
  }
  return best;
}

function round(value: number): number {
  return value >= 100 ? Math.round(value) : Math.round(value * 100) / 100;
}
