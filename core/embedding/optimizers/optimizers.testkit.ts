import type { OptimizerSpec } from './optimizer.js';

/** The published update rules, written plainly in double precision over one row; only the tests use them. */
export interface Reference {
  readonly weights: number[];
  step(gradients: readonly number[]): void;
}

type Spec = OptimizerSpec & Readonly<Record<string, unknown>>;
type CreateReference = (spec: OptimizerSpec, weights: number[]) => Reference;

function figure(spec: OptimizerSpec, name: string, otherwise: number): number {
  return ((spec as Spec)[name] as number | undefined) ?? otherwise;
}

/** A rule that treats each coordinate by itself. `state` starts as `initial` says. */
function byCoordinate(
  initial: readonly number[],
  rule: (state: number[], g: number, w: number, t: number, d: number) => number,
): (weights: number[]) => Reference {
  return (weights) => {
    const states = weights.map(() => [...initial]);
    let t = 0;
    return {
      weights,
      step(gradients) {
        t++;
        gradients.forEach((g, d) => (weights[d] = rule(states[d]!, g, weights[d]!, t, d)));
      },
    };
  };
}

const adam =
  (largest: boolean): CreateReference =>
  (spec, weights) => {
    const eta = spec.learningRate;
    const [b1, b2] = [figure(spec, 'beta1', 0.9), figure(spec, 'beta2', 0.999)];
    const epsilon = figure(spec, 'epsilon', 1e-8);
    return byCoordinate([0, 0, 0], (s, g, w, t) => {
      s[0] = b1 * s[0]! + (1 - b1) * g;
      s[1] = b2 * s[1]! + (1 - b2) * g * g;
      s[2] = Math.max(s[2]!, s[1]);
      const mHat = s[0] / (1 - b1 ** t);
      const vHat = (largest ? s[2] : s[1]) / (1 - b2 ** t);
      return w - (eta * mHat) / (Math.sqrt(vHat) + epsilon);
    })(weights);
  };

const ftrl: CreateReference = (spec, weights) => {
  const eta = spec.learningRate;
  const [beta, l1] = [figure(spec, 'beta', 1), figure(spec, 'l1', 0)];
  const [l2, lasso] = [figure(spec, 'l2', 0), figure(spec, 'groupLasso', 0)];
  const z = weights.map(() => 0);
  const n = weights.map(() => figure(spec, 'initialAccumulator', 0));
  return {
    weights,
    step(gradients) {
      gradients.forEach((g, d) => {
        const sigma = (Math.sqrt(n[d]! + g * g) - Math.sqrt(n[d]!)) / eta;
        z[d]! += g - sigma * weights[d]!;
        n[d]! += g * g;
      });
      const u = z.map((value) => Math.sign(value) * Math.max(0, Math.abs(value) - l1));
      const norm = Math.hypot(...u);
      const threshold = lasso * Math.sqrt(weights.length);
      const share = norm <= threshold ? (threshold === 0 ? 1 : 0) : 1 - threshold / norm;
      u.forEach((value, d) => {
        const w = (-value * share) / ((beta + Math.sqrt(n[d]!)) / eta + l2);
        weights[d] = value === 0 ? 0 : w;
      });
    },
  };
};

export const references: Readonly<Record<OptimizerSpec['kind'], CreateReference>> = {
  sgd: (spec, weights) => byCoordinate([], (_s, g, w) => w - spec.learningRate * g)(weights),
  momentum(spec, weights) {
    const mu = figure(spec, 'momentum', 0.9);
    const nesterov = (spec as Spec)['nesterov'] === true;
    return byCoordinate([0], (s, g, w) => {
      s[0] = mu * s[0]! + g;
      return w - spec.learningRate * (nesterov ? g + mu * s[0] : s[0]);
    })(weights);
  },
  adagrad(spec, weights) {
    const epsilon = figure(spec, 'epsilon', 1e-8);
    const first = figure(spec, 'firstOrderRate', spec.learningRate);
    return byCoordinate([figure(spec, 'initialAccumulator', 0)], (s, g, w, _t, d) => {
      s[0]! += g * g;
      return w - ((d === 0 ? first : spec.learningRate) * g) / Math.sqrt(s[0]! + epsilon);
    })(weights);
  },
  adam: adam(false),
  amsgrad: adam(true),
  rmsprop(spec, weights) {
    const [rho, mu] = [figure(spec, 'rho', 0.9), figure(spec, 'momentum', 0)];
    const epsilon = figure(spec, 'epsilon', 1e-8);
    return byCoordinate([0, 0], (s, g, w) => {
      s[0] = rho * s[0]! + (1 - rho) * g * g;
      s[1] = mu * s[1]! + (spec.learningRate * g) / Math.sqrt(s[0] + epsilon);
      return w - s[1];
    })(weights);
  },
  adadelta(spec, weights) {
    const [rho, epsilon] = [figure(spec, 'rho', 0.95), figure(spec, 'epsilon', 1e-6)];
    return byCoordinate([0, 0], (s, g, w) => {
      s[0] = rho * s[0]! + (1 - rho) * g * g;
      const move = (Math.sqrt(s[1]! + epsilon) / Math.sqrt(s[0] + epsilon)) * g;
      s[1] = rho * s[1]! + (1 - rho) * move * move;
      return w - spec.learningRate * move;
    })(weights);
  },
  ftrl,
  'group-ftrl': ftrl,
  'group-adagrad'(spec, weights) {
    const [beta, lasso] = [figure(spec, 'beta', 0), figure(spec, 'groupLasso', 0)];
    let accumulator = figure(spec, 'initialAccumulator', 0.1);
    return {
      weights,
      step(gradients) {
        accumulator += gradients.reduce((sum, g) => sum + g * g, 0) / weights.length;
        const rate = spec.learningRate / (Math.sqrt(accumulator) + beta);
        const moved = weights.map((w, d) => w - rate * gradients[d]!);
        const norm = Math.hypot(...moved);
        const share = Math.max(0, 1 - (rate * lasso * Math.sqrt(weights.length)) / norm);
        moved.forEach((w, d) => (weights[d] = w * share));
      },
    };
  },
};
