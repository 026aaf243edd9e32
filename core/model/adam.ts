import { integerPower } from '../base/integer-power.js';
import { assert } from '../base/assert.js';
import { normOf } from '../base/finite.js';
import { scheduleFactor, type ScheduleSpec } from '../base/learning-schedule.js';

/**
 * Adam over the one flat array of dense parameters (Kingma and Ba, 2015, algorithm 1). Without tfjs: the dense shard
 * applies a few thousand numbers per step, which a plain loop does in microseconds, and its state is three flat
 * values that go into a snapshot as they are.
 */
export interface AdamOptions {
  readonly learningRate: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  /** Largest global L2 norm of a gradient; a longer one is scaled down to it. 0 = no limit. */
  readonly clipNorm: number;
  /** Share of the learning rate that is taken off each parameter, beside the step (Loshchilov and Hutter, 2019). */
  readonly weightDecay: number;
  /** By the steps that were taken before; absent: the rate stays. */
  readonly schedule?: ScheduleSpec;
}

/**
 * learningRate: below 5e-4 the network trails the rows; at 1e-2 a replay in batches of 32 lost 0.004 AUC, as each
 * step follows its few users (bench/quality).
 * clipNorm: mean gradients of a healthy step have norm below 1, so 10 touches only outliers.
 */
export const adamDefaults: AdamOptions = {
  learningRate: 1e-3,
  beta1: 0.9,
  beta2: 0.999,
  epsilon: 1e-8,
  clipNorm: 10,
  weightDecay: 0,
};

export interface AdamState {
  /** Running mean of the gradient, as long as the parameters. */
  readonly m: Float32Array;
  /** Running mean of its square. */
  readonly v: Float32Array;
  /** Steps taken. */
  step: number;
}

export function createAdamState(size: number): AdamState {
  return { m: new Float32Array(size), v: new Float32Array(size), step: 0 };
}

/**
 * One step, in place: m ← β₁m + (1−β₁)g; v ← β₂v + (1−β₂)g²; w ← w·(1 − η·λ) − η·m̂ / (√v̂ + ε), with m̂ = m/(1−β₁ᵗ), v̂ = v/(1−β₂ᵗ).
 *
 * A gradient that is not finite changes nothing: one poisoned batch must not erase the network.
 * @returns the norm of the gradient before clipping; not finite means refused.
 */
export function adamStep(
  parameters: Float32Array,
  gradient: Float32Array,
  state: AdamState,
  options: AdamOptions = adamDefaults,
): number {
  const size = parameters.length;
  assert(gradient.length === size, `gradient of ${gradient.length} for ${size} parameters`);
  assert(
    state.m.length === size && state.v.length === size,
    `Adam state of ${state.m.length} for ${size} parameters`,
  );
  const norm = normOf(gradient);
  if (!Number.isFinite(norm)) return norm;
  const { learningRate, beta1, beta2, epsilon, clipNorm, weightDecay } = options;
  const scale = clipNorm > 0 && norm > clipNorm ? clipNorm / norm : 1;
  const scheduled = learningRate * scheduleFactor(options.schedule, state.step);
  state.step++;
  const rate = scheduled / (1 - integerPower(beta1, state.step));
  const correction2 = 1 / (1 - integerPower(beta2, state.step));
  const { m, v } = state;
  if (weightDecay > 0) {
    const left = 1 - scheduled * weightDecay;
    for (let i = 0; i < size; i++) parameters[i]! *= left;
  }
  for (let i = 0; i < size; i++) {
    const g = gradient[i]! * scale;
    const mean = beta1 * m[i]! + (1 - beta1) * g;
    const square = beta2 * v[i]! + (1 - beta2) * g * g;
    m[i] = mean;
    v[i] = square;
    parameters[i]! -= (rate * mean) / (Math.sqrt(square * correction2) + epsilon);
  }
  return norm;
}
