import { assert } from '../../core/base/assert.js';
import type { Backend, BackendPreference } from '../../core/model/backend.js';
import type { BackendSource } from '../../core/model/backend-source.js';
import type { ModelSpec } from '../../core/model/network.js';
import type { Scorer } from '../../core/model/scorer.js';
import { createScorer } from '../../core/model/scorer.js';
import type { SplitScorer } from '../../core/model/split-scorer.js';
import type { TwoSides } from '../../core/model/two-sides.js';

/** A scorer whose backend has to be loaded first. */
export class BackendScorer implements Pick<Scorer, 'scoreRows' | 'dispose'> {
  #scorer: Scorer | undefined;
  #backend: Backend | undefined;
  #name = '';

  /** What the backend says of itself; empty before it is loaded. */
  get name(): string {
    return this.#name;
  }

  async load(
    backends: BackendSource,
    preference: BackendPreference,
    spec: ModelSpec,
  ): Promise<void> {
    const loaded = await backends.load(preference, spec, 'scoring');
    this.#name = loaded.detail;
    this.#backend = loaded;
    this.#scorer = createScorer(loaded, spec);
  }

  /** Undefined where it has to score whole rows. */
  split(spec: ModelSpec, sides: TwoSides): SplitScorer | undefined {
    return this.#backend?.executor.split?.(spec, sides);
  }

  scoreRows(...batch: Parameters<Scorer['scoreRows']>): Float32Array {
    assert(this.#scorer !== undefined, 'it is loaded before it scores');
    return this.#scorer.scoreRows(...batch);
  }

  dispose(): void {
    this.#scorer?.dispose();
  }
}
