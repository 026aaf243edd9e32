import { assert } from '../../core/base/assert.js';
import type { BackendPreference } from '../../core/model/backend.js';
import type { BackendSource } from '../../core/model/backend-source.js';
import type { ModelSpec } from '../../core/model/network.js';
import type { Scorer } from '../../core/model/scorer.js';
import { createScorer } from '../../core/model/scorer.js';

/** A scorer whose backend has to be loaded first. */
export class BackendScorer implements Pick<Scorer, 'scoreRows' | 'dispose'> {
  #scorer: Scorer | undefined;
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
    this.#scorer = createScorer(loaded, spec);
  }

  scoreRows(...batch: Parameters<Scorer['scoreRows']>): Float32Array {
    assert(this.#scorer !== undefined, 'it is loaded before it scores');
    return this.#scorer.scoreRows(...batch);
  }

  dispose(): void {
    this.#scorer?.dispose();
  }
}
