import type { Blocks, Value } from './blocks.js';
import { withProjections } from './projection.js';
import type {
  ModelSpec,
  Network,
  NetworkInputs,
  NetworkName,
  ParameterDeclaration,
  Parameters,
} from './network.js';

/**
 * The networks, by the name `model.network` has in the configuration. Another one (DCN, DLRM) is one object that
 * implements `Network`, in a file of its own, and one line in the table at the end.
 */
/** Bias + Σ weights of the rows + dense features · their weights: what every network here starts from. */
function linearParameters(spec: ModelSpec): ParameterDeclaration[] {
  const bias: ParameterDeclaration = { name: 'bias', shape: [1], initial: 'zeros' };
  if (spec.denseCount === 0) return [bias];
  return [bias, { name: 'linear', shape: [spec.denseCount, 1], initial: 'zeros' }];
}

/**
 * Of several heads each has its own scale and bias of what is shared: a purchase is rarer than a view, and may depend less on what
 * was learned of views. One head is what is shared itself, and costs nothing.
 */
function headParameters({ heads }: ModelSpec): ParameterDeclaration[] {
  if (heads === 1) return [];
  return [
    { name: 'head.scale', shape: [1, heads], initial: 'ones' },
    { name: 'head.bias', shape: [heads], initial: 'zeros' },
  ];
}

/** [n, 1] → [n, heads]. */
function perHead(blocks: Blocks, shared: Value, parameters: Parameters, spec: ModelSpec): Value {
  if (spec.heads === 1) return shared;
  return blocks.denseLayer(
    shared,
    parameters.matrix('head.scale'),
    parameters.vector('head.bias'),
    false,
  );
}

function linearTerms(blocks: Blocks, inputs: NetworkInputs, parameters: Parameters): Value[] {
  const terms = [blocks.addBias(blocks.sumColumns(inputs.weights), parameters.vector('bias'))];
  if (inputs.dense !== null) {
    terms.push(blocks.denseLayer(inputs.dense, parameters.matrix('linear'), null, false));
  }
  return terms;
}

/**
 * Hidden layers with ReLU over [vectors | dense features], then one output for each head without a bias (`bias` is it).
 * The output layer starts at Glorot's scale like the others: as the vectors start near zero, so does the tower, and
 * early predictions come from the first-order part anyway. A tenth of that scale was tried: 0.004 AUC worse at a lag of
 * 2000 events, no better at 100 (bench/quality).
 */
function towerParameters(spec: ModelSpec): ParameterDeclaration[] {
  const parameters: ParameterDeclaration[] = [];
  let width = spec.slotCount * spec.factorDim + spec.denseCount;
  spec.hidden.forEach((units, layer) => {
    parameters.push({ name: `hidden${layer}.kernel`, shape: [width, units], initial: 'glorot' });
    parameters.push({ name: `hidden${layer}.bias`, shape: [units], initial: 'zeros' });
    width = units;
  });
  parameters.push({ name: 'output.kernel', shape: [width, spec.heads], initial: 'glorot' });
  return parameters;
}

function tower(
  blocks: Blocks,
  inputs: NetworkInputs,
  parameters: Parameters,
  spec: ModelSpec,
): Value {
  const { vectors, dense } = inputs;
  let x = dense === null ? vectors : blocks.concatColumns(vectors, dense);
  spec.hidden.forEach((_, layer) => {
    x = blocks.denseLayer(
      x,
      parameters.matrix(`hidden${layer}.kernel`),
      parameters.vector(`hidden${layer}.bias`),
      true,
    );
  });
  return blocks.denseLayer(x, parameters.matrix('output.kernel'), null, false);
}

/** Factorisation machine (Rendle, 2010): linear part and all pairwise products of the slots' vectors. */
const fm: Network = {
  parameters: (spec) => [...linearParameters(spec), ...headParameters(spec)],
  forward: (blocks, inputs, parameters, spec) =>
    perHead(blocks, blocks.add(factorTerms(blocks, inputs, parameters, spec)), parameters, spec),
};

function factorTerms(
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

/** What all heads share, each with its own part of the tower. With one head it is one sum. */
function withTower(
  blocks: Blocks,
  shared: readonly Value[],
  inputs: NetworkInputs,
  parameters: Parameters,
  spec: ModelSpec,
): Value {
  const own = tower(blocks, inputs, parameters, spec);
  if (spec.heads === 1) return blocks.add([...shared, own]);
  const sum = shared.length === 1 ? shared[0]! : blocks.add(shared);
  return blocks.add([perHead(blocks, sum, parameters, spec), own]);
}

const deepParameters = (spec: ModelSpec): ParameterDeclaration[] => [
  ...linearParameters(spec),
  ...headParameters(spec),
  ...towerParameters(spec),
];

/** The linear part and a multilayer perceptron (Cheng et al., 2016, "Wide & Deep"). */
const mlp: Network = {
  parameters: deepParameters,
  forward: (blocks, inputs, parameters, spec) =>
    withTower(blocks, linearTerms(blocks, inputs, parameters), inputs, parameters, spec),
};

/** Factorisation machine and perceptron over the same vectors (Guo et al., 2017). */
const deepfm: Network = {
  parameters: deepParameters,
  forward: (blocks, inputs, parameters, spec) =>
    withTower(blocks, factorTerms(blocks, inputs, parameters, spec), inputs, parameters, spec),
};

export const networks: Readonly<Record<NetworkName, Network>> = {
  deepfm: withProjections(deepfm),
  fm: withProjections(fm),
  mlp: withProjections(mlp),
};
