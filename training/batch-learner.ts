import { DenseLedger } from '../actors/dense-shard/dense-ledger.js';
import { initialParameters, parameterCounts, type Blueprint } from '../core/blueprint/blueprint.js';
import { unusableAt } from '../core/base/finite.js';
import { EmbeddingPartition } from '../core/embedding/partition.js';
import { emptyExamples } from '../core/features/example-batch.js';
import type { Backend } from '../core/model/backend.js';
import { JudgedScores, type JudgedCounts } from '../core/model/judged-scores.js';
import { cutValues, scalesIn } from '../core/model/number-scales.js';
import { FidDeduper, type RowPooling } from '../core/model/row-gather.js';
import { calibratedLogit, calibrationSums } from '../core/model/score-calibration.js';
import { createScorer, type Scorer } from '../core/model/scorer.js';
import { createRowStep, type RowStep } from '../core/model/training-step.js';
import type { Alarm } from '../core/base/shared-ring.js';
import { firstPartition, type ExchangeShape, type Links } from './exchange-links.js';
import { RowExchange, type PartNews } from './row-exchange.js';
import { partOf, type SampleBlock } from './sample-file.js';

/** Batches between two looks for rows that expired, and rows of each partition that are looked at then. */
const sweepBatches = 64;
const sweepRows = 4_096;
/** Keys that went, which a shard would tell its log; here nobody hears them. */
const evictedMax = 65_536;

export interface LearnedBatch {
  /** Rows of the whole batch. */
  readonly rows: number;
  /** Mean by weight; NaN where nothing was learned: no label is known, or a gradient is not finite. */
  readonly loss: number;
  readonly isRefused: boolean;
  /** What thread 0 said. */
  readonly signal: number;
}

/** What the network says of rows of which the outcome is known. */
export interface ScoredRows {
  /** f32 [rows × heads], calibrated where they are chances. */
  readonly logits: Float32Array;
  /** On the scales of the heads. */
  readonly labels: Float32Array;
  readonly weights: Float32Array;
}

/** The shape of what threads tell each other. */
export function exchangeShape(blueprint: Blueprint, threads: number): ExchangeShape {
  const { network, calibration } = parameterCounts(blueprint);
  const { partitionCount, slotCount, dim, countsExamples } = blueprint;
  const networkFloats = network + calibration;
  const squares = countsExamples.includes(true);
  return { threads, partitionCount, slotCount, dim, networkFloats, squares };
}

/** Unique fids that a part of a batch has at most. */
export function partFidsMax(
  { blockFidsMax, rowFidsMax, blockRowsMax }: Readonly<Record<SampleMaxima, number>>,
  threads: number,
): number {
  return Math.min(blockFidsMax, Math.ceil(blockRowsMax / threads) * rowFidsMax);
}

type SampleMaxima = 'blockFidsMax' | 'rowFidsMax' | 'blockRowsMax';

export interface BatchLearnerOptions {
  readonly blueprint: Blueprint;
  readonly backend: Backend;
  readonly thread: number;
  readonly threads: number;
  /** None where there is one thread. */
  readonly links: Links;
  readonly alarm: Alarm;
  /** Of this thread, as they were saved; new ones where it is left out. */
  readonly partitions?: readonly EmbeddingPartition[] | undefined;
}

/**
 * The training core of one thread: a trainer, its share of the parameter servers, and a dense shard of its own, which takes the same steps as
 * that of every other thread. Formulas, shapes and their order are those of actors/trainer/learner.ts: what one thread learns of a batch is what a
 * cluster with one trainer learns of it, to the bit.
 */
export class BatchLearner {
  readonly partitions: readonly EmbeddingPartition[];
  readonly ledger: DenseLedger;
  readonly #options: BatchLearnerOptions;
  readonly #exchange: RowExchange;
  readonly #step: RowStep;
  readonly #scorer: Scorer;
  readonly #deduper = new FidDeduper();
  readonly #networkSize: number;
  readonly #networkFloats: number;
  readonly #isChance: readonly boolean[];
  readonly #judged: ReadonlyMap<string, JudgedScores>;
  #batches = 0;

