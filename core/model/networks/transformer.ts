import type { Blocks, Value } from '../blocks.js';
import { markNames, markWidth, type HistoryInput } from '../history-marks.js';
import {
  rowWidth,
  type ModelSpec,
  type Network,
  type NetworkInputs,
  type ParameterDeclaration,
  type Parameters,
} from '../network.js';
import { headParameters } from './heads.js';
import {
  interestIn,
  interestParameters,
  interestTower,
  interestTowerParameters,
  namesOf,
} from './interests.js';
import { linearParameters } from './linear.js';

/**
 * DIN whose events know of one another: each attends to those that were before it, in as many layers as there are (`encoderLayers`), and what comes
 * of that is what the candidate attends to (Kang and McAuley, 2018, "SASRec"; Chen et al., 2019, "Behavior Sequence Transformer").
 *
 *   where to look   s = norm(e + position + what is known of it)                type of the event, how long ago
 *   what is seen    e ← e + softmax(s·Q (s·K)ᵀ)·e·V·O,  e ← e + relu((e, what is known)·W₁ + b)·W₂
 *
 * What each layer adds starts at nothing, so that at first it is DIN. Events are normalised only where they are compared: vectors of rows are short for
 * thousands of events, and what layers made of normalised ones, and of positions, was soon longer than they are, so that candidates met noise (0.71
 * where 0.75 is AUC now: bench/tastes.ts, 200,000 impressions).
 */
const encoderLayers = 1;

/** Events further back share the last. */
const positionsMax = 64;

export const transformer: Network = {
  parameters: (spec) => [
    ...linearParameters(spec),
    ...headParameters(spec),
    ...(spec.histories ?? []).flatMap((history) => [
      ...encoderParameters(history, spec),
      ...interestParameters(history, rowWidth(spec), spec),
    ]),
    ...interestTowerParameters(spec),
  ],
  forward: (blocks, inputs, parameters, spec) => {
    const found = (spec.histories ?? []).map((history) => {
      const events = encoded(blocks, history, inputs, parameters, spec);
      const candidate = blocks.pool(inputs.occurrences(history.of), 'mean');
      return interestIn(blocks, history, { events, candidate }, inputs, parameters);
    });
    return interestTower(blocks, found, inputs, parameters, spec);
  },
};

function encoderParameters(history: HistoryInput, spec: ModelSpec): ParameterDeclaration[] {
  const of = namesOf(history);
  const { factorDim } = spec;
  const width = rowWidth(spec);
  const matrix = (
    name: string,
    rows: number,
    columns: number,
    initial: ParameterDeclaration['initial'] = 'glorot',
  ): ParameterDeclaration => ({ name: of(name), shape: [rows, columns], initial });
  const marks = markWidth(history);
  return [
    // Not as long as the history: one that grows goes on with what was learned.
    matrix('positions', positionsMax, width, 'zeros'),
    ...(marks > 0
      ? [{ ...matrix('marks', marks, width, 'zeros'), rows: [{ names: markNames(history) }] }]
      : []),
    ...layerNames.flatMap((layer): ParameterDeclaration[] => [
      { name: of(`${layer}.attention.gain`), shape: [width], initial: 'ones' },
      { name: of(`${layer}.attention.bias`), shape: [width], initial: 'zeros' },
      ...['query', 'key', 'value'].map((name) => matrix(`${layer}.${name}`, width, factorDim)),
      matrix(`${layer}.out`, factorDim, width, 'zeros'),
      {
        ...matrix(`${layer}.wide.kernel`, width + marks, 2 * width),
        rows: [{ units: width }, { names: markNames(history) }],
      },
      { name: of(`${layer}.wide.bias`), shape: [2 * width], initial: 'zeros' },
      matrix(`${layer}.narrow.kernel`, 2 * width, width, 'zeros'),
    ]),
  ];
}

const layerNames = Array.from({ length: encoderLayers }, (_, layer) => `encoder${layer}`);

/** [occurrences, 1 + factorDim] */
function encoded(
  blocks: Blocks,
  history: HistoryInput,
  inputs: NetworkInputs,
  parameters: Parameters,
  { factorDim }: ModelSpec,
): Value {
  const of = namesOf(history);
  const layer = (x: Value, name: string): Value =>
    blocks.denseLayer(x, parameters.matrix(of(name)), null, false);
  const marks = inputs.marks(history);
  const told = marks && layer(marks, 'marks');
  const normal = (x: Value, name: string): Value =>
    blocks.layerNorm(
      x,
      parameters.vector(of(`${name}.gain`)),
      parameters.vector(of(`${name}.bias`)),
    );
  return layerNames.reduce((below, name) => {
    const placed = blocks.addPositions(below, parameters.matrix(of('positions')));
    const seen = normal(told ? blocks.add([placed, told]) : placed, `${name}.attention`);
    const attended = blocks.attention(
      ...([layer(seen, `${name}.query`), layer(seen, `${name}.key`)] as const),
      ...([layer(below, `${name}.value`), attentionHeads(factorDim), 'causal'] as const),
    );
    const middle = blocks.add([below, layer(attended, `${name}.out`)]);
    const wide = blocks.denseLayer(
      marks ? blocks.concatColumns(middle, marks) : middle,
      parameters.matrix(of(`${name}.wide.kernel`)),
      parameters.vector(of(`${name}.wide.bias`)),
      true,
    );
    return blocks.add([middle, layer(wide, `${name}.narrow.kernel`)]);
  }, inputs.occurrences(history.slot));
}

/** Two where vectors can be halved: what an event is like, and what is often done after it. */
function attentionHeads(factorDim: number): number {
  return factorDim % 2 === 0 ? 2 : 1;
}
