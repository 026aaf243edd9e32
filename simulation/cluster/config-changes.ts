import type { ClusterConfig } from '../../core/config/schema.js';
import { parseClusterConfig } from '../../core/config/schema.js';

type Features = Record<string, object>;
type Declared = Omit<ClusterConfig, 'lineage'>;

/** Another configuration; undefined where there is nothing to be changed so. @param chance in [0, 1). */
type Change = (config: Declared, chance: number) => object | undefined;

const withFeatures = (config: Declared, change: (features: Features) => Features): object => ({
  ...config,
  features: change({ ...config.features }),
});

/** Comes, or where it is there already goes. */
const comesOrGoes =
  (name: string, declared: object): Change =>
  (config) =>
    withFeatures(config, (features) => {
      const others = Object.entries(features).filter(([each]) => each !== name);
      const isThere = Object.hasOwn(features, name);
      // First: nothing goes by the order, nor by the place in it.
      return Object.fromEntries(isThere ? others : [[name, declared], ...others]);
    });

const redeclared =
  (name: string, fields: (chance: number) => object): Change =>
  (config, chance) =>
    Object.hasOwn(config.features, name)
      ? withFeatures(config, (features) => ({
          ...features,
          [name]: { ...features[name], ...fields(chance) },
        }))
      : undefined;

const oneOf = <T>(all: readonly T[], chance: number): T => all[Math.floor(chance * all.length)]!;

/** What a seed may make of a configuration, by what it is called in the coverage. */
export const configChanges = {
  'a feature comes or goes': (config, chance) =>
    oneOf(
      [
        comesOrGoes('age', { entity: 'user', kind: 'buckets', boundaries: [25, 50] }),
        comesOrGoes('country', { entity: 'user', kind: 'id' }),
        // Before all others of its entity: places of slots are others then.
        comesOrGoes('about', { entity: 'user', kind: 'vocabulary', values: ['a', 'b'] }),
      ],
      chance,
    )(config, chance),
  'a history comes or goes': (config, chance) =>
    comesOrGoes('bought', {
      entity: 'user',
      kind: 'history',
      of: 'item',
      events: ['purchase'],
      length: 2,
    })(config, chance),
  'a number comes or goes': (config, chance) =>
    oneOf(
      [
        comesOrGoes('seen', { entity: 'item', kind: 'count', events: ['shown'] }),
        comesOrGoes('taps', { entity: 'user', kind: 'count' }),
        comesOrGoes('height', { entity: 'user', kind: 'dense' }),
      ],
      chance,
    )(config, chance),
  'features stand in another order': (config) =>
    withFeatures(config, (features) => Object.fromEntries(Object.entries(features).toReversed())),
  // Anew: a list says of itself what an id must not.
  'an id becomes a list, or one again': (config) =>
    withFeatures(config, (features) => {
      const kind = config.features['user']?.kind === 'ids' ? 'id' : 'ids';
      return { ...features, user: { entity: 'user', kind } };
    }),
  'buckets become others': redeclared('age', (chance) => ({
    boundaries: oneOf([[25, 50], [30], [20, 40, 60]], chance),
  })),
  'a history becomes longer or shorter': redeclared('recent', (chance) => ({
    length: 2 + Math.floor(4 * chance),
  })),
  'a window becomes another': (config, chance) => ({
    ...config,
    joining: { ...config.joining, windowMs: oneOf([4_000, 5_000, 7_000], chance) },
  }),
  'what actors go by': (config, chance) => ({
    ...config,
    sync: { ...config.sync, sparseMsMax: oneOf([300, 500, 800], chance) },
    model: {
      ...config.model,
      rows: { ...config.model.rows, learningRate: oneOf([0.01, 0.05], chance) },
    },
  }),
  'what is free': (config, chance) => ({
    ...config,
    score: Object.fromEntries(
      Object.keys(config.score).map((name) => [name, 1 + Math.floor(5 * chance)]),
    ),
    simulation: { ...config.simulation, users: 100 + Math.floor(100 * chance) },
  }),
  'the network begins anew': (config, chance) => ({
    ...config,
    model: { ...config.model, hidden: oneOf([[4], [3], [5, 3]], chance) },
  }),
  'all rows begin anew': (config, chance) => ({
    ...config,
    model: { ...config.model, factorDim: oneOf([4, 6], chance) },
  }),
  'what is impossible': (config, chance) =>
    oneOf(
      [
        { ...config, partitions: 2 * config.partitions },
        { ...config, currency: 'CHF' },
        {
          ...config,
          dataCenters: [...config.dataCenters, { name: 'north', role: 'inference' }],
        },
      ],
      chance,
    ),
} as const satisfies Readonly<Record<string, Change>>;

export type ConfigChangeName = keyof typeof configChanges;

export const configChangeNames = Object.keys(configChanges) as ConfigChangeName[];

/** @returns undefined where there is nothing to be changed so. */
export function changedConfig(
  name: ConfigChangeName,
  config: ClusterConfig,
  chance: number,
): ClusterConfig | undefined {
  const changed = configChanges[name](config, chance);
  return changed && parseClusterConfig(changed);
}
