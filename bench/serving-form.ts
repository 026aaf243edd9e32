import { mix32 } from '../core/base/hash.js';
import { EmbeddingTable } from '../core/embedding/embedding-table.js';
import type { Compression } from '../core/embedding/serving/compression.js';
import { ServingTable } from '../core/embedding/serving/serving-table.js';
import { auc } from '../core/model/metrics.js';
import type { BenchResult } from './bench-result.js';
import {
  itemCount,
  logitOf,
  rowDim,
  trainRows,
  userCount,
  type TrainedRows,
} from './trained-rows.js';

/**
 * What serving rows cost and what compression loses. Speed and memory: random lookups in batches of 1024 among many
 * rows, against EmbeddingTable.lookup with SGD rows (no state), the serving form before there was one. Error: rows of a
 * trained factorisation machine, each form against fp32. Rates are the best of the timed rounds.
 */
const batchFids = 1024;
const rounds = 5;

interface Form {
  readonly name: string;
  readonly compression: Compression;
  readonly fp32Prefix: number;
}

const forms: readonly Form[] = [
  { name: 'fp32', compression: 'fp32', fp32Prefix: 0 },
  { name: 'fp16', compression: 'fp16', fp32Prefix: 0 },
  { name: 'int8', compression: 'int8', fp32Prefix: 0 },
  { name: 'int8, first fp32', compression: 'int8', fp32Prefix: 1 },
];

export async function run(options: { quick: boolean }): Promise<BenchResult> {
  const rowCount = options.quick ? 100_000 : 1_000_000;
  const figures: Record<string, number | string> = {
    rows: rowCount,
    dim: rowDim,
    baseline: 'EmbeddingTable.lookup, fp32',
  };
  measureLookups(figures, rowCount, options.quick ? 200 * batchFids : 1000 * batchFids);
  measureErrors(figures, trainRows(options.quick ? 100_000 : 1_000_000, 50_000));
  for (const [name, value] of Object.entries(figures))
    console.log(`${name.padEnd(44)} ${value.toLocaleString('en-US')}`);
  return { name: 'serving-form', figures };
}

type Figures = Record<string, number | string>;
type Lookup = (fids: Uint32Array, start: number, count: number, out: Float32Array) => number;

function measureLookups(figures: Figures, rowCount: number, probeCount: number): void {
  const fids = new Uint32Array(2 * rowCount);
  const weights = new Float32Array(batchFids * rowDim);
  for (let i = 0; i < rowCount; i++) {
    fids[2 * i] = mix32(i + 1);
    fids[2 * i + 1] = mix32(i ^ 0x5bd1e995);
  }
  for (let i = 0; i < weights.length; i++) weights[i] = mix32(i) / 2 ** 32 - 0.5;
  const probes = new Uint32Array(2 * probeCount);
  for (let i = 0; i < probeCount; i++) {
    const chosen = mix32(i ^ 0x2545f491) % rowCount;
    probes[2 * i] = fids[2 * chosen]!;
    probes[2 * i + 1] = fids[2 * chosen + 1]!;
  }
  const baseline = new EmbeddingTable({
    slot: 0,
    dim: rowDim,
    initializer: { kind: 'zeros' },
    optimizer: { kind: 'sgd', learningRate: 1 },
    seed: 7,
  });
  const facts = new Uint32Array(rowCount).fill(1);
  eachBatch(rowCount, (start, count) =>
    baseline.assign({
      count,
      fids,
      rowStart: start,
      weights,
      weightsStart: 0,
      state: undefined,
      stateStart: 0,
      updatedAt: facts,
      updateCounts: facts,
    }),
  );
  const tables = forms.map(
    ({ compression, fp32Prefix }) =>
      new ServingTable({ slot: 0, dim: rowDim, compression, fp32Prefix, seed: 7 }),
  );
  tables.forEach((table, i) => {
    const before = performance.now();
    eachBatch(rowCount, (start, count) => table.assign(fids, start, count, weights, 0));
    const seconds = (performance.now() - before) / 1000;
    figures[`${forms[i]!.name}: first assigns/s`] = Math.round(rowCount / seconds);
  });
  const pulled: Lookup = (probed, start, count, out) => {
    baseline.pull(probed, start, count, out, 0);
    return 0;
  };
  const served = tables.map(
    (table): Lookup =>
      (probed, start, count, out) =>
        table.lookup(probed, start, count, out, 0),
  );
  const lookups = [pulled, ...served];
  // By turns, so that a slow spell of the machine meets all of them.
  const rates = new Array<number>(lookups.length).fill(0);
  for (let round = 0; round < rounds; round++) {
    lookups.forEach((lookup, i) => (rates[i] = Math.max(rates[i]!, rateOf(lookup, probes))));
  }
  figures['baseline: lookups/s'] = Math.round(rates[0]!);
  figures['baseline: bytes per row'] = rounded(baseline.bytes / rowCount);
  tables.forEach((table, i) => {
    const { name } = forms[i]!;
    figures[`${name}: lookups/s`] = Math.round(rates[i + 1]!);
    figures[`${name}: ratio to baseline`] = rounded(rates[i + 1]! / rates[0]!);
    figures[`${name}: bytes per row`] = rounded(table.bytes / rowCount);
  });
}