  constructor(options: BatchLearnerOptions) {
    const { blueprint, backend, thread, threads, links, alarm } = options;
    const shape = exchangeShape(blueprint, threads);
    this.#options = options;
    this.partitions = options.partitions ?? ownPartitions(blueprint, shape, thread);
    this.#exchange = new RowExchange(shape, thread, this.partitions, links, alarm);
    this.#step = createRowStep(backend, blueprint.model, { squares: shape.squares });
    this.#scorer = createScorer(backend, blueprint.model);
    const counts = parameterCounts(blueprint);
    this.ledger = new DenseLedger(initialParameters(blueprint), blueprint.adam, counts);
    this.#networkSize = counts.network;
    this.#networkFloats = shape.networkFloats;
    this.#isChance = blueprint.values.map((scale) => scale === undefined);
    const chances = blueprint.outcomes.filter((_name, head) => this.#isChance[head]);
    this.#judged = new Map(chances.map((name) => [name, new JudgedScores()]));
  }

  /** By outcome, what this thread's part of each batch was scored before it was learned, since this learner began. */
  get judged(): Readonly<Record<string, JudgedCounts>> {
    const counts = [...this.#judged].map(([name, scores]) => [name, scores.counts] as const);
    return Object.fromEntries(counts);
  }

  /**
   * A step on a whole batch, of which this thread computes its part; all threads call it with the same.
   *
   * @param step counts batches from 1 on, over all epochs.
   * @param judges whether scores are counted: the first time that a row is met.
   * @param signal what thread 0 has to say to all.
   */
  learn(block: SampleBlock, step: number, judges: boolean, signal = 0): LearnedBatch {
    const { blueprint } = this.#options;
    const { parameters } = this.ledger;
    const { said, atSeconds } = block;
    const scales = scalesIn(parameters.subarray(this.#networkSize), blueprint.model);
    cutValues(block, blueprint.model, scales, said, blueprint.values);
    const rows = block.examples.rowCount;
    const id = Float64Array.of(step);
    if (!block.weights.some((weight) => weight > 0)) {
      this.ledger.apply(id, joined(new Float32Array(this.#networkFloats), said));
      return { rows, loss: NaN, isRefused: false, signal: 0 };
    }
    const part = this.#partOf(block);
    const plan = this.#planOf(part);
    const pulled = this.#exchange.pull(plan);
    const own = this.#compute(part, plan, pulled, judges, signal);
    const time = { atSeconds, step };
    const news = this.#exchange.push(plan, own, this.#networkSize, time);
    const isRefused = !Number.isFinite(news.loss);
    if (!isRefused) this.ledger.apply(id, joined(news.network, said));
    this.#keepHouse(atSeconds);
    return { rows, loss: isRefused ? NaN : news.loss, isRefused, signal: news.signal };
  }

  /** What the network says of this thread's part; all threads call it with the same. */
  score(block: SampleBlock): ScoredRows {
    const { dim, poolings } = this.#options.blueprint;
    const part = this.#partOf(block);
    const { examples, labels, weights } = part;
    const plan = this.#planOf(part);
    const rows = this.#exchange.lookup(plan);
    const { rowCount, dense } = examples;
    const pooling: RowPooling = { plan, batch: examples, dim, poolings };
    const values = this.ledger.parameters;
    const logits = this.#scorer.scoreRows(
      { rowCount, rows, pooling, dense },
      { version: 1, values },
    );
    const calibration = values.subarray(this.#networkSize, this.#networkFloats);
    const heads = this.#isChance.length;
    return {
      logits: logits.map((logit, i) =>
        this.#isChance[i % heads] ? calibratedLogit(logit, calibration, i % heads) : logit,
      ),
      // The file reads the next block into the same memory.
      labels: labels.slice(),
      weights: weights.slice(),
    };
  }

  #partOf(block: SampleBlock): SampleBlock {
    const { thread, threads } = this.#options;
    const rows = block.examples.rowCount;
    const start = Math.floor((thread * rows) / threads);
    const end = Math.floor(((thread + 1) * rows) / threads);
    return threads === 1 ? block : partOf(block, start, end, this.#isChance.length);
  }

  #planOf({ examples }: SampleBlock) {
    const { partitionCount, rowsOf, slotCount } = this.#options.blueprint;
    const batch = examples.rowCount > 0 ? examples : emptyExamples(slotCount, 0);
    return this.#deduper.plan(batch, partitionCount, rowsOf);
  }

  #compute(
    { examples, labels, weights, shown }: SampleBlock,
    plan: RowPooling['plan'],
    rows: Float32Array,
    judges: boolean,
    signal: number,
  ): PartNews {
    const { dim, poolings } = this.#options.blueprint;
    const weight = sumOf(weights);
    if (weight === 0) {
      const network = new Float32Array(this.#networkFloats);
      const nothing = new Float32Array(rows.length);
      const squares = this.#exchange.squares ? nothing : undefined;
      return { weight, loss: 0, signal, network, rows: nothing, squares };
    }
    const { rowCount, dense } = examples;
    const { parameters } = this.ledger;
    const pooling: RowPooling = { plan, batch: examples, dim, poolings };
    const result = this.#step({ rowCount, rows, pooling, dense, labels, weights }, parameters);
    if (judges) this.#judge(result.logits, labels, weights);
    const sums = calibrationSums(
      { logits: result.logits, labels, weights, counts: (row) => shown[row] === 1 },
      parameters.subarray(this.#networkSize),
      this.#isChance,
    );
    const isFinite = unusableAt(result.rowGradient) < 0 && unusableAt(result.denseGradient) < 0;
    return {
      ...{ weight, loss: isFinite ? result.loss : NaN, signal },
      network: joined(result.denseGradient, sums),
      rows: result.rowGradient,
      squares: result.rowSquares,
    };
  }

  #judge(logits: Float32Array, labels: Float32Array, weights: Float32Array): void {
    const { outcomes } = this.#options.blueprint;
    const heads = outcomes.length;
    outcomes.forEach((name, head) => {
      const judged = this.#judged.get(name);
      if (!judged) return;
      for (let i = head; i < logits.length; i += heads)
        if (weights[i]! > 0) judged.add(logits[i]!, labels[i]!, weights[i]!);
    });
  }

  #keepHouse(atSeconds: number): void {
    if (++this.#batches % sweepBatches !== 0) return;
    for (const partition of this.partitions) {
      partition.sweep(atSeconds, sweepRows);
      if (partition.evictedCount <= evictedMax) continue;
      for (const table of partition.tables)
        table.takeEvictedInto(new Uint32Array(2 * table.evictedCount), 0, table.evictedCount);
    }
  }
}

function ownPartitions(
  { tables, capacity }: Blueprint,
  shape: ExchangeShape,
  thread: number,
): EmbeddingPartition[] {
  const first = firstPartition(thread, shape);
  const count = firstPartition(thread + 1, shape) - first;
  return Array.from(
    { length: count },
    (_unused, i) => new EmbeddingPartition(first + i, tables, capacity),
  );
}

function joined(...parts: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

function sumOf(values: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]!;
  return sum;
}
