import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { blueprintOf, type Blueprint } from '../core/blueprint/blueprint.js';
import type { ClusterConfig } from '../core/config/schema.js';
import { EmbeddingPartition } from '../core/embedding/partition.js';
import { adamStep, createAdamState } from '../core/model/adam.js';
import { loadBackend, type Backend } from '../core/model/backend.js';
import { initialDense } from '../core/model/dense-parameters.js';
import { FidDeduper } from '../core/model/row-gather.js';
import { createRowStep } from '../core/model/training-step.js';
import { SampleFileReader, type SampleIndex } from '../training/sample-file.js';
import { noTally } from '../training/thread-news.js';
import { TrainingCrew } from '../training/training-crew.js';
import type { BenchResult } from './bench-result.js';
import { blockRows, configOf, ids, samplesIn, writeParquet } from './joined-rows.js';
import { noTorch, Peer, python, readyOnes, sourceOf } from './peers/peer.js';

/**
 * Batch training of rows that are joined already, 5 slots × 16, 64-32, blocks of 1,024: from a Parquet file to the last step, by one thread and by two,
 * beside PyTorch doing the same from the same file; and from the file of samples alone, beside the training core by itself: pull, pool, step,
 * scatter, push, Adam, in one thread, on the same blocks. Rounds take turns, so that whatever else the machine does meets all of them; of each the
 * median counts. Wall time, since threads are to use cores; processor time per sample says what they would do with cores of their own.
 */
/** Of the rows: tables grow and code is compiled meanwhile. */
const warmShare = 0.3;

interface Pace {
  readonly samplesPerSecond: number;
  /** Processor time of all threads, microseconds. */
  readonly cpuPerSample: number;
}

export async function run(options: { quick: boolean }): Promise<BenchResult> {
  const config = configOf();
  const blueprint = blueprintOf(config);
  const folder = await mkdtemp(path.join(tmpdir(), 'starling-bench-'));
  const parquet = path.join(folder, 'rows.parquet');
  let torch: readonly Peer[] = [];
  try {
    const rows = (options.quick ? 128 : 512) * blockRows;
    await writeParquet(parquet, rows);
    const train = await samplesIn(parquet, path.join(folder, 'train'), blueprint);
    torch = torchPeers(parquet);
    const versions: Record<string, string> = {};
    const ready = await readyOnes(torch, (name, what) => (versions[name] = what));
    const whole = (threads: number) => () => wholePace(config, parquet, rows, { threads, folder });
    const backend = await loadBackend('auto', blueprint.model);
    const measures: Readonly<Record<string, () => Promise<Pace>>> = {
      core: async () => corePace(backend, blueprint, train),
      threads1: () => crewPace(config, train, { threads: 1, folder }),
      threads2: () => crewPace(config, train, { threads: 2, folder }),
      'parquet.threads1': whole(1),
      'parquet.threads2': whole(2),
      ...Object.fromEntries(ready.map((peer) => [peer.name, () => peer.round<Pace>()])),
    };
    const paces: Record<string, Pace[]> = {};
    for (let round = 0; round < (options.quick ? 1 : 3); round++)
      for (const [name, measure] of Object.entries(measures))
        (paces[name] ??= []).push(await measure());
    return resultOf(paces, backend, versions);
  } finally {
    await Promise.all(torch.map((peer) => peer.stop()));
    await rm(folder, { recursive: true, force: true });
  }
}

function resultOf(
  paces: Readonly<Record<string, readonly Pace[]>>,
  backend: Backend,
  versions: Readonly<Record<string, string>>,
): BenchResult {
  const figures: Record<string, number | string> = {
    node: process.version,
    backend: backend.name,
    baseline: 'core: the training core in one thread, from memory, in the same run',
    ...versions,
  };
  for (const [name, all] of Object.entries(paces)) {
    figures[`${name}.samplesPerSecond`] = rounded(median(all.map((each) => each.samplesPerSecond)));
    figures[`${name}.cpuMicrosecondsPerSample`] = rounded(
      median(all.map((each) => each.cpuPerSample)),
    );
  }
  const ratio = (a: string, b: string): number =>
    rounded(
      median(paces[a]!.map((each, i) => each.samplesPerSecond / paces[b]![i]!.samplesPerSecond)),
    );
  figures['threads1.ratioToCore'] = ratio('threads1', 'core');
  figures['threads2.ratioToOne'] = ratio('threads2', 'threads1');
  // Were each thread given a core.
  figures['threads2.ratioToOneByCpu'] = rounded(
    median(
      paces['threads2']!.map(
        (two, i) => (2 * paces['threads1']![i]!.cpuPerSample) / two.cpuPerSample,
      ),
    ),
  );
  for (const ours of ['parquet.threads1', 'parquet.threads2'])
    for (const theirs of Object.keys(paces).filter((name) => name.startsWith('parquet.torch'))) {
      figures[`${ours}.ratioTo ${theirs}`] = ratio(ours, theirs);
      figures[`${ours}.ratioByCpuTo ${theirs}`] = rounded(
        median(paces[ours]!.map((each, i) => paces[theirs]![i]!.cpuPerSample / each.cpuPerSample)),
      );
    }
  if (noTorch !== undefined) figures['parquet.torch'] = noTorch;
  for (const [name, value] of Object.entries(figures)) console.log(`${name}: ${value}`);
  return { name: 'batch-training', figures };
}

