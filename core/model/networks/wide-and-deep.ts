import type { Network } from '../network.js';
import { headParameters, withOwn } from './heads.js';
import { inputParts } from './inputs.js';
import { linearParameters, linearTerms } from './linear.js';
import { inputsOf, tower, towerParameters } from './tower.js';

/**
 * The linear part and a multilayer perceptron (Cheng et al., 2016, "Wide & Deep"). What is crossed there by hand for the linear part is
 * a feature of a pair here (`of: [a, b]`).
 */
export const wideAndDeep: Network = {
  parameters: (spec) => [
    ...linearParameters(spec),
    ...headParameters(spec),
    ...towerParameters(inputParts, spec),
  ],
  forward: (blocks, inputs, parameters, spec) =>
    withOwn(
      blocks,
      linearTerms(blocks, inputs, parameters),
      tower(blocks, inputsOf(blocks, inputs), parameters, spec),
      parameters,
      spec,
    ),
};
