import type { Clock } from '../../core/base/clock.js';
import { at } from '../../core/base/columns.js';
import { StarlingError, codeOf } from '../../core/base/errors.js';
import { unusableAt } from '../../core/base/finite.js';
import type { ExampleBatch } from '../../core/features/example-batch.js';
import { emptyExamples } from '../../core/features/example-batch.js';
import type { GatherPlan, RowPooling } from '../../core/model/row-gather.js';
import { FidDeduper } from '../../core/model/row-gather.js';
import { repeatedRows } from '../../core/model/repeated-rows.js';
import { lanes, noFacts } from '../../core/joining/event-facts.js';
import { GradientGuard, problemIn } from '../../core/model/gradient-guard.js';
import type { RowStepResult } from '../../core/model/executor.js';
import { JudgedScores, type JudgedCounts } from '../../core/model/judged-scores.js';
import { cutValues, scaleSums, scalesIn } from '../../core/model/number-scales.js';
import { calibrationSums } from '../../core/model/score-calibration.js';
import { transformValue } from '../../core/model/value-transform.js';
import type { RowStep } from '../../core/model/training-step.js';
import type { DenseReply } from '../../messages/network-state.js';
import type { PushOutcome } from '../../messages/parameters.js';
import { labelsOfRows } from '../../messages/outcomes.js';
import type { StepSquares } from '../../messages/squared-gradients.js';
import { concatSamples, selectSamples, type Samples } from '../../messages/samples.js';
import { parameterCounts, type Blueprint } from '../../core/blueprint/blueprint.js';
import type { QueuedBatch } from './batch-queue.js';
import type { ParameterClient, PulledRows } from './parameter-client.js';
import { poisonAmong } from './poison-search.js';
import { RecentCounts } from './recent-counts.js';
import type { ProgressiveJudge } from './progressive-judge.js';
import { SampleWeights, type Weighing } from './sample-weights.js';
import { batchIdOfMessage, trailOf } from './step-trail.js';

export interface Taught {
  readonly rows: number;
  readonly loss: number;
  /** Settles when all shards have the step durably; `mixed` when a redelivered batch was among new ones. */
  readonly settled: Promise<PushOutcome>;
  readonly pullMs: number;
  readonly computeMs: number;
}

/** A step whose rows are on their way. */
export interface BegunStep {
  readonly group: readonly QueuedBatch[];
  readonly samples: Samples;
  readonly labels: Float32Array;
  readonly weights: Float32Array;
  /** What the batches say of the scales of numbers. */
  readonly said: Float32Array;
  /** Undefined where there is nothing to learn. */
  readonly pulling: Promise<PulledStep> | undefined;
}

export interface LearnerOptions {
  /** See `GradientGuard`. */
  readonly explosionFactor: number;
  /** Whether the network is asked first if a step is not too old, before rows are told. */
  readonly isBounded?: boolean;
  /** Left out: samples count as they say. */
  readonly weighing?: Weighing;
  /** Hears what is said of samples before they are learned. */
  readonly judge?: Pick<ProgressiveJudge, 'observe'>;
}

interface PulledStep {
  readonly plan: GatherPlan;
  readonly pulled: PulledRows;
  readonly tookMs: number;
}

/**
 * One training step, the same for the stream and for files: pull rows, forward and backward, push gradients. It
 * returns as soon as the pushes are on their way: the next step may pull while the shards make this one durable. NATS
 * keeps the order of one connection's messages, so that pull sees these gradients. A step that was begun while another one computed has
 * rows without the gradients of that one, and of no other (staleness 1); the network is always that behind the last step.
 */
export class Learner {
  readonly #blueprint: Blueprint;
  readonly #client: ParameterClient;
  readonly #step: RowStep;
  readonly #clock: Pick<Clock, 'nowMs'>;
  readonly #deduper = new FidDeduper();
  readonly #judged: ReadonlyMap<string, JudgedScores>;
  readonly #options: LearnerOptions;
  readonly #guard: GradientGuard;
  readonly #weights: SampleWeights;
  #parameters: Float32Array | undefined;
  /** Of these. */
  #version: number | undefined;
  /** Steps of others between reading the network and telling it. */
  readonly staleness = new RecentCounts();

