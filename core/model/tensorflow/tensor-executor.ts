import type {
  DenseVersion,
  Executor,
  GraphScorer,
  GraphTrainer,
  Labels,
  RowStepResult,
  StepResult,
} from '../executor.js';
import type { BlockName } from '../blocks.js';
import { dropoutSeed } from '../dropout.js';
import type { Graph } from '../graph.js';
import { rowWidth } from '../network.js';
import { pooledOf, type PooledBatch, type RowsBatch } from '../pooled-batch.js';
import { poolRows, scatterGradients } from '../row-gather.js';
import { addOccurrences, placeGradients, sumByRow } from '../tfjs/occurrences.js';
import { lossSum, tensorBlocks } from './tensor-blocks.js';
import type { TensorRuntime, TensorSession } from './tensor-graph.js';
import { nothing, TensorModel, type BySlot } from './tensor-model.js';

/**
 * Networks by libtensorflow, each as one graph with symbolic gradients. A step is one run of a session: one dispatch where
 * TensorFlow.js has some fifty, and the library lays out memory for all of it.
 */
export function tensorExecutor(runtime: TensorRuntime): Executor {
  return {
    missing: ({ nodes }) => {
      const used = new Set(nodes.flatMap((node) => (node.kind === 'block' ? [node.block] : [])));
      return [...used].filter((block: BlockName) => tensorBlocks[block] === undefined);
    },
    trainer: (graph) => new TensorTrainer(runtime, graph),
    scorer: (graph) => new TensorScorer(runtime, graph),
  };
}

/** With rows, where they came so. */
type Learned = PooledBatch & Labels & Partial<Pick<RowsBatch, 'rows'>>;

interface TensorStepResult extends StepResult {
  readonly bySlot: readonly (readonly [slot: number, gradient: Float32Array])[];
}

class TensorTrainer implements GraphTrainer {
  readonly #model: TensorModel;
  readonly #session: TensorSession;
  /** Of labels; weights come next. */
  readonly #labelsAt: number;
  /** Where the gradient by each is among what is fetched; null: there is none. */
  readonly #ofPooled: number | null;
  readonly #bySlot: readonly (number | null)[];
  readonly #ofParameters: readonly (number | null)[];
  readonly #lossSum = new Float32Array(1);

