import type { Blocks, Value } from '../blocks.js';
import type { ModelSpec, NetworkInputs, ParameterDeclaration, Parameters } from '../network.js';

/** Bias + Σ weights of the rows + dense features · their weights: what every network here starts from. */
export function linearParameters(spec: ModelSpec): ParameterDeclaration[] {
  const bias: ParameterDeclaration = { name: 'bias', shape: [1], initial: 'zeros' };
  if (spec.denseCount === 0) return [bias];
  const shape = [spec.denseCount, 1] as const;
  return [bias, { name: 'linear', shape, initial: 'zeros', rows: ['numbers'] }];
}

export function linearTerms(
  blocks: Blocks,
  inputs: NetworkInputs,
  parameters: Parameters,
): Value[] {
  const terms = [blocks.addBias(blocks.sumColumns(inputs.weights), parameters.vector('bias'))];
  if (inputs.dense !== null) {
    terms.push(blocks.denseLayer(inputs.dense, parameters.matrix('linear'), null, false));
  }
  return terms;
}

/** The linear part, and all pairwise products of the slots' vectors (Rendle, 2010). */
export function factorTerms(
  blocks: Blocks,
  inputs: NetworkInputs,
  parameters: Parameters,
  spec: ModelSpec,
): Value[] {
  return [
    ...linearTerms(blocks, inputs, parameters),
    blocks.pairwiseInteractions(inputs.vectors, spec.slotCount),
  ];
}
