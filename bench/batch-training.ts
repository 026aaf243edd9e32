import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { mix32 } from '../core/base/hash.js';
import { blueprintOf, type Blueprint } from '../core/blueprint/blueprint.js';
import { parseClusterConfig, type ClusterConfig } from '../core/config/schema.js';
import { EmbeddingPartition } from '../core/embedding/partition.js';
import { adamStep, createAdamState } from '../core/model/adam.js';
import { loadBackend, type Backend } from '../core/model/backend.js';
import { initialDense } from '../core/model/dense-parameters.js';
import { FidDeduper } from '../core/model/row-gather.js';
import { createRowStep } from '../core/model/training-step.js';
import {
  SampleFileReader,
  SampleFileWriter,
  type SampleBlock,
  type SampleIndex,
} from '../training/sample-file.js';
import { noTally } from '../training/thread-news.js';
import { TrainingCrew } from '../training/training-crew.js';
import type { BenchResult } from './bench-result.js';

/**
 * Batch training from a file of samples by one thread and by two, 5 slots × 16, 64-32, blocks of 1,024, and the training core by itself: pull, pool,
 * step, scatter, push, Adam, in one thread, on the same blocks in memory. Rounds take turns, so that whatever else the machine does meets all of
 * them; of each the median counts. Wall time, since threads are to use cores; processor time per sample says what they would do
 * with cores of their own.
 */
const slotCount = 5;
const blockRows = 1_024;
const ids = 100_000;
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
  try {
    const blocks = options.quick ? 64 : 256;
    const train = writeBlocks(path.join(folder, 'train'), blueprint, blocks);
    const backend = await loadBackend('auto', blueprint.model);
    const measures: Readonly<Record<string, () => Promise<Pace>>> = {
      core: async () => corePace(backend, blueprint, train),
      threads1: () => crewPace(config, train, { threads: 1, folder }),
      threads2: () => crewPace(config, train, { threads: 2, folder }),
    };
    const paces: Record<string, Pace[]> = {};
    for (let round = 0; round < (options.quick ? 1 : 3); round++)
      for (const [name, measure] of Object.entries(measures))
        (paces[name] ??= []).push(await measure());
    return resultOf(paces, backend);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function resultOf(paces: Readonly<Record<string, readonly Pace[]>>, backend: Backend): BenchResult {
  const figures: Record<string, number | string> = {
    node: process.version,
    backend: backend.name,
    baseline: 'core: the training core in one thread, from memory, in the same run',
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
  for (const [name, value] of Object.entries(figures)) console.log(`${name}: ${value}`);
  return { name: 'batch-training', figures };
}

function configOf(): ClusterConfig {
  const ids = { entity: 'item', kind: 'ids', valuesMax: 1 } as const;
  return parseClusterConfig({
    features: {
      user: { entity: 'user', kind: 'id' },
      item: { entity: 'item', kind: 'id' },
      // With the slot of what an event comes from there are five.
      ...{ a: ids, b: ids },
    },
    model: { network: 'mlp', factorDim: 16, hidden: [64, 32] },
    training: { batchRowsMax: blockRows },
  });
}

function writeBlocks(file: string, { model }: Blueprint, count: number): SampleIndex {
  const shape = { slotCount, denseCount: model.denseCount, heads: model.heads };
  const writer = new SampleFileWriter(file, shape);
  let drawn = 0;
  for (let i = 0; i < count; i++) {
    const fids = Uint32Array.from({ length: 2 * blockRows * slotCount }, (_unused, f) =>
      f % 2 === 0 ? mix32(++drawn) % ids : 0,
    );
    const block: SampleBlock = {
      examples: {
        ...{ rowCount: blockRows, slotCount, denseCount: model.denseCount, fids },
        offsets: Uint32Array.from({ length: blockRows * slotCount + 1 }, (_unused, f) => f),
        dense: new Float32Array(blockRows * model.denseCount),
      },
      labels: Float32Array.from({ length: blockRows }, () => Number(mix32(++drawn) % 5 === 0)),
      weights: new Float32Array(blockRows).fill(1),
      shown: new Uint8Array(blockRows),
      said: new Float32Array(0),
      atSeconds: i,
    };
    writer.add(block);
  }
  return writer.close();
}

async function crewPace(
  config: ClusterConfig,
  train: SampleIndex,
  { threads, folder }: { readonly threads: number; readonly folder: string },
): Promise<Pace> {
  const meter = new Meter(train.rows);
  const crew = new TrainingCrew(
    {
      ...{ config, threads, train, holdout: undefined, epochs: 1, createdAtMs: 0 },
      ...{ from: { epoch: 0, block: 0, step: 0 }, checkpoint: undefined },
      checkpoints: { folder, everyMs: Infinity },
      result: { folder, snapshot: '0000000000000-0' },
    },
    noTally,
    { learned: (_at, { rows }) => meter.reaches(rows), checkpoint: async () => undefined },
  );
  await crew.run();
  return meter.pace;
}

function corePace(backend: Backend, blueprint: Blueprint, train: SampleIndex): Pace {
  const { model, dim, tables, poolings } = blueprint;
  const partition = new EmbeddingPartition(0, tables, undefined, { initialRows: ids });
  const step = createRowStep(backend, model);
  const parameters = initialDense(model, 1);
  const adam = createAdamState(parameters.length);
  const deduper = new FidDeduper();
  const reader = new SampleFileReader(train);
  const meter = new Meter(train.rows);
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

/** From when it is warm to the end. */
class Meter {
  readonly #rows: number;
  #from: { readonly rows: number; readonly ms: number; readonly cpu: NodeJS.CpuUsage } | undefined;
  #pace: Pace | undefined;

  constructor(rows: number) {
    this.#rows = rows;
  }

  reaches(rows: number): void {
    const ms = performance.now();
    if (rows >= warmShare * this.#rows) this.#from ??= { rows, ms, cpu: process.cpuUsage() };
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
