import type { Tensor } from '@tensorflow/tfjs-core';
import type { Backend } from './backend.js';
import { createBlocks } from './blocks.js';
import { denseLayout } from './dense-parameters.js';
import { networks } from './networks.js';
import { scaledDense, scalesIn } from './number-scales.js';
import type { ModelSpec } from './network.js';
import {
  namedParameters,
  uploadInputs,
  uploadParameters,
  type PooledBatch,
} from './pooled-batch.js';

/** One published version of the dense parameters; `values` never changes once it has a version. */
export interface DenseVersion {
  readonly version: number;
  readonly values: Float32Array;
}

export interface Scorer {
  /** Logits [rowCount × heads], by the same forward pass as training. */
  score(batch: PooledBatch, parameters: DenseVersion): Float32Array;
  /** Frees the tensors of the version in use. */
  dispose(): void;
}

/** The parameters of the version last used stay uploaded, so a request costs the forward pass alone. */
export function createScorer(backend: Backend, spec: ModelSpec): Scorer {
  const { tf } = backend;
  const layout = denseLayout(spec);
  const network = networks[spec.network];
  const blocks = createBlocks(tf);
  let uploaded: { source: DenseVersion; tensors: Tensor[] } | null = null;

  const tensorsOf = (parameters: DenseVersion): Tensor[] => {
    const { version, values } = parameters;
    if (uploaded?.source.version === version && uploaded.source.values === values)
      return uploaded.tensors;
    // Calibration and scales are behind them.
    const own = values.subarray(0, layout.size);
    const tensors = uploadParameters(tf, layout, own).map((tensor) => tf.keep(tensor));
    if (uploaded) tf.dispose(uploaded.tensors);
    uploaded = { source: { version, values }, tensors };
    return tensors;
  };

  return {
    score(batch, parameters) {
      if (batch.rowCount === 0) return new Float32Array(0);
      let logits = new Float32Array(0);
      tf.tidy(() => {
        const named = namedParameters(layout, tensorsOf(parameters));
        const scales = scalesIn(parameters.values.subarray(layout.size), spec);
        const dense = scaledDense(batch, spec, scales);
        const inputs = uploadInputs(tf, { ...batch, dense }, spec);
        const output = network.forward(blocks, inputs, named, spec);
        logits = output.dataSync<'float32'>() as Float32Array<ArrayBuffer>;
      });
      return logits;
    },
    dispose() {
      if (uploaded) tf.dispose(uploaded.tensors);
      uploaded = null;
    },
  };
}