  constructor(runtime: TensorRuntime, network: Graph) {
    const model = new TensorModel(runtime, network);
    const { graph, logits, pooled, occurrences, parameters } = model;
    const { heads, losses } = network.spec;
    const labels = graph.placeholder([-1, heads]);
    const weights = graph.placeholder([-1, heads]);
    const squared = losses?.map((loss) => (loss === 'squared' ? 1 : 0));
    const loss = lossSum(graph, [logits, labels, weights], squared);
    const slots = occurrences.map(({ values }) => values);
    const inputs = [pooled, ...slots, ...parameters];
    const differentiable = model.differentiable();
    const useful = inputs.filter((input) => differentiable.has(input));
    const fetches = [loss, logits, ...graph.gradients(loss, useful)];
    const places = inputs.map((input) => {
      const place = useful.indexOf(input);
      return place < 0 ? null : 2 + place;
    });
    this.#ofPooled = places[0]!;
    this.#bySlot = places.slice(1, 1 + slots.length);
    this.#ofParameters = places.slice(1 + slots.length);
    this.#labelsAt = model.feeds.length;
    const session = graph.session([...model.feeds, labels, weights], fetches);
    model.feedZeros(session);
    for (const input of [this.#labelsAt, this.#labelsAt + 1])
      session.feed(input, new Float32Array(heads), [1, heads]);
    session.run();
    this.#session = session;
    this.#model = model;
  }

  pooled(batch: PooledBatch & Labels, parameters: Float32Array): StepResult {
    const { loss, logits, pooledGradient, denseGradient } = this.#step(batch, parameters, nothing);
    return { loss, logits, pooledGradient, denseGradient };
  }

  rows(batch: RowsBatch & Labels, parameters: Float32Array, squares: boolean): RowStepResult {
    const { rows, pooling } = batch;
    const bySlot = this.#model.occurrencesOf(batch);
    const pooled = poolRows(pooling, rows);
    const result = this.#step({ ...batch, pooled }, parameters, bySlot);
    const { loss, logits, denseGradient } = result;
    if (!squares && bySlot.size === 0) {
      const rowGradient = scatterGradients(pooling, result.pooledGradient);
      return { loss, logits, rowGradient, denseGradient };
    }
    const places = placeGradients(pooling, result.pooledGradient);
    for (const [slot, gradient] of result.bySlot)
      addOccurrences(bySlot.get(slot)!, gradient, pooling.dim, places);
    const rowGradient = sumByRow(pooling, places, rows.length);
    if (!squares) return { loss, logits, rowGradient, denseGradient };
    const each = places.map((value) => value * value);
    const rowSquares = sumByRow(pooling, each, rows.length);
    return { loss, logits, rowGradient, rowSquares, denseGradient };
  }

  #step(batch: Learned, parameters: Float32Array, bySlot: BySlot): TensorStepResult {
    const { rowCount, labels, weights } = batch;
    const { heads } = this.#model.network.spec;
    const session = this.#session;
    this.#model.feedParameters(session, parameters);
    const seed = dropoutSeed(batch.rows ?? batch.pooled, labels, parameters);
    this.#model.feedExamples(session, batch, bySlot, seed);
    session.feed(this.#labelsAt, labels, [rowCount, heads]);
    session.feed(this.#labelsAt + 1, weights, [rowCount, heads]);
    session.run();
    return this.#resultOf(batch, bySlot);
  }

  #resultOf({ rowCount, weights }: PooledBatch & Labels, bySlot: BySlot): TensorStepResult {
    const { spec, layout } = this.#model.network;
    const dim = rowWidth(spec);
    const weightSum = sumOf(weights);
    this.#session.read(0, this.#lossSum);
    const logits = this.#read(1, rowCount * spec.heads);
    const pooledGradient = this.#read(this.#ofPooled, rowCount * spec.slotCount * dim);
    const slotGradients = this.#model.occurrences.map(({ slot }, i) => {
      return [slot, this.#read(this.#bySlot[i]!, bySlot.get(slot)!.count * dim)] as const;
    });
    const denseGradient = new Float32Array(layout.size);
    layout.entries.forEach(({ offset, size }, i) => {
      const place = this.#ofParameters[i]!;
      if (place !== null) this.#session.read(place, denseGradient.subarray(offset, offset + size));
    });
    const scale = 1 / weightSum;
    for (let i = 0; i < denseGradient.length; i++) denseGradient[i]! *= scale;
    const loss = this.#lossSum[0]! / weightSum;
    return { loss, logits, pooledGradient, denseGradient, bySlot: slotGradients };
  }

  /** Zeros where the network has no use for an input. */
  #read(place: number | null, length: number): Float32Array {
    const values = new Float32Array(length);
    if (place !== null) this.#session.read(place, values);
    return values;
  }
}

/** The parameters of the version last used stay fed. */
class TensorScorer implements GraphScorer {
  readonly #model: TensorModel;
  readonly #session: TensorSession;
  #fed: DenseVersion | null = null;

  constructor(runtime: TensorRuntime, network: Graph) {
    this.#model = new TensorModel(runtime, network);
    this.#session = this.#model.graph.session(this.#model.feeds, [this.#model.logits]);
    this.#model.feedZeros(this.#session);
    this.#session.run();
  }

  pooled(batch: PooledBatch, parameters: DenseVersion): Float32Array {
    return this.#score(batch, parameters, nothing);
  }

  rows(batch: RowsBatch, parameters: DenseVersion): Float32Array {
    const pooled = pooledOf(batch);
    return this.#score({ ...batch, pooled }, parameters, this.#model.occurrencesOf(batch));
  }

  dispose(): void {
    this.#session.close();
  }

  #score(batch: PooledBatch, { version, values }: DenseVersion, bySlot: BySlot): Float32Array {
    if (this.#fed?.version !== version || this.#fed.values !== values) {
      this.#model.feedParameters(this.#session, values);
      this.#fed = { version, values };
    }
    this.#model.feedExamples(this.#session, batch, bySlot);
    this.#session.run();
    const logits = new Float32Array(batch.rowCount * this.#model.network.spec.heads);
    this.#session.read(0, logits);
    return logits;
  }
}

function sumOf(values: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]!;
  return sum;
}
