import type { Network } from '../network.js';
import { withOwn } from './heads.js';
import { factorTerms } from './linear.js';
import { wideAndDeep } from './wide-and-deep.js';
import { inputsOf, tower } from './tower.js';

/** Factorisation machine and perceptron over the same vectors (Guo et al., 2017). */
export const deepfm: Network = {
  parameters: (spec) => wideAndDeep.parameters(spec),
  forward: (blocks, inputs, parameters, spec) =>
    withOwn(
      blocks,
      factorTerms(blocks, inputs, parameters, spec),
      tower(blocks, inputsOf(blocks, inputs), parameters, spec),
      parameters,
      spec,
    ),
};