function rateOf(lookup: Lookup, probes: Uint32Array): number {
  const out = new Float32Array(batchFids * rowDim);
  const count = probes.length / 2;
  let absent = 0;
  const before = performance.now();
  for (let i = 0; i < count; i += batchFids) absent += lookup(probes, i, batchFids, out);
  if (absent > 0) throw new Error(`${absent} rows were lost`);
  return (count / (performance.now() - before)) * 1000;
}

function eachBatch(count: number, work: (start: number, count: number) => void): void {
  for (let i = 0; i < count; i += batchFids) work(i, Math.min(batchFids, count - i));
}

function measureErrors(figures: Figures, trained: TrainedRows): void {
  const { fids, weights, heldOut } = trained;
  const rowCount = fids.length / 2;
  figures['trained: RMS of first weights'] = significant(rms(weights, undefined, 0, 1));
  figures['trained: RMS of factors'] = significant(rms(weights, undefined, 1, rowDim));
  figures['trained: held-out AUC'] = significant(heldOutAuc(weights, heldOut));
  for (const { name, compression, fp32Prefix } of forms) {
    if (compression === 'fp32') continue;
    const table = new ServingTable({ slot: 0, dim: rowDim, compression, fp32Prefix, seed: 7 });
    table.assign(fids, 0, rowCount, weights, 0);
    const decoded = new Float32Array(weights.length);
    table.lookup(fids, 0, rowCount, decoded, 0);
    const share = (from: number, end: number) =>
      significant(rms(weights, decoded, from, end) / rms(weights, undefined, from, end));
    figures[`${name}: RMS error of first weights, relative`] = share(0, 1);
    figures[`${name}: RMS error of factors, relative`] = share(1, rowDim);
    figures[`${name}: RMS error of logits`] = significant(logitError(weights, decoded, heldOut));
    figures[`${name}: change of held-out AUC`] = significant(
      heldOutAuc(decoded, heldOut) - heldOutAuc(weights, heldOut),
    );
    figures[`${name}: same items in the top 10`] = significant(topShare(weights, decoded));
  }
}

/** Of columns from … end of all rows: of the weights, or of their difference to others. */
function rms(
  weights: Float32Array,
  others: Float32Array | undefined,
  from: number,
  end: number,
): number {
  let sum = 0;
  let count = 0;
  for (let i = 0; i < weights.length; i++) {
    if (i % rowDim < from || i % rowDim >= end) continue;
    sum += (weights[i]! - (others?.[i] ?? 0)) ** 2;
    count++;
  }
  return Math.sqrt(sum / count);
}

function heldOutLogit(weights: Float32Array, heldOut: Int32Array, at: number): number {
  return logitOf(weights, heldOut[at]! * rowDim, weights, (userCount + heldOut[at + 1]!) * rowDim);
}

function heldOutAuc(weights: Float32Array, heldOut: Int32Array): number {
  const count = heldOut.length / 3;
  const scores = Float64Array.from({ length: count }, (_, i) =>
    heldOutLogit(weights, heldOut, 3 * i),
  );
  const labels = Float32Array.from({ length: count }, (_, i) => heldOut[3 * i + 2]!);
  return auc(scores, labels);
}

function logitError(weights: Float32Array, decoded: Float32Array, heldOut: Int32Array): number {
  let sum = 0;
  for (let at = 0; at < heldOut.length; at += 3) {
    sum += (heldOutLogit(weights, heldOut, at) - heldOutLogit(decoded, heldOut, at)) ** 2;
  }
  return Math.sqrt(sum / (heldOut.length / 3));
}

/** Mean over users: items that are among the ten best by both. */
function topShare(weights: Float32Array, decoded: Float32Array): number {
  let same = 0;
  for (let user = 0; user < userCount; user++) {
    const before = new Set(topTen(weights, user));
    for (const item of topTen(decoded, user)) if (before.has(item)) same++;
  }
  return same / (10 * userCount);
}

function topTen(weights: Float32Array, user: number): number[] {
  const scores = Float32Array.from({ length: itemCount }, (_, item) =>
    logitOf(weights, user * rowDim, weights, (userCount + item) * rowDim),
  );
  return Array.from(scores.keys())
    .sort((a, b) => scores[b]! - scores[a]!)
    .slice(0, 10);
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}

function significant(value: number): number | string {
  return Math.abs(value) >= 0.01 ? Math.round(value * 10_000) / 10_000 : value.toExponential(2);
}
