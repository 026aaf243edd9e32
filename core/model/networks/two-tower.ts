import type { Blocks, Value } from '../blocks.js';
import type {
  InputPart,
  ModelSpec,
  Network,
  NetworkInputs,
  ParameterDeclaration,
  Parameters,
} from '../network.js';
import { headParameters, perHead } from './heads.js';
import { partsWidth, sidePlaces } from './inputs.js';
import { placesOf, runsOf, sidesIn, type TowerName } from './input-sides.js';
import { lastOf, layerParameters, layers } from './tower.js';

/**
 * A vector of who asks and one of what is asked for, by layers of their own, and their product ("Sampling-bias-corrected neural modeling for
 * large corpus item recommendations", Yi et al., 2019). Of an item nothing depends on who asks, so its vector can be kept and looked for among
 * millions; what is of pairs has a weight in the score, and no part in vectors.
 *
 *   user, context ─▶ hidden … ─▶ u [k] ─┐
 *                                       u·v + first-order part of each side
 *   item ──────────▶ hidden … ─▶ v [k] ─┘
 */
export const twoTower: Network = {
  parameters: (spec) => [
    { name: 'bias', shape: [1], initial: 'zeros' },
    ...(['user', 'item', 'pair'] as const).flatMap((side) => linearParameters(side, spec)),
    ...headParameters(spec),
    ...(hasTowers(spec) ? towerNames.flatMap((tower) => towerParameters(tower, spec)) : []),
  ],
  forward: (blocks, inputs, parameters, spec) => {
    const weights = blocks.sumColumns(inputs.weights);
    const terms = [
      blocks.addBias(weights, parameters.vector('bias')),
      ...(['user', 'item', 'pair'] as const).flatMap((side) =>
        linearTerm(side, blocks, inputs, parameters, spec),
      ),
    ];
    if (hasTowers(spec)) {
      const [user, item] = towerNames.map((tower) =>
        vectorOf(tower, blocks, inputs, parameters, spec),
      );
      terms.push(blocks.sumColumns(blocks.multiply(user!, item!)));
    }
    return perHead(blocks, blocks.add(terms), parameters, spec);
  },
};

const towerNames = ['user', 'item'] as const;

/** Of each example both vectors and what its item has of its own, [n, 2·k + 1]: u₁ … u_k, v₁ … v_k, b. The score is u·v + b and what is the user's alone. */
export function towerVectors(
  blocks: Blocks,
  inputs: NetworkInputs,
  parameters: Parameters,
  spec: ModelSpec,
): Value {
  const [user, item] = towerNames.map((tower) => vectorOf(tower, blocks, inputs, parameters, spec));
  const own = [
    blocks.sumColumns(ofSide(blocks, inputs.weights, placesOf('item', sidesIn(spec).slots), 1)),
    ...linearTerm('item', blocks, inputs, parameters, spec),
  ];
  return blocks.concatColumns(blocks.concatColumns(user!, item!), blocks.add(own));
}

/** Whether there is somebody on both sides. */
export function hasTowers(spec: ModelSpec): boolean {
  return towerNames.every((tower) => placesOf(tower, sidesIn(spec).slots).length > 0);
}

function partsOf(tower: TowerName): readonly InputPart[] {
  return [
    { side: tower, of: 'vectors' },
    { side: tower, of: 'numbers' },
  ];
}

function towerParameters(tower: TowerName, spec: ModelSpec): ParameterDeclaration[] {
  const parts = partsOf(tower);
  const last = lastOf(parts, spec);
  const shape = [partsWidth(last, spec), spec.factorDim] as const;
  return [
    ...layerParameters(`${tower}.hidden`, parts, spec.hidden, spec),
    { name: `${tower}.vector`, shape, initial: 'glorot', rows: last },
  ];
}

/** [n, k] */
function vectorOf(
  tower: TowerName,
  blocks: Blocks,
  { vectors, dense }: NetworkInputs,
  parameters: Parameters,
  spec: ModelSpec,
): Value {
  const { slots, columns } = sidesIn(spec);
  const rows = ofSide(blocks, vectors, placesOf(tower, slots), spec.factorDim);
  const numbers = placesOf(tower, columns);
  const seen =
    dense && numbers.length > 0
      ? blocks.concatColumns(rows, ofSide(blocks, dense, numbers, 1))
      : rows;
  const last = layers(blocks, `${tower}.hidden`, seen, spec.hidden, parameters, spec);
  return blocks.denseLayer(last, parameters.matrix(`${tower}.vector`), null, false);
}

type LinearSide = TowerName | 'pair';

function numbersOf(side: LinearSide, spec: ModelSpec): number[] {
  return sidePlaces({ side, of: 'numbers' }, spec);
}

function linearParameters(side: LinearSide, spec: ModelSpec): ParameterDeclaration[] {
  const count = numbersOf(side, spec).length;
  if (count === 0) return [];
  const rows: readonly InputPart[] = [{ side, of: 'numbers' }];
  return [{ name: `${side}.linear`, shape: [count, 1], initial: 'zeros', rows }];
}

function linearTerm(
  side: LinearSide,
  blocks: Blocks,
  { dense }: NetworkInputs,
  parameters: Parameters,
  spec: ModelSpec,
): Value[] {
  const places = numbersOf(side, spec);
  if (dense === null || places.length === 0) return [];
  const numbers = ofSide(blocks, dense, places, 1);
  return [blocks.denseLayer(numbers, parameters.matrix(`${side}.linear`), null, false)];
}

/** Of parts `width` wide that lie beside one another, those at these places. */
function ofSide(blocks: Blocks, x: Value, places: readonly number[], width: number): Value {
  return runsOf(places)
    .map(([first, count]) => blocks.sliceColumns(x, first * width, count * width))
    .reduce((left, right) => blocks.concatColumns(left, right));
}
