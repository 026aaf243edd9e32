import { StarlingError } from '../../base/errors.js';
import { stepFtrl, stepGroupAdagrad } from './group-steps.js';
import { reachOf, stepByKernels, type KernelStep } from './kernel-steps.js';
import type { Optimizer, OptimizerSpec, RowMemory } from './optimizer.js';
import { decayWeights, gradientRules, prepareGradients } from './prepared-gradients.js';
import { scheduleFactor } from '../../base/learning-schedule.js';
import {
  stepAdadelta,
  stepAdagrad,
  stepAdam,
  stepMomentum,
  stepRmsprop,
  stepSgd,
} from './steps.js';

/** One block of rows at the rate of its step; gradients are prepared. */
type Step = (
  memory: RowMemory,
  rows: Int32Array,
  rowCount: number,
  dim: number,
  grads: Float32Array,
  gradStart: number,
  rate: number,
  squares: Float32Array | undefined,
  squareStart: number,
) => void;

interface Rule {
  readonly step: Step;
  /** The same, bit by bit, in WebAssembly. */
  readonly kernel: KernelStep;
  readonly stateWidth: (dim: number) => number;
  readonly countsExamples?: boolean;
  /** What the whole state of a young row is filled with, or how its parts begin. */
  readonly initState?: (page: Float32Array, stateStart: number, dim: number) => void;
}

/** @throws StarlingError CONFIG_INVALID naming the field. */
export function createOptimizer(spec: OptimizerSpec): Optimizer {
  checkCommon(spec);
  const { step, kernel, stateWidth, initState, countsExamples = false } = ruleOf(spec);
  const rules = gradientRules(spec);
  const { learningRate, schedule } = spec;
  return {
    stateWidth,
    countsExamples,
    initState(page, offset, dim) {
      const start = offset + dim;
      fill(page, 0, start, start + stateWidth(dim));
      initState?.(page, start, dim);
    },
    applyRows(memory, rows, rowCount, dim, grads, gradStart, atStep, squares) {
      const rate = learningRate * scheduleFactor(schedule, atStep);
      const reach = reachOf(memory, rowCount);
      const counted = countsExamples ? squares : undefined;
      const block = [memory, rows, rowCount, dim, grads, gradStart] as const;
      if (reach && stepByKernels(kernel, rules, reach, ...block, rate, counted)) return;
      if (rules.decoupled > 0) decayWeights(memory, rows, rowCount, dim, rate * rules.decoupled);
      if (!rules.clips && rules.l2 === 0) return step(...block, rate, counted, gradStart);
      const prepared = prepareGradients(rules, ...block);
      step(memory, rows, rowCount, dim, prepared, 0, rate, counted, gradStart);
    },
  };
}

function ruleOf(spec: OptimizerSpec): Rule {
  switch (spec.kind) {
    case 'sgd':
      return {
        step: stepSgd,
        kernel: (k, places, n, d, g, rate) => k.stepSgd(places, n, d, g, rate),
        stateWidth: () => 0,
      };
    case 'momentum': {
      const momentum = share(spec, 'momentum', spec.momentum ?? 0.9);
      const nesterov = spec.nesterov ?? false;
      return {
        step: (m, r, n, d, g, at, rate) =>
          stepMomentum(m, r, n, d, g, at, rate, momentum, nesterov),
        kernel: (k, places, n, d, g, rate) =>
          k.stepMomentum(places, n, d, g, rate, momentum, nesterov),
        stateWidth: (dim) => dim,
      };
    }
    case 'adagrad': {
      const epsilon = positive(spec, 'epsilon', spec.epsilon ?? 1e-8);
      const initial = atLeastZero(spec, 'initialAccumulator', spec.initialAccumulator ?? 0);
      const firstRate = positive(spec, 'firstOrderRate', spec.firstOrderRate ?? spec.learningRate);
      const first = firstRate / spec.learningRate;
      return {
        countsExamples: spec.accumulates === 'examples',
        step: (m, r, n, d, g, at, rate, squares, from) =>
          stepAdagrad(m, r, n, d, g, at, rate, epsilon, first * rate, squares, from),
        kernel: (k, places, n, d, g, rate, squares) =>
          k.stepAdagrad(places, n, d, g, rate, epsilon, first * rate, squares),
        stateWidth: (dim) => dim,
        initState: (page, start, dim) => fill(page, initial, start, start + dim),
      };
    }
    case 'adam':
    case 'amsgrad':
      return adamRule(spec);
    case 'rmsprop':
      return rmspropRule(spec);
    case 'adadelta': {
      const rho = share(spec, 'rho', spec.rho ?? 0.95);
      const epsilon = positive(spec, 'epsilon', spec.epsilon ?? 1e-6);
      return {
        step: (m, r, n, d, g, at, rate) => stepAdadelta(m, r, n, d, g, at, rate, rho, epsilon),
        kernel: (k, places, n, d, g, rate) => k.stepAdadelta(places, n, d, g, rate, rho, epsilon),
        stateWidth: (dim) => 2 * dim,
      };
    }
    case 'ftrl':
    case 'group-ftrl':
      return ftrlRule(spec);
    case 'group-adagrad': {
      const beta = atLeastZero(spec, 'beta', spec.beta ?? 0);
      const lasso = atLeastZero(spec, 'groupLasso', spec.groupLasso ?? 0);
      const initial = atLeastZero(spec, 'initialAccumulator', spec.initialAccumulator ?? 0.1);
      return {
        step: (m, r, n, d, g, at, rate) => stepGroupAdagrad(m, r, n, d, g, at, rate, beta, lasso),
        kernel: (k, places, n, d, g, rate) =>
          k.stepGroupAdagrad(places, n, d, g, rate, beta, lasso * Math.sqrt(d)),
        stateWidth: () => 1,
        initState: (page, start) => fill(page, initial, start, start + 1),
      };
    }
    default:
      throw refusal(spec, 'kind', 'a known optimizer', (spec as { kind?: unknown }).kind);
  }
}

