import { readFileSync } from 'node:fs';
import { freemem } from 'node:os';
import { EmbeddingTable, type TableSpec } from '../core/embedding/embedding-table.js';
import { withArenas, withoutArena } from '../core/embedding/kernels/arena-pool.js';
import type { OptimizerSpec } from '../core/embedding/optimizers/optimizer.js';
import type { BenchResult } from './bench-result.js';
import { distinctKeys, probedKeys, settle } from './embedding-keys.js';
import { compilePeers, type PeerProgram } from './table-peers.js';

/**
 * The table beside the maps that C++ programs use for it, in one thread: find and copy of a row of 16 floats, the same keys,
 * rows of 64 bytes on both sides, in CPU time. Rounds are interleaved, ours and each peer's in turn, and a ratio is the
 * median over rounds of one by the other, so that a neighbour on the machine hits both sides. Then the optimizers, and
 * what it costs when rows are in several arenas. `--full` adds 12 M rows, one peer at a time, and 40 M beside our own layout in C++ (`cuckoo`), or as
 * many as memory has room for: how much more of a fall from few rows to many there is than in C++.
 */
const dim = 16;
const batchFids = 1024;
const rounds = 9;

interface Rates {
  readonly [name: string]: number[];
}

export async function run(options: { quick: boolean; full?: boolean }): Promise<BenchResult> {
  const figures: Record<string, number> = {};
  const report = (name: string, value: number, digits = 2): void => {
    figures[name] = Number(value.toFixed(digits));
    console.log(`${name.padEnd(52)} ${figures[name].toLocaleString('en-US')}`);
  };
  const rowCount = options.quick ? 200_000 : 4_000_000;
  const peers = compilePeers();
  try {
    if (peers) {
      await besidePeers(peers, peers.names, rowCount, report);
      if (options.full === true) await manyRows(peers, rowCount, report);
    }
  } finally {
    peers?.remove();
  }
  await settle();
  await besideTypeScript(rowCount, report);
  return { name: 'table', figures };
}

async function manyRows(program: PeerProgram, fewRows: number, report: Report): Promise<void> {
  for (const name of program.names) await besidePeers(program, [name], 12_000_000, report);
  const rowCount = [40, 32, 24, 16]
    .map((millions) => millions * 1_000_000)
    .find((rows) => rows * bothBytesPerRow < availableBytes());
  if (rowCount === undefined) return;
  const few = await besidePeers(program, ['cuckoo'], fewRows, report);
  const many = await besidePeers(program, ['cuckoo'], rowCount, report);
  const name = `${rowCount / 1e6} M to ${fewRows / 1e6} M rows`;
  report(`${name}: table`, many.table / few.table);
  report(`${name}: cuckoo`, many.cuckoo! / few.cuckoo!);
  report(`${name}: table / cuckoo`, many.table / few.table / (many.cuckoo! / few.cuckoo!));
}

/** Ours and that of the peer, and the keys of both; with a fifth to spare. */
const bothBytesPerRow = 300;

/** What the system would give without writing pages to disk. */
function availableBytes(): number {
  try {
    const told = /MemAvailable:\s+(\d+) kB/.exec(readFileSync('/proc/meminfo', 'utf8'));
    return told ? 1024 * Number(told[1]) : freemem();
  } catch {
    return freemem(); // Not Linux.
  }
}

type Report = (name: string, value: number, digits?: number) => void;

async function besidePeers(
  program: PeerProgram,
  names: readonly string[],
  rowCount: number,
  report: Report,
): Promise<{ readonly table: number; readonly [peer: string]: number }> {
  await settle();
  const table = filled(rowCount, { kind: 'sgd', learningRate: 0.05 });
  const work = workOn(table, rowCount);
  const peers = names.map((name) => program.start(name, rowCount, work.probeCount));
  const rates: Rates = Object.fromEntries(['table', ...names].map((name) => [name, []]));
  const size = `${rowCount / 1e6} M rows`;
  report(`${size}: table, bytes per row`, table.bytes / rowCount, 0);
  try {
    for (const peer of peers) report(`${size}: ${peer.name}, bytes per row`, await peer.ready(), 0);
    for (let round = 0; round < rounds; round++) {
      rates['table']!.push(cpuRate(work.probeCount, work.pull));
      for (const peer of peers) rates[peer.name]!.push(await peer.round());
    }
  } finally {
    for (const peer of peers) await peer.stop();
  }
  for (const [name, each] of Object.entries(rates))
    report(`${size}: ${name}, M find + copy/s`, median(each) / 1e6);
  for (const name of names) report(`${size}: table / ${name}`, ratio(rates, 'table', name));
  const medians = Object.entries(rates).map(([name, each]) => [name, median(each)] as const);
  return { table: median(rates['table']!), ...Object.fromEntries(medians) };
}

