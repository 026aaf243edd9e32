import { assert } from '../../core/base/assert.js';
import { StarlingError } from '../../core/base/errors.js';
import { unusableAt } from '../../core/base/finite.js';
import { IntervalSet } from '../../core/base/interval-set.js';
import type { AdamOptions, AdamState } from '../../core/model/adam.js';
import { adamStep } from '../../core/model/adam.js';
import { scaleStep } from '../../core/model/number-scales.js';
import { calibrationStep } from '../../core/model/score-calibration.js';
import type { DenseState } from '../../messages/network-state.js';
import type { PushOutcome } from '../../messages/parameters.js';

/** The network without its ledger. */
export type NetworkState = Pick<DenseState, 'parameters' | 'optimizerState' | 'steps'>;

/** The dense parameters, their optimizer, and which batches are in them. No I/O. */
export class DenseLedger {
  readonly parameters: Float32Array;
  readonly #networkSize: number;
  /** Where the scales begin. */
  readonly #scalesAt: number;
  /** As long as the parameters: behind those of the network it is 0. */
  readonly #m: Float32Array;
  readonly #v: Float32Array;
  /** Of the network: views of these. */
  readonly #adam: AdamState;
  readonly #options: AdamOptions;
  applied: IntervalSet;
  denseVersion = 0;

  /**
   * @param counts how many of them are the network's, and its calibration's; the rest are scales of its numbers.
   * @param cut batches up to here it is never taught.
   */
  constructor(
    parameters: Float32Array,
    options: AdamOptions,
    counts = { network: parameters.length, calibration: 0 },
    cut = 0,
  ) {
    this.applied = new IntervalSet(cut + 1);
    const networkSize = counts.network;
    this.parameters = parameters;
    this.#options = options;
    this.#networkSize = networkSize;
    this.#scalesAt = networkSize + counts.calibration;
    this.#m = new Float32Array(parameters.length);
    this.#v = new Float32Array(parameters.length);
    this.#adam = {
      m: this.#m.subarray(0, networkSize),
      v: this.#v.subarray(0, networkSize),
      step: 0,
    };
  }

  /**
   * @returns `mixed`, having done nothing, when only some of the batches are new.
   * @throws StarlingError NOT_FINITE, having done nothing, for a gradient that would erase the network.
   */
  apply(batches: Float64Array, gradient: Float32Array): PushOutcome {
    let known = 0;
    for (const batch of batches) if (this.applied.has(batch)) known++;
    if (known === batches.length) return 'duplicate';
    if (known > 0) return 'mixed';
    const at = unusableAt(gradient.subarray(0, this.#networkSize));
    if (at >= 0)
      throw new StarlingError(
        'NOT_FINITE',
        `the gradient of parameter ${at} is ${gradient[at]}; nothing of the step is applied.`,
        { at },
      );
    if (gradient.length > 0) this.#step(gradient);
    for (const batch of batches) this.applied.add(batch);
    this.denseVersion++;
    return 'applied';
  }

  #step(gradient: Float32Array): void {
    const size = this.#networkSize;
    const network = this.parameters.subarray(0, size);
    const norm = adamStep(network, gradient.subarray(0, size), this.#adam, this.#options);
    assert(Number.isFinite(norm), 'what is not finite was refused');
    const at = this.#scalesAt;
    calibrationStep(this.parameters.subarray(size, at), gradient.subarray(size, at));
    scaleStep(this.parameters.subarray(at), gradient.subarray(at));
  }

  /** f32 [2·parameters]: m, then v. */
  optimizerState(): { readonly optimizerState: Float32Array; readonly steps: number } {
    const size = this.parameters.length;
    const optimizerState = new Float32Array(2 * size);
    optimizerState.set(this.#m);
    optimizerState.set(this.#v, size);
    return { optimizerState, steps: this.#adam.step };
  }

  restore(state: DenseState): void {
    this.#take(state);
    this.applied = IntervalSet.decode(state.applied);
    this.denseVersion = state.denseVersion;
  }

  /** The network of another time, or of another cluster. What was applied here stays applied. */
  adopt(state: NetworkState): void {
    this.#take(state);
    this.denseVersion++;
  }

  #take({ parameters, optimizerState, steps }: NetworkState): void {
    const size = this.parameters.length;
    this.parameters.set(parameters);
    this.#m.set(optimizerState.subarray(0, size));
    this.#v.set(optimizerState.subarray(size, 2 * size));
    this.#adam.step = steps;
  }
}
