import { assert } from '../base/assert.js';
import type { Backend } from './backend.js';
import type { DenseVersion } from './executor.js';
import { graphOf, type Graph } from './graph.js';
import { scaledDense, scalesIn } from './number-scales.js';
import type { ModelSpec } from './network.js';
import {
  requireDense,
  requirePooled,
  requireRows,
  type PooledBatch,
  type RowsBatch,
} from './pooled-batch.js';

export interface Scorer {
  /** Logits [rowCount × heads], by the same forward pass as training. */
  score(batch: PooledBatch, parameters: DenseVersion): Float32Array;
  /** The same of rows that are not pooled yet. */
  scoreRows(batch: RowsBatch, parameters: DenseVersion): Float32Array;
  /** Frees what is kept of the version in use. */
  dispose(): void;
}

/**
 * The parameters of the version last used stay where they are computed with, so a request costs the forward pass alone.
 *
 * @param graph of the same parameters, where what is asked for is something else than logits.
 */
export function createScorer(
  backend: Backend,
  spec: ModelSpec,
  graph: Graph = graphOf(spec),
): Scorer {
  const { size } = graph.layout;
  const scorer = backend.executor.scorer(graph);

  const seen = <B extends Pick<PooledBatch, 'rowCount' | 'dense'>>(
    batch: B,
    { values }: DenseVersion,
  ): B => {
    requireDense(batch, spec);
    assert(values.length >= size, `${values.length} dense parameters, the network has ${size}`);
    return { ...batch, dense: scaledDense(batch, spec, scalesIn(values.subarray(size), spec)) };
  };

  return {
    score(batch, parameters) {
      if (batch.rowCount === 0) return new Float32Array(0);
      requirePooled(batch, spec);
      return scorer.pooled(seen(batch, parameters), parameters);
    },
    scoreRows(batch, parameters) {
      if (batch.rowCount === 0) return new Float32Array(0);
      requireRows(batch, spec);
      return scorer.rows(seen(batch, parameters), parameters);
    },
    dispose: () => scorer.dispose(),
  };
}
