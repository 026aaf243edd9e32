import type { Clock } from '../../core/base/clock.js';
import { at } from '../../core/base/columns.js';
import { StarlingError } from '../../core/base/errors.js';
import type { ExampleBatch } from '../../core/features/example-batch.js';
import { emptyExamples } from '../../core/features/example-batch.js';
import type { RowPooling } from '../../core/model/row-gather.js';
import { FidDeduper } from '../../core/model/row-gather.js';
import { lanes, noFacts } from '../../core/joining/event-facts.js';
import { JudgedScores, type JudgedCounts } from '../../core/model/judged-scores.js';
import { cutValues, scaleSums, scalesIn } from '../../core/model/number-scales.js';
import { calibrationSums } from '../../core/model/score-calibration.js';
import { transformValue } from '../../core/model/value-transform.js';
import type { RowStep } from '../../core/model/training-step.js';
import type { PushOutcome } from '../../messages/parameters.js';
import { labelsOfRows } from '../../messages/outcomes.js';
import { concatSamples, type Samples } from '../../messages/samples.js';
import { parameterCounts, type Blueprint } from '../../core/blueprint/blueprint.js';
import type { QueuedBatch } from './batch-queue.js';
import type { ParameterClient } from './parameter-client.js';
import { batchIdOfMessage, trailOf } from './step-trail.js';

export interface Taught {
  readonly rows: number;
  readonly loss: number;
  /** Settles when all shards have the step durably; `mixed` when a redelivered batch was among new ones. */
  readonly settled: Promise<PushOutcome>;
  readonly pullMs: number;
  readonly computeMs: number;
}

/**
 * One training step, the same for the stream and for files: pull rows, forward and backward, push gradients. It
 * returns as soon as the pushes are on their way: the next step may pull while the shards make this one durable. NATS
 * keeps the order of one connection's messages, so that pull sees these gradients.
 */
export class Learner {
  readonly #blueprint: Blueprint;
  readonly #client: ParameterClient;
  readonly #step: RowStep;
  readonly #clock: Pick<Clock, 'nowMs'>;
  readonly #deduper = new FidDeduper();
  readonly #judged: ReadonlyMap<string, JudgedScores>;
  #parameters: Float32Array | undefined;

  constructor(
    blueprint: Blueprint,
    client: ParameterClient,
    step: RowStep,
    clock: Pick<Clock, 'nowMs'>,
  ) {
    this.#blueprint = blueprint;
    this.#client = client;
    this.#step = step;
    this.#clock = clock;
    const { outcomes, values } = blueprint;
    const chances = outcomes.filter((_name, head) => values[head] === undefined);
    this.#judged = new Map(chances.map((name) => [name, new JudgedScores()]));
  }

  /** By outcome, scores of imported events and of what was drawn beside them, given before they were learned; {} where there were none. */
  get judged(): Readonly<Record<string, JudgedCounts>> {
    const counts = [...this.#judged].map(([name, scores]) => [name, scores.counts] as const);
    return Object.fromEntries(counts.filter(([, { happened, expected }]) => happened || expected));
  }

  async learn(group: readonly QueuedBatch[]): Promise<Taught> {
    const samples = concatSamples(group.map((each) => each.samples));
    const { examples } = samples;
    const { dim, outcomes, values, poolings, partitionCount, rowsOf } = this.#blueprint;
    const { labels, weights } = labelsOfRows(samples.outcomes, outcomes, examples.rowCount);
    scaleValues(labels, values);
    const said = scaleSums(
      { rowCount: examples.rowCount, dense: examples.dense, labels, weights },
      this.#blueprint.model,
    );
    // They are empty, or of a configuration with other outcomes.
    if (!weights.some((weight) => weight > 0)) return this.enter(group);
    const startMs = this.#clock.nowMs();
    const plan = this.#deduper.plan(examples, partitionCount, rowsOf);
    const pulled = await this.#client.pull(plan);
    this.#parameters ??= (await this.#client.pullDense()).parameters;
    const scales = this.#scalesIn(this.#parameters);
    cutValues({ labels, weights }, this.#blueprint.model, scales, said, values);
    if (!weights.some((weight) => weight > 0)) {
      const nothing = new Float32Array(this.#parameters.length - said.length);
      return this.enter(group, joined(nothing, said));
    }
    const pulledMs = this.#clock.nowMs();

    const pooling: RowPooling = { plan, batch: examples, dim, poolings };
    const result = this.#step(
      {
        ...{ rowCount: examples.rowCount, rows: pulled.rows, pooling, dense: examples.dense },
        ...{ labels, weights },
      },
      this.#parameters,
    );
    const rows = result.rowGradient;
    refuseNonFinite(rows, result.loss);
    this.#judge(samples, { labels, weights, logits: result.logits });
    const sums = calibrationSums(
      { logits: result.logits, labels, weights, counts: (row) => samples.requestIds[row] !== '' },
      this.#parameters.subarray(result.denseGradient.length),
      values.map((scale) => scale === undefined),
    );
    const gradient = joined(result.denseGradient, sums, said);
    const computedMs = this.#clock.nowMs();

    const batches = batchesOf(group);
    const atSeconds = maxOf(samples.atMs) / 1000;
    const sparse = this.#client.push(pulled, { batches, atSeconds, trail: trailOf(group), rows });
    sparse.catch(() => undefined); // Judged in `settled`; here it must only not count as unhandled while we await.
    const dense = await this.#client.pushDense(batches, gradient);
    this.#parameters = dense.parameters;
    return {
      rows: examples.rowCount,
      loss: result.loss,
      settled: this.#settle(sparse, dense.outcome, batches),
      pullMs: pulledMs - startMs,
      computeMs: computedMs - pulledMs,
    };
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

function refuseNonFinite(gradients: Float32Array, loss: number): void {
  let sum = loss;
  for (let i = 0; i < gradients.length; i++) sum += gradients[i]!;
  if (!Number.isFinite(sum)) {
    throw new StarlingError(
      'INTERNAL',
      `gradients are not finite (loss ${loss}); the step is refused.`,
    );
  }
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
