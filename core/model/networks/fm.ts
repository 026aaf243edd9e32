import type { Network } from '../network.js';
import { headParameters, perHead } from './heads.js';
import { factorTerms, linearParameters } from './linear.js';

/** Factorisation machine (Rendle, 2010): linear part and all pairwise products of the slots' vectors. */
export const fm: Network = {
  parameters: (spec) => [...linearParameters(spec), ...headParameters(spec)],
  forward: (blocks, inputs, parameters, spec) =>
    perHead(blocks, blocks.add(factorTerms(blocks, inputs, parameters, spec)), parameters, spec),
};