  constructor(
    blueprint: Blueprint,
    client: ParameterClient,
    step: RowStep,
    clock: Pick<Clock, 'nowMs'>,
    options: LearnerOptions,
  ) {
    this.#options = options;
    this.#weights = new SampleWeights(blueprint.outcomes, options.weighing);
    this.#guard = new GradientGuard(options.explosionFactor);
    this.#blueprint = blueprint;
    this.#client = client;
    this.#step = step;
    this.#clock = clock;
    const { outcomes, values } = blueprint;
    const chances = outcomes.filter((_name, head) => values[head] === undefined);
    this.#judged = new Map(chances.map((name) => [name, new JudgedScores()]));
  }

  /** Of the last steps, of the mean gradient; NaN before the first. */
  get gradientNorm(): number {
    return this.#guard.norm;
  }

  /** By outcome, scores of imported events and of what was drawn beside them, given before they were learned; {} where there were none. */
  get judged(): Readonly<Record<string, JudgedCounts>> {
    const counts = [...this.#judged].map(([name, scores]) => [name, scores.counts] as const);
    return Object.fromEntries(counts.filter(([, { happened, expected }]) => happened || expected));
  }

  /** Asks for the rows of a step, which it may do while another one computes. */
  begin(group: readonly QueuedBatch[]): BegunStep {
    const samples = concatSamples(group.map((each) => each.samples));
    const { examples } = samples;
    const { outcomes, values, partitionCount, rowsOf, model, of } = this.#blueprint;
    const { labels, weights } = labelsOfRows(samples.outcomes, outcomes, examples.rowCount);
    leaveOutKnown(weights, samples.atMs, of.throughMs);
    scaleValues(labels, values);
    const { rowCount, dense } = examples;
    const said = scaleSums({ rowCount, dense, labels, weights }, model);
    const step = { group, samples, labels, weights, said };
    // They are empty, or of a configuration with other outcomes.
    if (!hasWeight(weights)) return { ...step, pulling: undefined };
    const plan = this.#deduper.plan(examples, partitionCount, rowsOf);
    const startMs = this.#clock.nowMs();
    const pulling = this.#client.pull(plan).then((pulled) => {
      return { plan, pulled, tookMs: this.#clock.nowMs() - startMs };
    });
    pulling.catch(() => undefined); // Judged where the step goes on; until then it must only not count as unhandled.
    return { ...step, pulling };
  }

