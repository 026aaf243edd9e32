import type { EarlierShape, Lineage, ParameterShape } from '../base/lineage.js';
import { earlierShapesMax } from '../base/lineage.js';
import type { ConfigChange } from '../config/plan/change.js';
import { forgottenBy } from '../config/plan/plan.js';
import type { ClusterConfig } from '../config/schema.js';
import { columnShapes } from '../features/column-shapes.js';
import { historyShapes } from '../features/history-shapes.js';
import type { ModelSpec } from '../model/network.js';
import { networkOf } from '../model/networks/networks.js';
import { blueprintOf } from './blueprint.js';

/**
 * The configuration that follows another one, with what its actors have to know of those before.
 *
 * @param changes as the plan has them; what they forget is allowed.
 */
export function succeeding(
  before: ClusterConfig,
  after: ClusterConfig,
  changes: readonly ConfigChange[],
): ClusterConfig {
  const version = versionOf(before) + 1;
  const known = [...(before.lineage?.earlier ?? []), shapeOf(before)];
  const born = bornAfter(before, after, { changes, version, known });
  const { hash } = blueprintOf({ ...after, lineage: { version, born, earlier: [] } });
  // One that is as now needs no reading by another.
  const earlier = known.filter(
    ({ model }, i) => model !== hash && known.findIndex((each) => each.model === model) === i,
  );
  return { ...after, lineage: { version, born, earlier: earlier.slice(-earlierShapesMax) } };
}

export function versionOf({ lineage }: Pick<ClusterConfig, 'lineage'>): number {
  return lineage?.version ?? 1;
}

interface Succession {
  readonly changes: readonly ConfigChange[];
  readonly version: number;
  readonly known: readonly EarlierShape[];
}

function bornAfter(
  before: ClusterConfig,
  after: ClusterConfig,
  { changes, version, known }: Succession,
): Lineage['born'] {
  const forgotten = new Set(forgottenBy(changes));
  const { features: bornBefore = {}, network, rows } = before.lineage?.born ?? {};
  const wasThere = (name: string): boolean =>
    known.some(
      ({ slots, columns }) =>
        slots.includes(name) || columns.some((column) => column.name === name),
    );
  const isNew = (name: string): boolean =>
    forgotten.has(name) || (!Object.hasOwn(before.features, name) && wasThere(name));
  const features = Object.keys(after.features).flatMap((name) => {
    if (isNew(name)) return [[name, version] as const];
    return Object.hasOwn(bornBefore, name) ? [[name, bornBefore[name]!] as const] : [];
  });
  const beginsRows = forgotten.has('model.rows');
  const beginsNetwork = beginsRows || forgotten.has('model.network');
  const since = (begins: boolean, was: number | undefined, name: string): object => {
    const at = begins ? version : was;
    return at === undefined ? {} : { [name]: at };
  };
  return {
    features: Object.fromEntries(features),
    ...since(beginsNetwork, network, 'network'),
    ...since(beginsRows, rows, 'rows'),
  };
}

function shapeOf(config: ClusterConfig): EarlierShape {
  const { spec, hash, outcomes, values, model } = blueprintOf(config);
  return {
    version: versionOf(config),
    ...{ spec: spec.hash, model: hash },
    slots: spec.slots.map(({ name }) => name),
    columns: columnShapes(spec.dense),
    histories: historyShapes(spec),
    events: Object.keys(config.events),
    outcomes,
    values: outcomes.filter((_name, head) => values[head] !== undefined),
    ...{ network: model.network, factorDim: model.factorDim, hidden: model.hidden },
    ...(model.networkCode === undefined ? {} : { parameters: parametersOf(model) }),
    ...(model.sides ? { sides: model.sides } : {}),
    ...(model.experts === undefined ? {} : { experts: model.experts }),
    ...(model.layerNorm ? { layerNorm: true } : {}),
  };
}

function parametersOf(model: ModelSpec): ParameterShape[] {
  return networkOf(model)
    .parameters(model)
    .map(({ name, shape, rows, columns }) => ({
      ...{ name, shape },
      ...(rows ? { rows } : {}),
      ...(columns ? { columns } : {}),
    }));
}
