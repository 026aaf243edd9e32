import { EmbeddingTable } from '../core/embedding/embedding-table.js';
import { lookupRows } from '../core/embedding/embedding-table.testkit.js';
import type { ExampleBatch } from '../core/features/example-batch.js';
import type { OptimizerSpec } from '../core/embedding/optimizers/optimizer.js';
import { adamDefaults, adamStep, createAdamState } from '../core/model/adam.js';
import type { Backend } from '../core/model/backend.js';
import { initialDense } from '../core/model/dense-parameters.js';
import { rowWidth, type ModelSpec } from '../core/model/network.js';
import { FidDeduper, type Pooling, type RowPooling } from '../core/model/row-gather.js';
import type { DenseVersion } from '../core/model/executor.js';
import { createScorer } from '../core/model/scorer.js';
import { createRowStep } from '../core/model/training-step.js';

export interface CoreSetup {
  readonly model: ModelSpec;
  /** By slot. */
  readonly poolings: readonly Pooling[];
  /** By slot, the slot whose rows its values have; their own where it is left out. */
  readonly rowsOf?: ArrayLike<number>;
  /** Events between two publications of the dense parameters to serving. */
  readonly denseEveryEvents: number;
  readonly seed: number;
  /** Of rows, by slot; left out: Adagrad, rate 0.05, each. */
  readonly optimizers?: readonly OptimizerSpec[];
}

const rowInitial = 0.02;
const rowLearningRate = 0.05;

/** Tables, trainer, dense shard and ranker in one object; rows are served as soon as they are learned. */
export class CoreLearner {
  readonly #setup: CoreSetup;
  readonly #dim: number;
  readonly #tables: EmbeddingTable[];
  readonly #deduper = new FidDeduper();
  readonly #step;
  readonly #scorer;
  readonly #parameters: Float32Array;
  readonly #adam;
  #served: DenseVersion;
  #unpublishedEvents = 0;

  constructor(backend: Backend, setup: CoreSetup) {
    this.#setup = setup;
    this.#dim = rowWidth(setup.model);
    this.#tables = setup.poolings.map(
      (_unused, slot) =>
        new EmbeddingTable({
          slot,
          dim: this.#dim,
          initializer: {
            kind: 'uniform',
            minimum: -rowInitial,
            maximum: rowInitial,
            zeroPrefix: 1,
          },
          optimizer: setup.optimizers?.[slot] ?? { kind: 'adagrad', learningRate: rowLearningRate },
          seed: setup.seed,
        }),
    );
    this.#step = createRowStep(backend, setup.model, { squares: true });
    this.#scorer = createScorer(backend, setup.model);
    this.#parameters = initialDense(setup.model, setup.seed);
    this.#adam = createAdamState(this.#parameters.length);
    this.#served = { version: 0, values: this.#parameters.slice() };
  }

  score(examples: ExampleBatch): Float32Array {
    const { pooling, rows } = this.#gather(examples, (table, fids, start, count, out) =>
      lookupRows(table, fids, start, count, out, start * this.#dim),
    );
    const { rowCount, dense } = examples;
    return this.#scorer.scoreRows({ rowCount, rows, pooling, dense }, this.#served);
  }

  /**
   * @param weights of the rows.
   * @returns f32 [rows], what the network said before it learned them.
   */
  learn(
    examples: ExampleBatch,
    labels: Float32Array,
    weights = new Float32Array(examples.rowCount).fill(1),
  ): Float32Array {
    const { rowCount, dense } = examples;
    const { pooling, rows } = this.#gather(examples, (table, fids, start, count, out) =>
      table.pull(fids, start, count, out, start * this.#dim),
    );
    const result = this.#step(
      { rowCount, rows, pooling, dense, labels, weights },
      this.#parameters,
    );
    const { rowGradient: gradients, rowSquares: squares } = result;
    this.#forEachSlot(pooling, (table, start, count) =>
      table.push(pooling.plan.fids, start, count, gradients, start * this.#dim, 0, 0, squares),
    );
    adamStep(this.#parameters, result.denseGradient, this.#adam, adamDefaults);
    this.#unpublishedEvents += rowCount;
    if (this.#unpublishedEvents >= this.#setup.denseEveryEvents) {
      this.#served = { version: this.#served.version + 1, values: this.#parameters.slice() };
      this.#unpublishedEvents = 0;
    }
    return result.logits;
  }

  #gather(
    examples: ExampleBatch,
    read: (
      table: EmbeddingTable,
      fids: Uint32Array,
      start: number,
      count: number,
      out: Float32Array,
    ) => void,
  ): { pooling: RowPooling; rows: Float32Array } {
    const plan = this.#deduper.plan(examples, 1, this.#setup.rowsOf);
    const pooling: RowPooling = {
      plan,
      batch: examples,
      dim: this.#dim,
      poolings: this.#setup.poolings,
    };
    const rows = new Float32Array(plan.uniqueCount * this.#dim);
    this.#forEachSlot(pooling, (table, start, count) => read(table, plan.fids, start, count, rows));
    return { pooling, rows };
  }

  #forEachSlot(
    { plan }: RowPooling,
    visit: (table: EmbeddingTable, start: number, count: number) => void,
  ): void {
    let start = 0;
    this.#tables.forEach((table, slot) => {
      const count = plan.counts[slot]!;
      visit(table, start, count);
      start += count;
    });
  }
}
