import type { Clock } from '../base/clock.js';
import type { Backend } from './backend.js';
import { initialDense, type DenseEntry } from './dense-parameters.js';
import type { GraphScorer, GraphTrainer, Labels } from './executor.js';
import { graphOf, type BlockNode, type Graph, type Node } from './graph.js';
import type { ModelSpec } from './network.js';
import type { RowsBatch } from './pooled-batch.js';
import { numbersOf, randomRows, usualRows } from './random-rows.js';

/**
 * What a network is made of, and whether all that computes it here says the same: `starling network check`.
 *
 * Gradients are compared with differences of the loss, for each parameter by itself, so that what is wrong has a name; executors with the first
 * one by the losses of some steps of descent, in which an error of any block grows.
 */
export interface NetworkCheck {
  readonly parameters: readonly ParameterFigures[];
  /** In the order in which they are computed. */
  readonly blocks: readonly BlockFigures[];
  /** In the order given. */
  readonly executors: readonly ExecutorFigures[];
  /** None: it computes the same everywhere, and its gradients are right. */
  readonly problems: readonly string[];
}

export interface ParameterFigures extends Pick<DenseEntry, 'name' | 'shape' | 'initial' | 'size'> {
  /** Of what it computes for 256 examples nothing depends on it. */
  readonly isUnused: boolean;
}

export interface BlockFigures {
  readonly block: string;
  /** Each with its shape: `vectors [n, 32]`, `hidden0.kernel [34, 64]`. */
  readonly operands: readonly string[];
  readonly shape: string;
}

export interface ExecutorFigures {
  readonly name: string;
  /** Blocks that it lacks; then nothing else is known. */
  readonly missing: readonly string[];
  /** Largest difference between a gradient and what differences say, of the larger of them. */
  readonly gradientError?: number;
  /** Where it is. */
  readonly gradientAt?: string;
  /** Largest difference between its losses and those of the first executor, of the loss; NaN where they are no numbers. */
  readonly lossError?: number;
  readonly lossFirst?: number;
  readonly lossLast?: number;
  /** 1,000 candidates, each with rows and whole histories of its own. */
  readonly scoreMs?: number;
  /** A step of 256 examples. */
  readonly stepMs?: number;
}

/** Tolerances: of gradients, as differences in single precision are rough; and of losses over all steps. */
const gradientErrorMax = 0.02;
const lossErrorMax = 1e-4;

/** What is smaller is drowned by how numbers are rounded. */
const slopeMin = 5e-4;

/** Few, so that few units are near where they begin; and no step so long that many of them cross it. */
const checkedRows = 8;
const directionMax = 16;
const steps = 50;
const stepRows = 64;

/** @param model with its code, if it is one's own. @throws StarlingError CONFIG_INVALID for a network whose shapes do not fit. */
export function checkNetwork(
  model: ModelSpec,
  backends: readonly Backend[],
  clock: Pick<Clock, 'nowMs'>,
): NetworkCheck {
  // Units that are left out are others for each number that changes, so nothing could be compared.
  const spec: ModelSpec = { ...model, dropout: 0 };
  const graph = graphOf(spec, undefined, 'training');
  const batch = randomRows(spec, 256, 7);
  const runs = backends.map((backend) => new Run(backend, graph, clock));
  const first = runs.find(({ missing }) => missing.length === 0);
  const executors = runs.map((run) => (run === first ? run.figures() : run.figures(first)));
  return {
    parameters: parameterFigures(graph, first?.trainer, batch),
    blocks: graph.nodes.filter(isBlock).map((node) => blockFigures(node, graph)),
    executors,
    problems: executors.flatMap(problemsOf),
  };
}

function problemsOf(figures: ExecutorFigures): string[] {
  const { name, gradientError = 0, gradientAt, lossError = 0, lossLast = 0 } = figures;
  const percent = (share: number): string => `${(100 * share).toPrecision(2)} %`;
  return [
    ...(gradientError <= gradientErrorMax
      ? []
      : [`${name}: the gradient of ${gradientAt} is ${percent(gradientError)} off`]),
    ...(lossError <= lossErrorMax || Number.isNaN(lossError)
      ? []
      : [`${name}: over ${steps} steps its losses are up to ${percent(lossError)} off`]),
    ...(Number.isFinite(lossLast) ? [] : [`${name}: after ${steps} steps its loss is no number`]),
  ];
}

class Run {
  readonly missing: readonly string[];
  readonly trainer: GraphTrainer | undefined;
  readonly #backend: Backend;
  readonly #graph: Graph;
  readonly #clock: Pick<Clock, 'nowMs'>;
  readonly #losses = new Map<number, readonly number[]>();

  constructor(backend: Backend, graph: Graph, clock: Pick<Clock, 'nowMs'>) {
    this.#backend = backend;
    this.#graph = graph;
    this.#clock = clock;
    this.missing = backend.executor.missing(graph);
    if (this.missing.length === 0) this.trainer = backend.executor.trainer(graph);
  }

