import { operate } from '../../client/operate.js';
import type { LatencyHistogram } from '../../core/base/histogram.js';
import type { BenchResult } from '../bench-result.js';
import { BenchCluster, dim } from './bench-cluster.js';

/**
 * How long a parameter server is away when it is killed, on a real cluster: from the log alone (the baseline), from a
 * snapshot, and with a standby; what a snapshot costs those who pull meanwhile; how fast partitions move. A time ends
 * when a push to every partition is durable again. The figures are of one run each, on whatever else the machine does.
 */
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const quiet = () => undefined;

type Figures = Record<string, number | string>;

export async function run(options: { quick: boolean; full: boolean }): Promise<BenchResult> {
  const rows = options.quick ? 100_000 : 1_000_000;
  const figures: Figures = { dim, baseline: 'recovery from the log alone' };
  await withCluster(1, 0, (bench) => restart(bench, rows, figures, true));
  if (options.full) await withCluster(1, 0, (bench) => restart(bench, 10_000_000, figures, false));
  await withCluster(2, 1, (bench) => standby(bench, rows, figures));
  await withCluster(2, 0, (bench) => reshard(bench, rows, figures));
  for (const [name, value] of Object.entries(figures)) {
    const text = typeof value === 'number' ? value.toLocaleString('en-US') : value;
    console.log(`${name.padEnd(44)} ${text}`);
  }
  return { name: 'recovery', figures };
}

async function withCluster(
  shards: number,
  copies: number,
  work: (bench: BenchCluster) => Promise<void>,
): Promise<void> {
  const bench = await BenchCluster.start(shards, copies);
  try {
    await work(bench);
  } finally {
    await bench.stop();
  }
}

async function restart(
  bench: BenchCluster,
  rows: number,
  figures: Figures,
  withLog: boolean,
): Promise<void> {
  const name = `${rows / 1e6} M rows`;
  const fillSeconds = await bench.fill(rows);
  figures[`${name}: durable pushes, rows/s`] = Math.round(rows / fillSeconds);
  await sleep(1_000);
  const { deltaBytes, deltaRows } = bench.shard(0).stats;
  figures[`${name}: delta bytes per touched row`] = Math.round(deltaBytes! / deltaRows!);
  let logMs = NaN;
  if (withLog) {
    logMs = await killAndWait(bench, 0, 'SIGKILL');
    figures[`${name}: back from the log alone, s`] = seconds(logMs);
  }
  const before = await bench.pullsDuring(rows, sleep(3_000));
  const startMs = performance.now();
  const snapshot = operate(bench.cluster.bus, 'snapshot', {}, quiet);
  const during = await bench.pullsDuring(rows, snapshot);
  const snapshotMs = performance.now() - startMs;
  const taken = (await snapshot).taken as { dataCenter: string; bytes: number; seconds: number }[];
  const training = taken.find(({ dataCenter }) => dataCenter === 'train')!;
  figures[`${name}: snapshot, MB`] = Math.round(training.bytes / 1e6);
  figures[`${name}: snapshot written, MB/s`] = Math.round(training.bytes / 1e6 / training.seconds);
  figures[`${name}: all data centers, s`] = seconds(snapshotMs);
  pulls(figures, `${name}: pull of 512 rows before`, before);
  pulls(figures, `${name}: pull of 512 rows during`, during);
  figures[`${name}: p99 during / before (target ≤ 2)`] =
    Math.round((10 * during.quantile(0.99)) / before.quantile(0.99)) / 10;
  const backMs = await killAndWait(bench, 0, 'SIGKILL');
  const target = rows === 10_000_000 ? ' (target 20)' : rows === 1_000_000 ? ' (target 3)' : '';
  figures[`${name}: back from the snapshot, s${target}`] = seconds(backMs);
  if (withLog) figures[`${name}: log alone / snapshot`] = Math.round((10 * logMs) / backMs) / 10;
  figures[`${name}: restored, MB/s with the start of the process`] = Math.round(
    training.bytes / 1e3 / backMs,
  );
}

async function standby(bench: BenchCluster, rows: number, figures: Figures): Promise<void> {
  const name = `${rows / 1e6} M rows, standby`;
  await bench.fill(rows);
  await sleep(1_000);
  figures[`${name}: accepted after SIGKILL, s (target 1)`] = seconds(
    await killAndWait(bench, 0, 'SIGKILL'),
  );
  await shared(bench);
  figures[`${name}: accepted after SIGSTOP, s (target 1)`] = seconds(
    await killAndWait(bench, 0, 'SIGSTOP'),
  );
}

async function reshard(bench: BenchCluster, rows: number, figures: Figures): Promise<void> {
  const name = `${rows / 1e6} M rows, 2 → 4 shards`;
  await bench.fill(rows);
  const pauses: number[] = [];
  let copyMs = 0;
  const startMs = performance.now();
  await operate(bench.cluster.bus, 'scale', { kind: 'ps-shard', count: 4 }, ({ text }) => {
    const match = /copied in (\d+) ms, pushes paused (\d+) ms/.exec(text);
    if (!match) return;
    copyMs += Number(match[1]);
    pauses.push(Number(match[2]));
  });
  const moved = (rows * pauses.length) / bench.cluster.config.partitions;
  figures[`${name}: all, s`] = seconds(performance.now() - startMs);
  figures[`${name}: s per million rows moved`] = seconds((copyMs * 1e6) / moved);
  figures[`${name}: longest pause of pushes, ms (target 500)`] = Math.max(...pauses);
}

async function killAndWait(
  bench: BenchCluster,
  index: number,
  signal: 'SIGKILL' | 'SIGSTOP',
): Promise<number> {
  process.kill(bench.shard(index).pid!, signal);
  const ms = await bench.untilAccepted();
  return ms;
}

/** A killed shard is back and has its share again. */
async function shared(bench: BenchCluster): Promise<void> {
  const { partitions } = bench.cluster.config;
  for (;;) {
    const owners = bench.directory.partitions.map((each) => bench.directory.ownerOf(each).owner);
    if (owners.filter((owner) => owner === 0).length === partitions / 2)
      return sleep(2_000).then(quiet);
    await sleep(100);
  }
}

function pulls(figures: Figures, name: string, latency: LatencyHistogram): void {
  figures[`${name}, p50 ms`] = Math.round(100 * latency.quantile(0.5)) / 100;
  figures[`${name}, p99 ms`] = Math.round(100 * latency.quantile(0.99)) / 100;
}

function seconds(ms: number): number {
  return Math.round(ms / 10) / 100;
}
