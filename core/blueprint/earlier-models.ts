import type { EarlierShape, Lineage, ParameterShape } from '../base/lineage.js';
import { bornIn } from '../base/lineage.js';
import type { Blueprint } from './blueprint.js';
import { columnShapes } from '../features/column-shapes.js';
import { slotIdOf } from '../features/slot-id.js';
import type { StillThere } from '../model/carried-parameters.js';
import {
  carriedOptimizerState,
  carriedParameters,
  parameterSources,
  parametersOf,
  type NetworkShape,
} from '../model/carried-parameters.js';
import type { InputSides, ModelSpec, ParameterDeclaration } from '../model/network.js';
import { historiesIn } from '../model/histories-in.js';
import { numbersIn } from '../model/numbers-in.js';

/** What was learned with an earlier configuration, as it is read now. */
export interface EarlierModel {
  /** Ids of slots whose rows go on; those of others are passed over. */
  readonly keptSlots: ReadonlySet<number>;
  /** Numbers of its network, and of the calibration and the scales behind it. */
  readonly parameterCount: number;
  /** f32 [parameterCount] → those of now. */
  readonly parameters: (values: Float32Array) => Float32Array;
  /** f32 [2 × parameterCount] → that of now. */
  readonly optimizerState: (values: Float32Array) => Float32Array;
}

/** By the hash of their blueprint. */
export type KnownModels = ReadonlyMap<string, EarlierModel>;

/** @param fresh the parameters before anything is learned. */
export function earlierModelsOf(
  lineage: Lineage | undefined,
  { spec, model, outcomes }: Pick<Blueprint, 'spec' | 'model' | 'outcomes'>,
  fresh: () => Float32Array,
): KnownModels {
  if (!lineage) return new Map();
  const slots = spec.slots.map(({ name }) => name);
  const columns = columnShapes(spec.dense);
  const now = { model, slots, columns, outcomes };
  return new Map(
    lineage.earlier.map((shape) => [shape.model, earlierModel(lineage, shape, now, fresh)]),
  );
}

function earlierModel(
  lineage: Lineage,
  shape: EarlierShape,
  now: NetworkShape,
  fresh: () => Float32Array,
): EarlierModel {
  const { version, slots } = shape;
  const { network = 0, rows = 0 } = lineage.born;
  const still: StillThere = {
    feature: (name) => bornIn(lineage, name) <= version,
    network: network <= version,
    rows: rows <= version,
  };
  const then = networkShapeOf(shape);
  // Once, and only where something of then is read.
  let sources: Int32Array | undefined;
  const known = (): Int32Array => (sources ??= parameterSources(now, then, still));
  const kept = slots.filter(
    (name) => still.rows && still.feature(name) && now.slots.includes(name),
  );
  return {
    keptSlots: new Set(kept.map(slotIdOf)),
    parameterCount: parametersOf(then),
    parameters: (values) => carriedParameters(values, known(), fresh()),
    optimizerState: (values) => carriedOptimizerState(values, known()),
  };
}

function networkShapeOf(shape: EarlierShape): NetworkShape {
  const { slots, columns, outcomes, values, factorDim, hidden, histories, events } = shape;
  return {
    ...{ slots, columns, outcomes },
    ...(shape.parameters ? { declared: shape.parameters.map(declarationOf) } : {}),
    model: {
      network: shape.network as ModelSpec['network'],
      ...{ factorDim, hidden },
      ...(shape.sides ? { sides: shape.sides as InputSides } : {}),
      ...(shape.experts === undefined ? {} : { experts: shape.experts }),
      ...(shape.layerNorm ? { layerNorm: true } : {}),
      ...{ slotCount: slots.length, ...numbersIn(columns), heads: outcomes.length },
      ...historiesIn(histories ?? [], slots, events ?? []),
      losses: outcomes.map((name) => (values.includes(name) ? 'squared' : 'cross-entropy')),
    },
  };
}

/** What it began with is of no account. */
function declarationOf(shape: ParameterShape): ParameterDeclaration {
  return { ...(shape as Omit<ParameterDeclaration, 'initial'>), initial: 'zeros' };
}