  losses(start: number): readonly number[] {
    const known = this.#losses.get(start) ?? lossesOf(this.trainer!, this.#graph, start);
    this.#losses.set(start, known);
    return known;
  }

  /** The least from several starts: where a unit is nothing but for the last bit once in a while losses part, and where something is wrong they always do. */
  #lossError(first: Run): number {
    let least = Infinity;
    for (let start = 0; start < 3 && !(least <= lossErrorMax); start++) {
      const wanted = first.losses(start);
      const errors = this.losses(start).map((loss, i) => Math.abs(loss / wanted[i]! - 1));
      least = Math.min(least, Math.max(...errors));
    }
    return least;
  }

  /** @param first what its losses are compared with. */
  figures(first?: Run): ExecutorFigures {
    const { name } = this.#backend;
    const { missing, trainer } = this;
    if (!trainer) return { name, missing };
    const { error, at } = gradientErrorOf(this.#backend, trainer, this.#graph);
    const losses = this.losses(0);
    return {
      ...{ name, missing, gradientError: error, gradientAt: at },
      lossError: first ? this.#lossError(first) : 0,
      ...{ lossFirst: losses[0]!, lossLast: losses.at(-1)! },
      ...this.#times(trainer),
    };
  }

  #times(trainer: GraphTrainer) {
    const { spec } = this.#graph;
    const values = initialDense(spec, 1);
    const scorer = this.#backend.executor.scorer(graphOf(spec));
    const candidates = usualRows(spec, 1_000);
    const batch = usualRows(spec, 256);
    const version = { version: 1, values };
    const scoreMs = this.#best(() => scorer.rows(candidates, version));
    const stepMs = this.#best(() => trainer.rows(batch, values, false));
    scorer.dispose();
    return { scoreMs, stepMs };
  }

  /** Of some runs the quickest: what else the machine does only adds. */
  #best(run: () => unknown): number {
    const started = this.#clock.nowMs();
    let best = Infinity;
    // Too few: code is not compiled yet. Too many: who waits, waits.
    for (let turn = 0; turn < 50 && (turn < 3 || this.#clock.nowMs() - started < 300); turn++) {
      const startMs = this.#clock.nowMs();
      run();
      best = Math.min(best, this.#clock.nowMs() - startMs);
    }
    return best;
  }
}

/** Losses of plain descent of parameters and rows. */
function lossesOf(trainer: GraphTrainer, graph: Graph, start: number): number[] {
  const { spec } = graph;
  const values = initialDense(spec, 1 + start);
  const batches = [1, 2, 3, 4].map((seed) => randomRows(spec, stepRows, 4 * start + seed));
  const rows = batches.map(({ rows: given }) => given.map((value) => value / 10));
  return Array.from({ length: steps }, (_unused, step) => {
    const at = step % batches.length;
    const result = trainer.rows({ ...batches[at]!, rows: rows[at]! }, values, false);
    descend(rows[at]!, result.rowGradient, 0.01);
    descend(values, result.denseGradient, 0.02);
    return result.loss;
  });
}

/**
 * At several places: where a difference crosses the edge of a unit that begins at nothing it is another slope, but not at each of them, as a
 * gradient that is wrong is.
 */
const placesMax = 10;

/** Gradients longer than 1 count as if they were that long: else wide networks jump, and the last bit of a unit decides where to. */
function descend(values: Float32Array, gradient: Float32Array, rate: number): void {
  const step = rate / Math.max(1, lengthOf(gradient));
  for (let i = 0; i < values.length; i++) values[i]! -= step * gradient[i]!;
}

/** The worst of all parameters, and of the rows. */
function gradientErrorOf({ executor }: Backend, trainer: GraphTrainer, graph: Graph) {
  const scorer = executor.scorer(graphOf(graph.spec));
  const least = new Map<string, number>();
  for (let place = 0; place < placesMax; place++) {
    const found = gradientErrorsAt(place, { trainer, scorer, graph, known: least });
    for (const { at, error } of found) least.set(at, Math.min(error, least.get(at) ?? Infinity));
    if ([...least.values()].every(isSmall)) break;
  }
  scorer.dispose();
  return [...least].reduce((worst, [at, error]) => (error > worst.error ? { at, error } : worst), {
    at: 'the rows',
    error: 0,
  });
}

const isSmall = (error: number): boolean => error <= gradientErrorMax / 4;

interface Compared {
  readonly trainer: GraphTrainer;
  readonly scorer: GraphScorer;
  readonly graph: Graph;
  /** Those that are right somewhere are not looked at again. */
  readonly known: ReadonlyMap<string, number>;
}

