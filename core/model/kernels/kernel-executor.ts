import type {
  DenseVersion,
  Executor,
  GraphScorer,
  GraphTrainer,
  Labels,
  RowStepResult,
  StepResult,
} from '../executor.js';
import { dropoutSeed } from '../dropout.js';
import type { Graph } from '../graph.js';
import type { PooledBatch, RowsBatch } from '../pooled-batch.js';
import { Feed } from './feed.js';
import { instantiateKernels, type KernelKind } from './kernel-module.js';
import type { Kernels } from './kernels.js';
import { LinearMemory, type Region } from './linear-memory.js';
import { occurrencesNeeded } from './occurrence-feed.js';
import { roundUp, strideOf } from './places.js';
import { occurrencesMin, Program } from './program.js';
import { splitByKernels } from './split-kernels.js';

/**
 * Networks by our own kernels in WebAssembly. The same bits from run to run on one engine, and a row has the same logits in
 * whatever batch it comes.
 */
export function kernelExecutor(kind: KernelKind): Executor {
  return {
    missing: () => [],
    trainer: (graph) => new KernelTrainer(kind, graph),
    scorer: (graph) => new KernelScorer(kind, graph),
    split: (model, sides) => splitByKernels(kind, model, sides),
  };
}

/** Made anew, twice as large, when an example comes that has more occurrences than fit. */
class KernelTrainer implements GraphTrainer {
  readonly #kind: KernelKind;
  readonly #graph: Graph;
  #pass: TrainingPass;

  constructor(kind: KernelKind, graph: Graph) {
    this.#kind = kind;
    this.#graph = graph;
    this.#pass = new TrainingPass(kind, graph, occurrencesMin);
  }

  pooled(batch: PooledBatch & Labels, parameters: Float32Array): StepResult {
    return this.#pass.pooled(batch, parameters);
  }

  rows(batch: RowsBatch & Labels, parameters: Float32Array, squares: boolean): RowStepResult {
    const needed = occurrencesNeeded(this.#graph, batch);
    if (needed > this.#pass.occurrencesMax)
      this.#pass = new TrainingPass(this.#kind, this.#graph, 2 * needed);
    return this.#pass.rows(batch, parameters, squares, needed);
  }
}

class TrainingPass {
  readonly occurrencesMax: number;
  readonly #graph: Graph;
  readonly #memory = new LinearMemory();
  readonly #kernels: Kernels;
  readonly #program: Program;
  readonly #feed: Feed;
  readonly #denseGradient: number;
  readonly #squared: number;
  readonly #labels: Region;
  readonly #weights: Region;
  readonly #logits: Region;
  readonly #gradients: Region;

  constructor(kind: KernelKind, graph: Graph, occurrencesMax: number) {
    this.occurrencesMax = occurrencesMax;
    this.#graph = graph;
    this.#kernels = instantiateKernels(kind, this.#memory.memory);
    this.#program = new Program(graph, this.#kernels, this.#memory, {
      withGradients: true,
      occurrencesMax,
    });
    this.#feed = new Feed(this.#program);
    this.#denseGradient = this.#memory.allocate(graph.layout.size);
    this.#squared = this.#uploadLosses();
    this.#labels = this.#memory.region();
    this.#weights = this.#memory.region();
    this.#logits = this.#memory.region();
    this.#gradients = this.#memory.region();
  }

  pooled(batch: PooledBatch & Labels, parameters: Float32Array): StepResult {
    this.#feed.takePooled(batch);
    this.#feed.dropoutSeed = dropoutSeed(batch.pooled, batch.labels, parameters);
    const size = batch.pooled.length;
    const gradients = this.#gradients.reserve(size);
    const result = this.#step(batch, parameters, (first, rows) =>
      this.#feed.joinGradients(first, rows, gradients),
    );
    const start = gradients / 4;
    return { ...result, pooledGradient: this.#memory.floats.slice(start, start + size) };
  }