const optimizers: readonly OptimizerSpec[] = [
  { kind: 'adagrad', learningRate: 0.05 },
  { kind: 'adam', learningRate: 0.01 },
  { kind: 'ftrl', learningRate: 0.1, l1: 0.001 },
];

/** Kernels beside the loops they stand for, and rows in one arena beside rows in several. */
async function besideTypeScript(rowCount: number, report: Report): Promise<void> {
  for (const optimizer of optimizers) {
    const make = () => filled(rowCount, optimizer);
    const tables: Record<string, EmbeddingTable> = {
      kernels: make(),
      TypeScript: withoutArena(make),
    };
    // Rows take 144 bytes: two of them hold all.
    const bytesMax = Math.max(4 * 2 ** 20, rowCount * 160);
    if (optimizer.kind === 'adagrad') tables['several arenas'] = withArenas({ bytesMax }, make);
    const works = Object.entries(tables).map(
      ([name, table]) => [name, workOn(table, rowCount)] as const,
    );
    for (const what of ['pull', 'push'] as const) {
      const rates: Rates = Object.fromEntries(works.map(([name]) => [name, []]));
      for (let round = 0; round < rounds; round++)
        for (const [name, work] of works) rates[name]!.push(cpuRate(work.probeCount, work[what]));
      const title = `${optimizer.kind}, ${what}`;
      report(`${title}: kernels, M/s`, median(rates['kernels']!) / 1e6);
      for (const [name] of works.slice(1))
        report(`${title}: kernels / ${name}`, ratio(rates, 'kernels', name));
    }
    const several = tables['several arenas'];
    if (several) report('arenas of "several arenas"', several.arenaCount, 0);
    for (const name of Object.keys(tables)) delete tables[name];
    works.length = 0;
    await settle();
  }
}

function filled(rowCount: number, optimizer: OptimizerSpec): EmbeddingTable {
  const spec: TableSpec = {
    ...{ slot: 1, dim, optimizer, seed: 7 },
    initializer: { kind: 'uniform', minimum: -0.01, maximum: 0.01 },
  };
  const table = new EmbeddingTable(spec);
  const keys = distinctKeys(rowCount);
  const grads = new Float32Array(batchFids * dim).fill(0.01);
  for (let i = 0; i < rowCount; i += batchFids)
    table.push(keys, i, Math.min(batchFids, rowCount - i), grads, 0, 1, 0);
  return table;
}

function workOn(table: EmbeddingTable, rowCount: number) {
  const probeCount = Math.min(rowCount, 1_000 * batchFids);
  const probes = probedKeys(distinctKeys(rowCount), rowCount, probeCount, 'uniform');
  const out = new Float32Array(batchFids * dim);
  const grads = new Float32Array(batchFids * dim).fill(0.01);
  const eachBatch = (work: (start: number, count: number) => void) => (): void => {
    for (let i = 0; i < probeCount; i += batchFids) work(i, Math.min(batchFids, probeCount - i));
  };
  return {
    probeCount,
    pull: eachBatch((start, count) => table.pull(probes, start, count, out, 0)),
    push: eachBatch((start, count) => table.push(probes, start, count, grads, 0, 2, 0)),
  };
}

/** Per second of CPU time of this process. */
function cpuRate(count: number, work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (count / (user + system)) * 1e6;
}

function ratio(rates: Rates, of: string, by: string): number {
  return median(rates[of]!.map((rate, round) => rate / rates[by]![round]!));
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1]!;
}