  /** @throws StarlingError NOT_FINITE, GRADIENT_EXPLODED, having told nobody; MODEL_NOT_FINITE where no sample is to blame. */
  async learn(step: BegunStep): Promise<Taught> {
    const { group, samples, labels, weights, said } = step;
    const computed = await this.#compute(step);
    if (!computed) {
      const isNothing = !step.pulling;
      const nothing = new Float32Array(isNothing ? 0 : this.#parameters!.length - said.length);
      return this.enter(group, isNothing ? nothing : joined(nothing, said));
    }
    const { result, plan, pulled, parameters, pullMs, computeMs } = computed;
    this.#check(computed, sumOf(computed.weights));
    const { values } = this.#blueprint;
    const behind = parameters.subarray(result.denseGradient.length);
    const { logits } = result;
    this.#judge(samples, { labels, weights, logits });
    const rowsToWeigh = {
      labels,
      weights,
      counts: (row: number) => samples.requestIds[row] !== '',
    };
    const fair = this.#weights.fair(rowsToWeigh, samples.outcomes, logits, behind);
    const judged = { labels, weights: fair, logits };
    this.#options.judge?.observe(samples, { ...judged, calibration: behind });
    const sums = calibrationSums(
      { ...judged, counts: rowsToWeigh.counts },
      behind,
      values.map((scale) => scale === undefined),
    );
    const gradient = joined(result.denseGradient, sums, said);
    const rows = result.rowGradient;

    const batches = batchesOf(group);
    const atSeconds = maxOf(samples.atMs) / 1000;
    const squares = squaresOf(plan, this.#blueprint, result.rowSquares);
    const trail = trailOf(group);
    const push = () => this.#client.push(pulled, { batches, atSeconds, trail, rows, squares });
    // Where the network may refuse a step, rows learn of it after that.
    const early = this.#options.isBounded ? undefined : push();
    early?.catch(() => undefined); // Judged in `settled`; here it must only not count as unhandled while we await.
    const dense = await this.#pushDense(batches, gradient);
    const sparse = early ?? push();
    sparse.catch(() => undefined);
    return {
      rows: samples.examples.rowCount,
      loss: result.loss,
      settled: this.#settle(sparse, dense.outcome, batches),
      pullMs,
      computeMs,
    };
  }

  /**
   * Rows of a batch without which its step can be taken; all of them where no few are to blame. Nobody is told anything.
   */
  async poisonIn(batch: QueuedBatch): Promise<readonly number[]> {
    const { samples } = batch;
    const limit = this.#guard.limit;
    const all = samples.items.length;
    return poisonAmong(all, async (rows) => {
      const part = this.begin([{ ...batch, samples: selectSamples(samples, rows) }]);
      const computed = await this.#compute(part);
      // A part says its share of the mean.
      const share = rows.length / all;
      if (!computed) return false;
      const weight = sumOf(computed.weights);
      return problemIn({ ...computed.result, weight }, limit / share) !== undefined;
    });
  }

  /** Forward and backward; undefined where nothing is to be learned. */
  async #compute(step: BegunStep): Promise<Computed | undefined> {
    const { samples, labels, weights, said: sums, pulling } = step;
    if (!pulling) return undefined;
    const { examples } = samples;
    const { dim, values, poolings } = this.#blueprint;
    const { plan, pulled, tookMs: pullMs } = await pulling;
    const parameters = this.#parameters ?? this.#take(await this.#client.pullDense());
    cutValues({ labels, weights }, this.#blueprint.model, this.#scalesIn(parameters), sums, values);
    if (!hasWeight(weights)) return undefined;
    const startMs = this.#clock.nowMs();
    const pooling: RowPooling = { plan, batch: examples, dim, poolings };
    const { rowCount, dense } = examples;
    const batch = { rowCount, rows: pulled.rows, pooling, dense, labels };
    const said = this.#step({ ...batch, weights }, parameters);
    const weighed = this.#weights.weighed(
      { labels, weights, counts: (row) => samples.requestIds[row] !== '' },
      said.logits,
    );
    // What is told early is weighed by what the network says of it, so such steps are computed twice.
    const result = weighed ? this.#step({ ...batch, weights: weighed }, parameters) : said;
    const computeMs = this.#clock.nowMs() - startMs;
    return { result, weights: weighed ?? weights, plan, pulled, parameters, pullMs, computeMs };
  }

  /** Where what was learned is broken, samples are not to blame for what comes of it. */
  #check({ result, parameters, pulled }: Computed, weight: number): void {
    try {
      this.#guard.check({ ...result, weight });
      return;
    } catch (error) {
      const network = parameters.subarray(0, result.denseGradient.length);
      if (unusableAt(network) < 0 && unusableAt(pulled.rows) < 0) throw error;
    }
    // Another one may have been put in its place meanwhile.
    this.#parameters = undefined;
    throw new StarlingError(
      'MODEL_NOT_FINITE',
      'the network, or rows of this step, have numbers that are not finite; its samples wait.',
    );
  }

