import type { Value } from '../blocks.js';
import type { ModelSpec, Network, ParameterDeclaration } from '../network.js';
import { headParameters, withOwn } from './heads.js';
import { inputParts, partsWidth } from './inputs.js';
import { linearParameters, linearTerms } from './linear.js';
import { hiddenParameters, inputsOf, lastOf, outputParameters, outputsOver } from './tower.js';

/** Products of up to as many inputs plus one. More were no better in the experiments of the paper, and each costs the square of the inputs. */
const crossLayers = 2;

/**
 * Layers that cross, x′ = x₀ ⊙ (W x + b) + x, beside hidden layers over the same inputs; both together are what the outputs see
 * (Wang et al., 2021, "DCN V2", parallel, of full rank).
 */
export const dcnV2: Network = {
  parameters: (spec) => [
    ...linearParameters(spec),
    ...headParameters(spec),
    ...crossParameters(spec),
    ...hiddenParameters(inputParts, spec),
    outputParameters(
      spec.hidden.length > 0 ? [...inputParts, ...lastOf(inputParts, spec)] : inputParts,
      spec,
    ),
  ],
  forward: (blocks, inputs, parameters, spec) => {
    const first = inputsOf(blocks, inputs);
    let crossed: Value = first;
    for (let layer = 0; layer < crossLayers; layer++) {
      const kernel = parameters.matrix(`cross${layer}.kernel`);
      const bias = parameters.vector(`cross${layer}.bias`);
      const weighed = blocks.denseLayer(crossed, kernel, bias, false);
      crossed = blocks.add([blocks.multiply(first, weighed), crossed]);
    }
    const both = (last: Value): Value =>
      spec.hidden.length > 0 ? blocks.concatColumns(crossed, last) : crossed;
    const own = outputsOver(blocks, first, both, parameters, spec);
    const shared = linearTerms(blocks, inputs, parameters);
    return withOwn(blocks, shared, own, parameters, spec);
  },
};

function crossParameters(spec: ModelSpec): ParameterDeclaration[] {
  const width = partsWidth(inputParts, spec);
  return Array.from({ length: crossLayers }, (_, layer): ParameterDeclaration[] => [
    {
      ...{ name: `cross${layer}.kernel`, shape: [width, width], initial: 'glorot' },
      ...{ rows: inputParts, columns: inputParts },
    },
    { name: `cross${layer}.bias`, shape: [width], initial: 'zeros', columns: inputParts },
  ]).flat();
}