function gradientErrorsAt(place: number, { trainer, scorer, graph, known }: Compared) {
  const { spec, layout } = graph;
  const batch = randomRows(spec, checkedRows, 5 + place);
  const values = somewhere(graph, place);
  const { rowGradient, denseGradient } = trainer.rows(batch, values, false);
  const weightSum = batch.weights.reduce((sum, weight) => sum + weight, 0);
  let version = 0;
  const lossAt = (rows: Float32Array, parameters: Float32Array): number => {
    const logits = scorer.rows({ ...batch, rows }, { version: ++version, values: parameters });
    return exactLoss(logits, batch, spec);
  };
  const compared = (
    at: string,
    [gradient, direction, scale]: readonly [Float32Array, Float32Array, number],
    moved: (h: number) => number,
  ) => {
    const slope = along(gradient, direction) * scale;
    const difference = slopeOf(moved);
    const largest = Math.max(Math.abs(slope), Math.abs(difference), slopeMin);
    return { at, error: Math.abs(slope - difference) / largest };
  };

  const open = layout.entries.filter(({ name }) => !isSmall(known.get(name) ?? Infinity));
  const found = open.map(({ name, offset, size }) => {
    const direction = new Float32Array(layout.size);
    direction.set(directionOf(size, offset + 11 + place), offset);
    const moved = (h: number) => lossAt(batch.rows, plus(values, direction, h));
    return compared(name, [denseGradient, direction, 1], moved);
  });
  const direction = directionOf(batch.rows.length, 13 + place);
  const moved = (h: number) => lossAt(plus(batch.rows, direction, h), values);
  return [...found, compared('the rows', [rowGradient, direction, 1 / weightSum], moved)];
}

/** Not where it begins: there some parameters are nothing, and what is behind them has no gradient. */
function somewhere({ spec, layout }: Graph, place = 0): Float32Array {
  const noise = numbersOf(layout.size, 17 + place);
  return initialDense(spec, 1).map((value, i) => value + noise[i]! / 4);
}

/**
 * By differences of two lengths: where they are not of one mind, one of them crosses the edge of a unit that begins at nothing, and the
 * shorter one counts.
 */
function slopeOf(lossAlong: (h: number) => number): number {
  const [long, short] = [4e-3, 1e-3].map((h) => (lossAlong(h) - lossAlong(-h)) / (2 * h));
  return Math.abs(long! - short!) > 0.01 * Math.abs(short!) ? short! : long!;
}

/** Mean loss in double precision: differences of it are too small for single. */
function exactLoss(
  logits: Float32Array,
  { labels, weights }: Labels,
  { losses, heads }: ModelSpec,
): number {
  let [loss, sum] = [0, 0];
  for (let i = 0; i < logits.length; i++) {
    const [z, label, weight] = [logits[i]!, labels[i]!, weights[i]!];
    const each =
      losses?.[i % heads] === 'squared'
        ? (z - label) ** 2 / 2
        : Math.max(z, 0) - z * label + Math.log1p(Math.exp(-Math.abs(z)));
    loss += weight * each;
    sum += weight;
  }
  return loss / sum;
}

function parameterFigures(
  graph: Graph,
  trainer: GraphTrainer | undefined,
  batch: RowsBatch & Labels,
): ParameterFigures[] {
  const gradient = trainer?.rows(batch, somewhere(graph), false).denseGradient;
  return graph.layout.entries.map(({ name, shape, initial, size, offset }) => ({
    ...{ name, shape, initial, size },
    isUnused: gradient?.subarray(offset, offset + size).every((value) => value === 0) ?? false,
  }));
}

function isBlock(node: Node): node is BlockNode {
  return node.kind === 'block';
}

function blockFigures({ block, operands, rows, columns }: BlockNode, graph: Graph): BlockFigures {
  const places = new Map(graph.nodes.filter(isBlock).map(({ id }, i) => [id, i + 1]));
  return {
    block,
    operands: operands.map((id) => {
      const node = graph.nodes[id]!;
      if (node.kind === 'parameter') return `${node.name} [${node.shape.join(', ')}]`;
      const shape = shapeText(node);
      if (node.kind === 'block') return `#${places.get(id)} ${shape}`;
      const { input, index } = node;
      const isOfSeveral = input === 'occurrences' || input === 'marks' || input === 'projected';
      return `${input}${isOfSeveral ? ` ${index}` : ''} ${shape}`;
    }),
    shape: shapeText({ rows, columns }),
  };
}

function shapeText({ rows, columns }: Pick<BlockNode, 'rows' | 'columns'>): string {
  return rows === 'example' ? `[n, ${columns}]` : `[occurrences, ${columns}]`;
}

function along(gradient: Float32Array, direction: Float32Array): number {
  return gradient.reduce((sum, value, i) => sum + value * direction[i]!, 0);
}

function lengthOf(values: Float32Array): number {
  return Math.sqrt(along(values, values));
}

function directionOf(length: number, seed: number): Float32Array {
  const direction = numbersOf(length, seed);
  const scale = Math.min(1, directionMax / lengthOf(direction));
  return direction.map((value) => value * scale);
}

function plus(values: Float32Array, direction: Float32Array, h: number): Float32Array {
  return values.map((value, i) => value + h * direction[i]!);
}
