import { IntervalSet } from '../../core/base/interval-set.js';
import type { AdamOptions } from '../../core/model/adam.js';
import { adamStep, createAdamState } from '../../core/model/adam.js';
import type { DenseState } from '../../messages/network-state.js';
import type { PushOutcome } from '../../messages/parameters.js';

/** The network without its ledger. */
export type NetworkState = Pick<DenseState, 'parameters' | 'optimizerState' | 'steps'>;

/** The dense parameters, their optimizer, and which batches are in them. No I/O. */
export class DenseLedger {
  readonly parameters: Float32Array;
  readonly #adam;
  readonly #options: AdamOptions;
  applied = new IntervalSet();
  denseVersion = 0;

  constructor(parameters: Float32Array, options: AdamOptions) {
    this.parameters = parameters;
    this.#options = options;
    this.#adam = createAdamState(parameters.length);
  }

  /** @returns `mixed`, having done nothing, when only some of the batches are new. */
  apply(batches: Float64Array, gradient: Float32Array): PushOutcome {
    let known = 0;
    for (const batch of batches) if (this.applied.has(batch)) known++;
    if (known === batches.length) return 'duplicate';
    if (known > 0) return 'mixed';
    if (gradient.length > 0) adamStep(this.parameters, gradient, this.#adam, this.#options);
    for (const batch of batches) this.applied.add(batch);
    this.denseVersion++;
    return 'applied';
  }

  /** f32 [2·parameters]: m, then v. */
  optimizerState(): { readonly optimizerState: Float32Array; readonly steps: number } {
    const { m, v, step } = this.#adam;
    const optimizerState = new Float32Array(2 * m.length);
    optimizerState.set(m);
    optimizerState.set(v, m.length);
    return { optimizerState, steps: step };
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
    this.#adam.m.set(optimizerState.subarray(0, size));
    this.#adam.v.set(optimizerState.subarray(size, 2 * size));
    this.#adam.step = steps;
  }
}