function adamRule(spec: OptimizerSpec & { readonly kind: 'adam' | 'amsgrad' }): Rule {
  const beta1 = share(spec, 'beta1', spec.beta1 ?? 0.9);
  const beta2 = share(spec, 'beta2', spec.beta2 ?? 0.999);
  const epsilon = positive(spec, 'epsilon', spec.epsilon ?? 1e-8);
  const largest = spec.kind === 'amsgrad';
  return {
    step: (m, r, n, d, g, at, rate) =>
      stepAdam(m, r, n, d, g, at, rate, beta1, beta2, epsilon, largest),
    kernel: (k, places, n, d, g, rate) =>
      k.stepAdam(places, n, d, g, rate, beta1, beta2, epsilon, largest),
    stateWidth: (dim) => (largest ? 3 : 2) * dim + 1,
  };
}

function rmspropRule(spec: OptimizerSpec & { readonly kind: 'rmsprop' }): Rule {
  const rho = share(spec, 'rho', spec.rho ?? 0.9);
  const momentum = share(spec, 'momentum', spec.momentum ?? 0);
  const epsilon = positive(spec, 'epsilon', spec.epsilon ?? 1e-8);
  return {
    step: (m, r, n, d, g, at, rate) => stepRmsprop(m, r, n, d, g, at, rate, rho, momentum, epsilon),
    kernel: (k, places, n, d, g, rate) =>
      k.stepRmsprop(places, n, d, g, rate, rho, momentum, epsilon),
    stateWidth: (dim) => (momentum > 0 ? 2 : 1) * dim,
  };
}

function ftrlRule(spec: OptimizerSpec & { readonly kind: 'ftrl' | 'group-ftrl' }): Rule {
  const beta = atLeastZero(spec, 'beta', spec.beta ?? 1);
  const l1 = atLeastZero(spec, 'l1', spec.l1 ?? 0);
  const l2 = atLeastZero(spec, 'l2', spec.l2 ?? 0);
  const initial = atLeastZero(spec, 'initialAccumulator', spec.initialAccumulator ?? 0);
  const lasso =
    spec.kind === 'group-ftrl' ? atLeastZero(spec, 'groupLasso', spec.groupLasso ?? 0) : 0;
  return {
    step: (m, r, n, d, g, at, rate) => stepFtrl(m, r, n, d, g, at, rate, beta, l1, l2, lasso),
    kernel: (k, places, n, d, g, rate) =>
      k.stepFtrl(places, n, d, g, rate, beta, l1, l2, lasso * Math.sqrt(d)),
    stateWidth: (dim) => 2 * dim,
    initState: (page, start, dim) => fill(page, initial, start + dim, start + 2 * dim),
  };
}

/** For a few numbers, a third of the time of TypedArray.fill. */
function fill(page: Float32Array, value: number, start: number, end: number): void {
  for (let i = start; i < end; i++) page[i] = value;
}

function checkCommon(spec: OptimizerSpec): void {
  positive(spec, 'learningRate', spec.learningRate);
  if (spec.clip !== undefined) positive(spec, 'clip', spec.clip);
  if (spec.clipNorm !== undefined) positive(spec, 'clipNorm', spec.clipNorm);
  atLeastZero(spec, 'weightDecay', spec.weightDecay ?? 0);
  if (spec.schedule === undefined) return;
  const { warmUpSteps = 0, decay } = spec.schedule;
  atLeastZero(spec, 'schedule.warmUpSteps', warmUpSteps);
  if (decay === undefined) return;
  positive(spec, 'schedule.decay.steps', decay.steps);
  if (decay.kind === 'cosine') atLeastZero(spec, 'schedule.decay.floor', decay.floor ?? 0);
  else positive(spec, 'schedule.decay.rate', decay.rate);
}

function positive(spec: OptimizerSpec, field: string, value: number): number {
  if (!(value > 0)) throw refusal(spec, field, 'a number above 0', value);
  return value;
}

function atLeastZero(spec: OptimizerSpec, field: string, value: number): number {
  if (!(value >= 0)) throw refusal(spec, field, 'a number of at least 0', value);
  return value;
}

function share(spec: OptimizerSpec, field: string, value: number): number {
  if (!(value >= 0 && value < 1)) throw refusal(spec, field, 'a number from 0 to below 1', value);
  return value;
}

function refusal(
  spec: OptimizerSpec,
  field: string,
  expected: string,
  found: unknown,
): StarlingError {
  return new StarlingError(
    'CONFIG_INVALID',
    `optimizer ${spec.kind}: ${field} is ${String(found)}; expected ${expected}`,
    { field },
  );
}
