import { createHash } from 'node:crypto';
import type { ModelIdentity } from '../base/model-identity.js';
import type { ClusterConfig } from '../config/schema.js';
import { modelOf } from '../config/schema.js';
import type { TableSpec } from '../embedding/embedding-table.js';
import type { PartitionCapacity } from '../embedding/partition.js';
import type { ServingTableSpec } from '../embedding/serving/serving-table.js';
import type { FeatureSpec, Slot } from '../features/feature-spec.js';
import { columnShapes } from '../features/column-shapes.js';
import { historyShapes } from '../features/history-shapes.js';
import { featureSpecOf } from '../features/feature-spec.js';
import type { AdamOptions } from '../model/adam.js';
import { adamDefaults } from '../model/adam.js';
import { denseLayout, initialDense } from '../model/dense-parameters.js';
import { graphOf } from '../model/graph.js';
import { calibrationSize, initialCalibration } from '../model/score-calibration.js';
import { scalesSize } from '../model/number-scales.js';
import { historiesIn } from '../model/histories-in.js';
import { numbersIn } from '../model/numbers-in.js';
import type { InputSides, ModelSpec } from '../model/network.js';
import { rowWidth } from '../model/network.js';
import type { ValueTransform } from '../model/value-transform.js';
import type { Pooling } from '../model/row-gather.js';
import type { KnownModels } from './earlier-models.js';
import { earlierModelsOf } from './earlier-models.js';
import { outcomeNames, valueScales } from './join-rules.js';
import {
  countsExamples,
  definedOf,
  initializerOf,
  optimizerOf,
  rowsOfSlot,
  type SlotRows,
} from './slot-rows.js';

/**
 * What the configuration means for parameters: the one place where features and model become table shapes. Trainer,
 * shards and rankers derive it alike, and its hash travels with what they exchange, so that none can take rows of
 * another shape for its own.
 */
export interface Blueprint {
  /** The model that its tables and network are of. */
  readonly of: ModelIdentity;
  readonly spec: FeatureSpec;
  readonly model: ModelSpec;
  /** What is predicted, in the order of the heads. */
  readonly outcomes: readonly string[];
  /** By head, the scale of the value that it predicts; undefined for a chance. */
  readonly values: readonly (ValueTransform | undefined)[];
  readonly slotCount: number;
  /** Values per row: the first-order weight and the vector. */
  readonly dim: number;
  readonly poolings: readonly Pooling[];
  /** By slot, the slot whose rows its fids have: a history has those of what it is of. */
  readonly rowsOf: Uint32Array;
  readonly tables: readonly TableSpec[];
  /** By slot, whether its rows count what single examples say (`accumulates` of Adagrad). */
  readonly countsExamples: readonly boolean[];
  /** Memory of one partition of the training tables; undefined without a limit. */
  readonly capacity: PartitionCapacity | undefined;
  /** Weights only, as `model.rows.serving` says. */
  readonly servingTables: readonly ServingTableSpec[];
  readonly adam: AdamOptions;
  readonly partitionCount: number;
  readonly hash: string;
  /** What was learned with configurations of before is read by these. */
  readonly earlier: KnownModels;
  readonly seed: number;
}

const openEnded: ReadonlySet<Slot['coding']['kind']> = new Set(['id', 'ids']);

