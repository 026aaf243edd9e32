import type { Blocks, Value } from '../blocks.js';
import { markNames, markWidth, type HistoryInput } from '../history-marks.js';
import type {
  InputPart,
  ModelSpec,
  NetworkInputs,
  ParameterDeclaration,
  Parameters,
} from '../network.js';
import { withOwn } from './heads.js';
import { inputParts } from './inputs.js';
import { factorTerms } from './linear.js';
import { inputsOf, tower, towerParameters } from './tower.js';

/**
 * What somebody's history says of a candidate: each of its events counts as much as it has to do with it, and the sum of their vectors in
 * these shares is what he is interested in here (DIN, Zhou et al., 2018).
 *
 *   candidate c, event h      share = softmax over events of (s·p + unit(p, marks)),  p = h ⊙ c·Q
 *   interest = (Σ share · h)·V,  match = interest · c·V
 *
 * The paper's unit, a small layer, starts at nothing beside the product of the two vectors: as that is large where an event is of what the
 * candidate is, attention is right from the first vectors on, and the unit learns what else matters (how long ago it was, what was done).
 * Shares make 1, where the paper leaves their sum to the unit: without, what a network says depends on how much somebody did. Layers on single
 * events are few, as there are fifty for each candidate: keys are multiplied on the side of the candidate, values when they are added up.
 */
const unitWidth = 16;

/** Of one history. @param width of what stands for an event, and for the candidate beside it. */
export function interestParameters(
  history: HistoryInput,
  width: number,
  { factorDim }: ModelSpec,
): ParameterDeclaration[] {
  const of = namesOf(history);
  return [
    { name: of('query'), shape: [width, width], initial: 'identity' },
    { name: of('sharpness'), shape: [width, 1], initial: 'ones' },
    {
      ...{ name: of('unit.kernel'), shape: [width + markWidth(history), unitWidth] },
      ...{ initial: 'glorot', rows: [{ units: width }, { names: markNames(history) }] },
    },
    { name: of('unit.bias'), shape: [unitWidth], initial: 'zeros' },
    { name: of('unit.output'), shape: [unitWidth, 1], initial: 'zeros' },
    { name: of('value'), shape: [width, factorDim], initial: 'identity' },
  ];
}

export interface Interest {
  /** [n, factorDim] */
  readonly interest: Value;
  /** [n, 1] */
  readonly match: Value;
}

/**
 * @param events [occurrences, width]
 * @param candidate [n, width]
 */
export function interestIn(
  blocks: Blocks,
  history: HistoryInput,
  { events, candidate }: { readonly events: Value; readonly candidate: Value },
  inputs: NetworkInputs,
  parameters: Parameters,
): Interest {
  const of = namesOf(history);
  const layer = (x: Value, name: string): Value =>
    blocks.denseLayer(x, parameters.matrix(of(name)), null, false);
  const query = blocks.repeat(layer(candidate, 'query'), events);
  const product = blocks.multiply(events, query);
  const marks = inputs.marks(history);
  const unit = blocks.denseLayer(
    marks ? blocks.concatColumns(product, marks) : product,
    parameters.matrix(of('unit.kernel')),
    parameters.vector(of('unit.bias')),
    true,
  );
  const score = blocks.add([layer(product, 'sharpness'), layer(unit, 'unit.output')]);
  const share = blocks.softmaxOccurrences(score);
  const interest = layer(blocks.pool(blocks.scaleRows(events, share), 'sum'), 'value');
  const vector = layer(candidate, 'value');
  return { interest, match: blocks.sumColumns(blocks.multiply(interest, vector)) };
}

/** A parameter of one history goes with it, by its name. */
export function namesOf({ name }: HistoryInput): (parameter: string) => string {
  return (parameter) => `history.${name}.${parameter}`;
}

/** How much each match counts. */
function matchParameters({ histories = [], heads }: ModelSpec): ParameterDeclaration[] {
  if (histories.length === 0) return [];
  const shape = [histories.length, heads] as const;
  return [{ name: 'match.kernel', shape, initial: 'ones', rows: ['matches'], columns: 'heads' }];
}

function partsOf({ histories = [] }: ModelSpec): readonly InputPart[] {
  return histories.length > 0 ? [...inputParts, 'interests'] : inputParts;
}

/** What is above the histories: DeepFM, whose hidden layers see interests, and matches beside its products. */
export function interestTowerParameters(spec: ModelSpec): ParameterDeclaration[] {
  return [...matchParameters(spec), ...towerParameters(partsOf(spec), spec)];
}

export function interestTower(
  blocks: Blocks,
  found: readonly Interest[],
  inputs: NetworkInputs,
  parameters: Parameters,
  spec: ModelSpec,
): Value {
  const beside = (values: readonly Value[]): Value =>
    values.reduce((left, right) => blocks.concatColumns(left, right));
  const seen = beside([inputsOf(blocks, inputs), ...found.map(({ interest }) => interest)]);
  const deep = tower(blocks, seen, parameters, spec);
  const shared = factorTerms(blocks, inputs, parameters, spec);
  if (found.length === 0) return withOwn(blocks, shared, deep, parameters, spec);
  const matches = beside(found.map(({ match }) => match));
  const own = blocks.denseLayer(matches, parameters.matrix('match.kernel'), null, false);
  return withOwn(blocks, shared, blocks.add([own, deep]), parameters, spec);
}