  async #pushDense(batches: Float64Array, gradient: Float32Array): Promise<DenseReply> {
    const basis = this.#version;
    try {
      const asked = this.#options.isBounded ? basis : undefined;
      const dense = await this.#client.pushDense(batches, gradient, asked);
      if (basis !== undefined && dense.outcome === 'applied')
        this.staleness.add(dense.denseVersion - 1 - basis);
      this.#take(dense);
      return dense;
    } catch (error) {
      // The next step reads it anew.
      this.#parameters = undefined;
      throw error;
    }
  }

  #take({ parameters, denseVersion }: DenseReply): Float32Array {
    this.#version = denseVersion;
    return (this.#parameters = parameters);
  }

  #judge({ requestIds, facts }: Samples, of: JudgedRows): void {
    if (facts === noFacts) return;
    const { outcomes } = this.#blueprint;
    const heads = outcomes.length;
    requestIds.forEach((requestId, row) => {
      if (requestId !== '' || at(facts.lanes, row) !== lanes.import) return;
      outcomes.forEach((name, head) => {
        const place = row * heads + head;
        if (of.weights[place]! > 0)
          this.#judged.get(name)?.add(of.logits[place]!, of.labels[place]!, of.weights[place]!);
      });
    });
  }

  #scalesIn(parameters: Float32Array): Float32Array {
    const { network } = parameterCounts(this.#blueprint);
    return scalesIn(parameters.subarray(network), this.#blueprint.model);
  }

  /**
   * Enters batches in every ledger without learning from them: they say nothing, or are poison.
   * @param gradient what they say of the network all the same.
   */
  async enter(
    group: readonly QueuedBatch[],
    gradient: Float32Array = new Float32Array(0),
  ): Promise<Taught> {
    const { slotCount, dim, partitionCount } = this.#blueprint;
    const nothing: ExampleBatch = emptyExamples(slotCount, 0);
    const pulled = await this.#client.pull(this.#deduper.plan(nothing, partitionCount));
    const batches = batchesOf(group);
    const gradients = {
      batches,
      atSeconds: 0,
      trail: trailOf(group),
      rows: new Float32Array(0 * dim),
      squares: undefined,
    };
    const sparse = this.#client.push(pulled, gradients);
    sparse.catch(() => undefined); // As above.
    const dense = await this.#client.pushDense(batches, gradient);
    return {
      rows: 0,
      loss: 0,
      settled: this.#settle(sparse, dense.outcome, batches),
      pullMs: 0,
      computeMs: 0,
    };
  }

  async #settle(
    sparse: Promise<PushOutcome>,
    dense: PushOutcome,
    batches: Float64Array,
  ): Promise<PushOutcome> {
    const outcome = await sparse;
    if (outcome === 'mixed' || dense === 'mixed') return 'mixed';
    await this.#client.denseDurable(batches);
    return outcome;
  }
}

/** [rows × heads] each. */
interface JudgedRows {
  readonly labels: Float32Array;
  readonly weights: Float32Array;
  readonly logits: Float32Array;
}

function squaresOf(
  plan: GatherPlan,
  { countsExamples }: Blueprint,
  values: Float32Array | undefined,
): StepSquares | undefined {
  const repeated = values && repeatedRows(plan, countsExamples);
  return repeated && { values, repeated };
}

/** Of a step, before anybody is told of it. */
interface Computed {
  readonly result: RowStepResult;
  /** That it was learned by. */
  readonly weights: Float32Array;
  readonly plan: GatherPlan;
  readonly pulled: PulledRows;
  /** That it was computed with. */
  readonly parameters: Float32Array;
  readonly pullMs: number;
  readonly computeMs: number;
}

/** Whether samples are to blame that a step was refused. */
export function isPoison(error: unknown): boolean {
  const code = codeOf(error);
  return code === 'NOT_FINITE' || code === 'GRADIENT_EXPLODED';
}

/** Weights [rows × heads]: what the rows that a model began with know already is not taught again. */
function leaveOutKnown(
  weights: Float32Array,
  atMs: Float64Array,
  throughMs: number | undefined,
): void {
  if (throughMs === undefined) return;
  const heads = weights.length / atMs.length;
  for (let row = 0; row < atMs.length; row++)
    if (atMs[row]! <= throughMs) weights.fill(0, row * heads, (row + 1) * heads);
}

function hasWeight(weights: Float32Array): boolean {
  return weights.some((weight) => weight > 0);
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

function batchesOf(group: readonly QueuedBatch[]): Float64Array {
  return Float64Array.from(group, batchIdOfMessage).sort();
}

function sumOf(values: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]!;
  return sum;
}

function maxOf(values: Float64Array): number {
  let max = 0;
  for (const value of values) if (value > max) max = value;
  return max;
}

/** Labels [rows × heads] of values, each on the scale of its head. */
function scaleValues(labels: Float32Array, values: Blueprint['values']): void {
  const heads = values.length;
  values.forEach((scale, head) => {
    if (!scale) return;
    for (let i = head; i < labels.length; i += heads) labels[i] = transformValue(scale, labels[i]!);
  });
}
