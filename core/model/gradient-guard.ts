import { StarlingError } from '../base/errors.js';
import { normOf, squareMax, unusableAt } from '../base/finite.js';

/**
 * Looks at a step before anybody takes it: one poisoned sample must not erase what a million others have taught.
 *
 * Two faults. Not finite: a label or a number that overflows. Exploded: finite, and so far beyond what steps are that rows and network would
 * be thrown away by it. What "far" is, is a multiple of a running norm, as the norm of a healthy step depends on features and network.
 *
 * The norm is that of the mean gradient, rows and network together, which chance makes longer in small batches: by √n at most, 32 between a batch
 * of one and one of a thousand. The multiple has to leave room for that.
 *
 * A stream may really change, and a guard that refuses all from then on would end learning. So what is refused moves the running norm too, by a
 * fifth at most: after 40 refused steps it is a thousand times what it was.
 */
export interface GuardedStep {
  readonly loss: number;
  /** d(Σ weight·loss)/d(row) */
  readonly rowGradient: Float32Array;
  /** Σ of the squares of single samples, where optimizers count those. */
  readonly rowSquares?: Float32Array;
  /** d(mean loss)/d(parameter) */
  readonly denseGradient: Float32Array;
  /** Σ weight */
  readonly weight: number;
}

/** Steps until the running norm is believed. Too few: the first ones say what is usual. Too many: poison of the first minute is learned. */
const stepsMin = 50;
/** Weight of the newest step. */
const memory = 0.05;
/** How far one step moves the running norm. */
const rise = 4;
/** Of a shorter gradient nothing is thrown away, whatever is usual: a network that has learned its stream by heart has norms near 0. */
const harmless = 1;

export class GradientGuard {
  readonly #factor: number;
  #norm = 0;
  #steps = 0;

  /** @param factor of the running norm, beyond which a step is refused; 0: none is for its length. */
  constructor(factor: number) {
    this.#factor = factor;
  }

  /** Of the last steps, about twenty of them; NaN before the first. */
  get norm(): number {
    return this.#steps === 0 ? NaN : this.#norm;
  }

  /** Longer ones are refused; Infinity as long as too little is known. */
  get limit(): number {
    if (this.#factor === 0 || this.#steps < stepsMin) return Infinity;
    return Math.max(harmless, this.#factor * this.#norm);
  }

  /** @throws StarlingError NOT_FINITE, GRADIENT_EXPLODED */
  check(step: GuardedStep): void {
    const problem = problemIn(step, this.limit);
    const norm = meanNorm(step);
    if (Number.isFinite(norm)) this.#see(norm);
    if (problem) throw problem;
  }

  #see(norm: number): void {
    const seen = this.#steps === 0 ? norm : Math.min(norm, (1 + rise) * this.#norm);
    this.#norm += (this.#steps === 0 ? 1 : memory) * (seen - this.#norm);
    this.#steps++;
  }
}

/**
 * @param limit of the norm of the mean gradient.
 * @returns undefined where nothing is wrong with it.
 */
export function problemIn(step: GuardedStep, limit: number): StarlingError | undefined {
  const { loss, rowGradient, rowSquares, denseGradient } = step;
  const isUsable =
    Number.isFinite(loss) &&
    unusableAt(rowGradient) < 0 &&
    unusableAt(denseGradient) < 0 &&
    (rowSquares === undefined || unusableAt(rowSquares, squareMax) < 0);
  if (!isUsable)
    return new StarlingError(
      'NOT_FINITE',
      `gradients are not finite (loss ${loss}); the step is refused.`,
      { loss },
    );
  const norm = meanNorm(step);
  if (norm <= limit) return undefined;
  return new StarlingError(
    'GRADIENT_EXPLODED',
    `a gradient of norm ${norm.toPrecision(3)} where up to ${limit.toPrecision(3)} is believed; the step is refused.`,
    { norm, limit },
  );
}

/** Of d(mean loss), rows and network together. */
export function meanNorm({ rowGradient, denseGradient, weight }: GuardedStep): number {
  return Math.hypot(normOf(denseGradient), normOf(rowGradient) / weight);
}