export function blueprintOf(config: ClusterConfig): Blueprint {
  const spec = featureSpecOf(config.features, config.lineage);
  const { network, factorDim, hidden, rows, slots, dense, seed } = config.model;
  const outcomes = outcomeNames(config);
  const values = valueScales(config);
  const hasValues = values.some((scale) => scale !== undefined);
  const model = modelSpecOf(config, spec);
  // What is wrong with a network of one's own is told before anything is made of it.
  if (model.networkCode !== undefined) graphOf(model);
  const dim = rowWidth(model);
  const rowsOf = (slot: Slot) => rowsOfSlot(slot, rows, slots[slot.name]);
  const tables = spec.slots.map((slot) => tableOf(slot, rowsOf(slot), { dim, seed }));
  const { network: networkBorn, rows: rowsBorn } = config.lineage?.born ?? {};
  return {
    of: modelOf(config),
    spec,
    model,
    ...{ outcomes, values },
    slotCount: model.slotCount,
    dim,
    poolings: spec.slots.map((slot) => slot.pooling),
    rowsOf: Uint32Array.from(spec.slots, (slot) => slot.rowsOf),
    tables,
    countsExamples: tables.map(countsExamples),
    capacity:
      rows.memoryBytesMax === undefined
        ? undefined
        : { bytesMax: rows.memoryBytesMax / config.partitions, evict: rows.evict },
    servingTables: spec.slots.map((slot) => ({
      slot: slot.id,
      dim,
      compression: rowsOf(slot).serving,
      // The first-order weight has another scale than the factors.
      fp32Prefix: 1,
      seed,
    })),
    adam: { ...adamDefaults, ...definedOf(dense) } as AdamOptions,
    partitionCount: config.partitions,
    hash: hashOf(spec.hash, {
      // Of one of one's own the code counts, wherever its file lies.
      network: model.networkCode === undefined ? network : 'own',
      factorDim,
      hidden,
      rows: tables.map(({ optimizer, initializer }) => [optimizer.kind, initializer]),
      partitions: config.partitions,
      calibration: 'beta',
      ...(model.networkCode === undefined ? {} : { networkCode: digestOf(model.networkCode) }),
      ...(model.experts === undefined ? {} : { experts: model.experts }),
      ...(model.layerNorm ? { layerNorm: true } : {}),
      ...(scalesSize(model) > 0 ? { scales: 'quantiles' } : {}),
      // One is what there was before there could be more.
      ...(outcomes.length === 1 ? {} : { outcomes }),
      ...(hasValues ? { values } : {}),
      // Marks are columns of a network that looks at them, one for each type.
      ...(model.histories?.some(({ events }) => events.length > 0)
        ? { events: Object.keys(config.events) }
        : {}),
      ...definedOf({ networkBorn, rowsBorn }),
    }),
    earlier: earlierModelsOf(config.lineage, { spec, model, outcomes }, () =>
      initialParameters({ model, seed }),
    ),
    seed,
  };
}

function tableOf(
  slot: Slot,
  own: SlotRows,
  shape: Readonly<Record<'dim' | 'seed', number>>,
): TableSpec {
  return {
    ...{ slot: slot.id, ...shape },
    initializer: initializerOf(own),
    optimizer: optimizerOf(own),
    // Listed values and buckets are few, and each comes back.
    admission: openEnded.has(slot.coding.kind) ? own.admission : { kind: 'always' },
    ...(own.expireAfterMs === undefined ? {} : { expireAfterSeconds: own.expireAfterMs / 1000 }),
  };
}

function modelSpecOf(config: ClusterConfig, spec: FeatureSpec): ModelSpec {
  const { network, networkCode, factorDim, hidden, heads } = config.model;
  const { layerNorm, dropout, labelSmoothing } = config.model;
  const scales = valueScales(config);
  const hasValues = scales.some((scale) => scale !== undefined);
  return {
    ...{ network, factorDim, hidden },
    ...(networkCode === undefined ? {} : { networkCode }),
    ...(heads === 'shared' ? {} : { experts: heads.experts }),
    ...(layerNorm ? { layerNorm } : {}),
    ...(dropout > 0 ? { dropout } : {}),
    ...(labelSmoothing > 0 ? { labelSmoothing } : {}),
    slotCount: spec.slots.length,
    ...(network === 'two-tower' || networkCode !== undefined ? { sides: sidesOf(spec) } : {}),
    ...numbersIn(columnShapes(spec.dense)),
    ...historiesIn(
      historyShapes(spec),
      spec.slots.map(({ name }) => name),
      Object.keys(config.events),
    ),
    heads: scales.length,
    ...(hasValues ? { losses: scales.map((scale) => (scale ? 'squared' : 'cross-entropy')) } : {}),
  };
}

function sidesOf({ slots, dense }: FeatureSpec): InputSides {
  return {
    slots: slots.map(({ entity }) => entity),
    columns: dense.flatMap(({ entity, width }) => new Array<typeof entity>(width).fill(entity)),
  };
}

/** Numbers of the network; behind them are the calibration of its scores, and the scales of its numbers. */
export function parameterCounts({ model }: Pick<Blueprint, 'model'>) {
  const network = denseLayout(model).size;
  const calibration = calibrationSize(model.heads);
  return { network, calibration, all: network + calibration + scalesSize(model) };
}

export function initialParameters({
  model,
  seed,
}: Pick<Blueprint, 'model' | 'seed'>): Float32Array {
  const { network, all } = parameterCounts({ model });
  const values = new Float32Array(all);
  values.set(initialDense(model, seed));
  values.set(initialCalibration(model.heads), network);
  return values;
}

function hashOf(specHash: string, shape: Readonly<Record<string, unknown>>): string {
  return digestOf(JSON.stringify([specHash, shape]));
}

/** Of a text: 16 hexadecimal digits. */
export function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}