async function crewPace(
  config: ClusterConfig,
  train: SampleIndex,
  { threads, folder }: { readonly threads: number; readonly folder: string },
): Promise<Pace> {
  const meter = new Meter(train.rows, warmShare * train.rows);
  await crewLearns(config, train, { threads, folder, reaches: (rows) => meter.reaches(rows) });
  return meter.pace;
}

/** From the file's first byte to the last step, with all that is begun in between. */
async function wholePace(
  config: ClusterConfig,
  parquet: string,
  rows: number,
  { threads, folder }: { readonly threads: number; readonly folder: string },
): Promise<Pace> {
  const meter = new Meter(rows, 0);
  meter.reaches(0);
  const train = await samplesIn(parquet, path.join(folder, 'whole'), blueprintOf(config));
  await crewLearns(config, train, { threads, folder, reaches: (done) => meter.reaches(done) });
  return meter.pace;
}

interface CrewMeasure {
  readonly threads: number;
  readonly folder: string;
  readonly reaches: (rows: number) => void;
}

async function crewLearns(
  config: ClusterConfig,
  train: SampleIndex,
  { threads, folder, reaches }: CrewMeasure,
): Promise<void> {
  const crew = new TrainingCrew(
    {
      ...{ config, threads, train, holdout: undefined, epochs: 1, createdAtMs: 0 },
      ...{ from: { epoch: 0, block: 0, step: 0 }, checkpoint: undefined },
      checkpoints: { folder, everyMs: Infinity },
      result: { folder, snapshot: '0000000000000-0' },
    },
    noTally,
    { learned: (_at, { rows }) => reaches(rows), checkpoint: async () => undefined },
  );
  await crew.run();
}

/** Processes that run already, and know beforehand what tables will have; ours begin with each round. */
function torchPeers(parquet: string): Peer[] {
  if (noTorch !== undefined) return [];
  const kinds = [['eager', 1] as const, ['fbgemm', 1] as const, ['fbgemm', 2] as const];
  return kinds.map(([kind, threads]) => {
    const args = [kind, parquet, '64-32', blockRows, ids, threads].map(String);
    const name = `parquet.torch.${kind}.threads${threads}`;
    return new Peer(name, python, [sourceOf('torch_parquet.py'), ...args]);
  });
}

function corePace(backend: Backend, blueprint: Blueprint, train: SampleIndex): Pace {
  const { model, dim, tables, poolings } = blueprint;
  const partition = new EmbeddingPartition(0, tables, undefined, { initialRows: ids });
  const step = createRowStep(backend, model);
  const parameters = initialDense(model, 1);
  const adam = createAdamState(parameters.length);
  const deduper = new FidDeduper();
  const reader = new SampleFileReader(train);
  const meter = new Meter(train.rows, warmShare * train.rows);
  let learned = 0;
  for (let block = 0; block < reader.blocks; block++) {
    const { examples: batch, labels, weights } = reader.read(block);
    const { rowCount, dense } = batch;
    const plan = deduper.plan(batch, 1);
    const rows = new Float32Array(plan.uniqueCount * dim);
    partition.pull(plan.counts, 0, plan.fids, 0, rows, 0);
    const pooling = { plan, batch, dim, poolings };
    const result = step({ rowCount, rows, pooling, dense, labels, weights }, parameters);
    partition.push(plan.counts, 0, plan.fids, 0, result.rowGradient, 0, 0, 0);
    adamStep(parameters, result.denseGradient, adam);
    learned += rowCount;
    meter.reaches(learned);
  }
  reader.close();
  return meter.pace;
}

/** From when so many are learned to the end. */
class Meter {
  readonly #rows: number;
  readonly #fromRows: number;
  #from: { readonly rows: number; readonly ms: number; readonly cpu: NodeJS.CpuUsage } | undefined;
  #pace: Pace | undefined;

  constructor(rows: number, fromRows: number) {
    this.#rows = rows;
    this.#fromRows = fromRows;
  }

  reaches(rows: number): void {
    const ms = performance.now();
    if (rows >= this.#fromRows) this.#from ??= { rows, ms, cpu: process.cpuUsage() };
    if (rows < this.#rows || !this.#from) return;
    const { user, system } = process.cpuUsage(this.#from.cpu);
    const count = rows - this.#from.rows;
    this.#pace = {
      samplesPerSecond: (1_000 * count) / (ms - this.#from.ms),
      cpuPerSample: (user + system) / count,
    };
  }

  get pace(): Pace {
    if (!this.#pace) throw new Error('it ended before it was warm');
    return this.#pace;
  }
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1]!;
}

function rounded(value: number): number {
  return Number(value.toPrecision(3));
}
