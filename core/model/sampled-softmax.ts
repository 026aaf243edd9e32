import { assert } from '../base/assert.js';
import type { Backend } from './backend.js';
import { denseLayout } from './dense-parameters.js';
import { scaledDense, scalesIn } from './number-scales.js';
import type { ModelSpec } from './network.js';
import type { RowsBatch } from './pooled-batch.js';
import { requireDense, requireRows } from './pooled-batch.js';
import { towersGraph } from './two-towers.js';

/**
 * What teaches two towers to find: of the items of a batch, somebody's own is the one he took ("sampled softmax"). Each example's item is a negative
 * of all others, and items drawn at random, without a user, are those of all.
 *
 *   loss_i = −ln (e^{s_ii} / Z_i),   Z_i = e^{s_ii} + Σ e^{s_ij} / Q_j,   s_ij = u_i·v_j + b_j
 *
 * over all other items j of the batch, each once. Items that are often taken are often negatives, and would be thought less of than they are worth: so
 * each counts as much less as it is likely to be there, Q_j (Bengio and Senécal, 2003; Yi et al., 2019), and Z is the sum over all items, on average. His
 * own item is there for sure, so it counts as it is (Khrylchenko et al., 2025); a mixture of both ways of being there has the sum of both (Yang et al., 2020).
 *
 * Executors know nothing of it. They make vectors, as they make logits, and take gradients of vectors back to rows and parameters: a gradient g of a number z is that of
 * the squared loss with the label z − sign(g) and the weight |g|.
 */
export interface SampledBatch extends RowsBatch {
  /** The first `positives` examples have a user and the item that he took; the others an item alone. */
  readonly positives: number;
  /** u32 [rowCount], by example: which item it is. */
  readonly items: Uint32Array;
  /** f32 [rowCount]: ln of how likely the item of each is to be in a batch, as somebody's own or at random (sampling-frequency.ts). */
  readonly logQ: Float32Array;
  /** f32 [positives]: how much each counts; left out: 1 each. */
  readonly weights?: Float32Array;
}

export interface SampledStepResult {
  /** Mean of the losses of positives, in nats. */
  readonly loss: number;
  /** Share of the positives whose own item is ahead of all negatives. */
  readonly firstShare: number;
  /** f32 [unique rows × (1 + factorDim)]: d(Σ weight · loss)/d(row), in the order of the plan. */
  readonly rowGradient: Float32Array;
  /** f32 [parameters]: d(mean loss)/d(parameter). */
  readonly denseGradient: Float32Array;
}

export type SampledStep = (batch: SampledBatch, parameters: Float32Array) => SampledStepResult;

export function createSampledStep(backend: Backend, model: ModelSpec): SampledStep {
  // Units that are left out would be others in the pass that makes vectors than in the one that takes gradients.
  const spec: ModelSpec = { ...model, dropout: 0 };
  const graph = towersGraph(spec, 'training');
  const trainer = backend.executor.trainer(graph);
  const scorer = backend.executor.scorer(towersGraph(spec));
  const { size } = denseLayout(spec);
  let version = 0;
  return (batch, parameters) => {
    requireSampled(batch, spec);
    const scales = scalesIn(parameters.subarray(size), spec);
    const given = { ...batch, dense: scaledDense(batch, spec, scales) };
    const values = parameters.subarray(0, size);
    const vectors = scorer.rows(given, { version: ++version, values });
    const found = softmaxOf(vectors, batch, spec.factorDim);
    const { labels, weights, total } = asSquares(vectors, found.gradient);
    const weightSum = sumOf(batch, batch.weights);
    const { loss, firstShare } = found;
    // Nobody has anything to learn: each has no negative, or is sure.
    if (total === 0) {
      const denseGradient = new Float32Array(size);
      return { loss, firstShare, rowGradient: new Float32Array(batch.rows.length), denseGradient };
    }
    const result = trainer.rows({ ...given, labels, weights }, values, false);
    const scale = total / weightSum;
    const denseGradient = result.denseGradient.map((value) => value * scale);
    return { loss, firstShare, rowGradient: result.rowGradient, denseGradient };
  };
}

function requireSampled(batch: SampledBatch, spec: ModelSpec): void {
  const { rowCount, positives, items, logQ, weights } = batch;
  requireRows(batch, spec);
  requireDense(batch, spec);
  assert(positives > 0 && positives <= rowCount, `${positives} positives of ${rowCount} examples`);
  assert(items.length === rowCount, `${items.length} items of ${rowCount} examples`);
  assert(logQ.length === rowCount, `${logQ.length} logarithms of ${rowCount} examples`);
  assert(!weights || weights.length === positives, `weights of ${positives} positives`);
  assert(sumOf(batch, weights) > 0, 'a step needs a positive that counts');
}

function sumOf({ positives }: SampledBatch, weights: Float32Array | undefined): number {
  return weights ? weights.reduce((sum, weight) => sum + weight, 0) : positives;
}

/** The mean loss, and d(Σ weight · loss) by number of the vectors, [n × (2·k + 1)]. */
function softmaxOf(vectors: Float32Array, batch: SampledBatch, k: number) {
  const { rowCount, positives, items, logQ, weights } = batch;
  const width = 2 * k + 1;
  const gradient = new Float64Array(vectors.length);
  const shares = new Float64Array(rowCount);
  const isFirst = firstOfEach(items);
  let [loss, first, weightSum] = [0, 0, 0];
  for (let i = 0; i < positives; i++) {
    const weight = weights?.[i] ?? 1;
    const u = i * width;
    let most = -Infinity;
    let mostOfOthers = -Infinity;
    for (let j = 0; j < rowCount; j++) {
      if (j !== i && (items[j] === items[i] || !isFirst[j])) {
        shares[j] = -Infinity;
        continue;
      }
      const v = j * width + k;
      let score = vectors[v + k]!;
      for (let f = 0; f < k; f++) score += vectors[u + f]! * vectors[v + f]!;
      shares[j] = j === i ? score : score - logQ[j]!;
      most = Math.max(most, shares[j]!);
      if (j !== i) mostOfOthers = Math.max(mostOfOthers, score);
    }
    const own = shares[i]!;
    if (own > mostOfOthers) first += weight;
    let total = 0;
    for (let j = 0; j < rowCount; j++) total += shares[j] = Math.exp(shares[j]! - most);
    loss += weight * (Math.log(total) + most - own);
    weightSum += weight;
    for (let j = 0; j < rowCount; j++) {
      const slope = weight * (shares[j]! / total - (j === i ? 1 : 0));
      if (slope === 0) continue;
      const v = j * width + k;
      gradient[v + k]! += slope;
      for (let f = 0; f < k; f++) {
        gradient[u + f]! += slope * vectors[v + f]!;
        gradient[v + f]! += slope * vectors[u + f]!;
      }
    }
  }
  return { loss: loss / weightSum, firstShare: first / weightSum, gradient };
}

/** Which examples are the first of their item. */
function firstOfEach(items: Uint32Array): boolean[] {
  const seen = new Set<number>();
  return Array.from(items, (item) => seen.size < seen.add(item).size);
}

/** Labels and weights of squared losses that have this gradient. */
function asSquares(vectors: Float32Array, gradient: Float64Array) {
  const labels = new Float32Array(vectors.length);
  const weights = new Float32Array(vectors.length);
  let total = 0;
  for (let i = 0; i < vectors.length; i++) {
    labels[i] = vectors[i]! - Math.sign(gradient[i]!);
    weights[i] = Math.abs(gradient[i]!);
    total += weights[i]!;
  }
  return { labels, weights, total };
}
