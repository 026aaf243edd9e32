import type { InputPart, ModelSpec, Network } from '../network.js';
import { plainDenseCount } from '../projection.js';
import { headParameters, withOwn } from './heads.js';
import { pairedCount } from './inputs.js';
import { linearParameters, linearTerms } from './linear.js';
import { layerParameters, layers, tower, towerParameters } from './tower.js';

/**
 * Bottom layers make a vector of the numbers, as long as those of the slots; the products of all pairs of vectors, beside that one, go
 * into the top layers (Naumov et al., 2019, "Deep Learning Recommendation Model"). Here with the linear part that all networks have.
 *
 *   numbers ─▶ hidden … ─▶ k ─┬─────────────▶ ┐
 *                             ▼               ├─▶ hidden … ─▶ heads
 *   vectors of slots ───────▶ a·b, all pairs ▶┘
 */
export const dlrm: Network = {
  parameters: (spec) => [
    ...linearParameters(spec),
    ...headParameters(spec),
    ...(hasNumbers(spec) ? layerParameters('bottom', ['numbers'], bottomOf(spec), spec) : []),
    ...towerParameters(topParts(spec), spec),
  ],
  forward: (blocks, inputs, parameters, spec) => {
    const { dense, vectors } = inputs;
    const bottom = dense && layers(blocks, 'bottom', dense, bottomOf(spec), parameters, spec);
    const all = bottom ? blocks.concatColumns(vectors, bottom) : vectors;
    const count = pairedCount(spec);
    const pairs = count > 1 ? blocks.dotInteractions(all, count) : all;
    const top = bottom ? blocks.concatColumns(bottom, pairs) : pairs;
    const shared = linearTerms(blocks, inputs, parameters);
    return withOwn(blocks, shared, tower(blocks, top, parameters, spec), parameters, spec);
  },
};

function hasNumbers(spec: ModelSpec): boolean {
  return plainDenseCount(spec) > 0;
}

function bottomOf({ hidden, factorDim }: ModelSpec): number[] {
  return [...hidden, factorDim];
}

/** One vector alone has no pairs, and goes up itself. */
function topParts(spec: ModelSpec): readonly InputPart[] {
  if (hasNumbers(spec)) return [{ units: spec.factorDim }, 'pairs'];
  return pairedCount(spec) > 1 ? ['pairs'] : ['vectors'];
}