  rows(
    batch: RowsBatch & Labels,
    parameters: Float32Array,
    squares: boolean,
    occurrencesMax: number,
  ): RowStepResult {
    this.#feed.takeRows(batch, occurrencesMax);
    this.#feed.dropoutSeed = dropoutSeed(batch.rows, batch.labels, parameters);
    const size = batch.rows.length;
    const gradients = this.#gradients.reserve(squares ? 2 * size : size);
    const squaresAt = squares ? gradients + 4 * size : 0;
    const start = gradients / 4;
    const end = start + size;
    this.#memory.floats.fill(0, start, squares ? end + size : end);
    const result = this.#step(batch, parameters, (first, rows) =>
      this.#feed.scatterGradients(first, rows, gradients, squaresAt),
    );
    const { floats } = this.#memory;
    return {
      ...result,
      rowGradient: floats.slice(start, end),
      ...(squares ? { rowSquares: floats.slice(end, end + size) } : {}),
    };
  }

  #step(
    batch: Pick<PooledBatch, 'rowCount'> & Labels,
    parameters: Float32Array,
    takeGradients: (first: number, rows: number) => void,
  ) {
    const { layout, spec, logits } = this.#graph;
    const { rowCount, weights } = batch;
    const stride = strideOf(spec.heads);
    const [labelsAt, weightsAt] = this.#uploadLabels(batch);
    const logitsAt = this.#logits.reserve(rowCount * spec.heads);
    const program = this.#program;
    const kernels = this.#kernels;
    program.load(parameters);
    program.clearGradients();
    const z = program.value(logits.id);
    const d = program.gradient(logits.id);
    let loss = 0;
    for (let first = 0, rows = 0; first < rowCount; first += rows) {
      rows = this.#feed.give(first);
      const padded = roundUp(rows, 4);
      program.forward(padded);
      const at = 4 * first * stride;
      loss += kernels.loss(
        ...([z.address, labelsAt + at, weightsAt + at, padded * stride] as const),
        ...([this.#squared, roundUp(spec.heads, 4), d.address] as const),
      );
      const out = logitsAt + 4 * first * spec.heads;
      kernels.compact(z.address, z.stride, rows, spec.heads, 1, out);
      program.backward(padded);
      takeGradients(first, rows);
    }
    const weightSum = sumOf(weights);
    program.writeGradients(1 / weightSum, this.#denseGradient);
    const { floats } = this.#memory;
    const denseAt = this.#denseGradient / 4;
    return {
      loss: loss / weightSum,
      logits: floats.slice(logitsAt / 4, logitsAt / 4 + rowCount * spec.heads),
      denseGradient: floats.slice(denseAt, denseAt + layout.size),
    };
  }

  /** With nothing for the rows that fill up the last four. */
  #uploadLabels({
    rowCount,
    labels,
    weights,
  }: Pick<PooledBatch, 'rowCount'> & Labels): readonly [number, number] {
    const { heads } = this.#graph.spec;
    const stride = strideOf(heads);
    const size = roundUp(rowCount, 4) * stride;
    const places = [this.#labels.reserve(size), this.#weights.reserve(size)] as const;
    [labels, weights].forEach((values, i) => {
      const start = places[i]! / 4;
      const { floats } = this.#memory;
      if (stride === heads) {
        floats.set(values, start);
        floats.fill(0, start + values.length, start + size);
        return;
      }
      floats.fill(0, start, start + size);
      for (let row = 0; row < rowCount; row++)
        for (let head = 0; head < heads; head++)
          floats[start + row * stride + head] = values[row * heads + head]!;
    });
    return places;
  }

  /** By head, whether its loss is squared; 0 where none is. Of one head, in each of four places. */
  #uploadLosses(): number {
    const { losses, heads } = this.#graph.spec;
    if (!losses?.includes('squared')) return 0;
    const address = this.#memory.allocate(roundUp(heads, 4));
    for (let i = 0; i < roundUp(heads, 4); i++) {
      const loss = losses[heads === 1 ? 0 : i];
      this.#memory.floats[address / 4 + i] = loss === 'squared' ? 1 : 0;
    }
    return address;
  }
}

class KernelScorer implements GraphScorer {
  readonly #kind: KernelKind;
  readonly #graph: Graph;
  #pass: ScoringPass;

  constructor(kind: KernelKind, graph: Graph) {
    this.#kind = kind;
    this.#graph = graph;
    this.#pass = new ScoringPass(kind, graph, occurrencesMin);
  }

  pooled(batch: PooledBatch, parameters: DenseVersion): Float32Array {
    return this.#pass.pooled(batch, parameters);
  }

  rows(batch: RowsBatch, parameters: DenseVersion): Float32Array {
    const needed = occurrencesNeeded(this.#graph, batch);
    if (needed > this.#pass.occurrencesMax)
      this.#pass = new ScoringPass(this.#kind, this.#graph, 2 * needed);
    return this.#pass.rows(batch, parameters, needed);
  }

  dispose(): void {
    this.#pass.dispose();
  }
}

class ScoringPass {
  readonly occurrencesMax: number;
  readonly #graph: Graph;
  readonly #memory = new LinearMemory();
  readonly #program: Program;
  readonly #feed: Feed;
  readonly #kernels: Kernels;
  readonly #logits: Region;
  #loaded: DenseVersion | undefined;

  constructor(kind: KernelKind, graph: Graph, occurrencesMax: number) {
    this.occurrencesMax = occurrencesMax;
    this.#graph = graph;
    this.#kernels = instantiateKernels(kind, this.#memory.memory);
    this.#program = new Program(graph, this.#kernels, this.#memory, {
      withGradients: false,
      occurrencesMax,
    });
    this.#feed = new Feed(this.#program);
    this.#logits = this.#memory.region();
  }

  pooled(batch: PooledBatch, parameters: DenseVersion): Float32Array {
    this.#feed.takePooled(batch);
    return this.#score(batch.rowCount, parameters);
  }

  rows(batch: RowsBatch, parameters: DenseVersion, occurrencesMax: number): Float32Array {
    this.#feed.takeRows(batch, occurrencesMax);
    return this.#score(batch.rowCount, parameters);
  }

  dispose(): void {
    this.#loaded = undefined;
  }

  #score(rowCount: number, parameters: DenseVersion): Float32Array {
    this.#load(parameters);
    const { heads } = this.#graph.spec;
    const size = rowCount * heads;
    const out = this.#logits.reserve(size);
    const z = this.#program.value(this.#graph.logits.id);
    for (let first = 0, rows = 0; first < rowCount; first += rows) {
      rows = this.#feed.give(first);
      this.#program.forward(roundUp(rows, 4));
      this.#kernels.compact(z.address, z.stride, rows, heads, 1, out + 4 * first * heads);
    }
    return this.#memory.floats.slice(out / 4, out / 4 + size);
  }

  #load({ version, values }: DenseVersion): void {
    if (this.#loaded?.version === version && this.#loaded.values === values) return;
    this.#program.load(values.subarray(0, this.#graph.layout.size));
    this.#loaded = { version, values };
  }
}

function sumOf(values: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]!;
  return sum;
}
