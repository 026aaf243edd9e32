import { z } from 'zod';
import { StarlingError } from '../base/errors.js';
import type { Lineage } from '../base/lineage.js';
import { isLineage } from '../base/lineage.js';
import type { ModelIdentity } from '../base/model-identity.js';
import { isModelIdentity, mainIdentity } from '../base/model-identity.js';
import { dataCentersDefault } from './defaults.js';
import { problemsOf } from './explain.js';
import {
  currencySchema,
  eventsSchema,
  identitySchema,
  ignoreSchema,
  limitsSchema,
  organicSchema,
  outcomesSchema,
  ratesSchema,
  scoreSchema,
} from './events-schema.js';
import { logsSchema } from './logs-schema.js';
import { attributesSchema } from './attributes-schema.js';
import { featuresSchema } from './feature-schema.js';
import { filesSchema, timezoneSchema } from './files-schema.js';
import { originDeclaration, originName } from '../features/origin.js';
import { clusterNameDefault, clusterNameExpected, isClusterName } from './cluster-name.js';
import { integer, section } from './fields.js';
import { brokenRelations } from './relations.js';

import {
  actorsSchema,
  dataCenterSchema,
  joiningSchema,
  modelSchema,
  natsSchema,
  servingSchema,
  simulationSchema,
  snapshotsSchema,
  supervisionSchema,
  syncSchema,
  trainingSchema,
} from './sections.js';

const clusterNameSchema = z
  .string({ error: clusterNameExpected })
  .refine(isClusterName, { error: clusterNameExpected })
  .describe(
    'The namespace of the cluster: subjects begin with it (`shop.recommend`), streams and the bucket with its capitals (`SHOP_JOIN`; without a prefix for `starling`), so that clusters of different names share NATS servers and never meet. Fixed for the life of a cluster.',
  );

/**
 * What cluster.config.ts declares. Only the features have no default. Mistakes are found when the cluster starts and
 * not when an actor first reads the field: unknown keys are errors, since a misspelt limit would be no limit at all.
 *
 * A parsed configuration is itself a valid input: actors receive it as JSON and parse it again.
 */
export const clusterSchema = section({
  name: clusterNameSchema.default(clusterNameDefault),
  dataCenters: z
    .array(dataCenterSchema, { error: 'expected a list of data centers: {name, role}' })
    .max(16, { error: 'expected at most 16 data centers' })
    .default(dataCentersDefault)
    .describe(
      'One training, at least one inference, or one that is all. With two, the loss of one stops changes to streams.',
    ),
  features: featuresSchema,
  attributes: attributesSchema
    .prefault({})
    .describe(
      'What is known of items and users beside features, or what features are of as such: it is stored, filtered on and returned. What is told without being declared is kept too, and named in `starling status`.',
    ),
  model: modelSchema.prefault({}).describe('The network and its optimizers.'),
  partitions: integer(
    { min: 1, max: 4096 },
    'Hash ranges of keys, fixed for the life of a cluster. Too few: shards can not share the load evenly, nor grow in number. Too many: many small messages.',
  ).default(8),
  standby: integer(
    { min: 0, max: 1 },
    'Copies of each partition that another ps-shard keeps up to date and serves at once when the owner dies. 1 doubles the memory for rows. 0: a killed owner is restarted and reads its rows back first.',
  ).default(0),
  actors: actorsSchema.prefault({}).describe('How many of each kind.'),
  events: eventsSchema,
  outcomes: outcomesSchema,
  score: scoreSchema,
  currency: currencySchema,
  rates: ratesSchema,
  organic: organicSchema.prefault({}).describe('Events that follow no slate of ours.'),
  identity: identitySchema.prefault({}).describe('Visitors who turn out to be users.'),
  ignore: ignoreSchema,
  limits: limitsSchema.prefault({}).describe('What is too much for a person.'),
  logs: logsSchema.prefault({}).describe('How long logs of what people did are kept.'),
  joining: joiningSchema.prefault({}).describe('Impressions and actions become samples.'),
  sync: syncSchema.prefault({}).describe('How what is learned reaches serving.'),
  snapshots: snapshotsSchema.prefault({}).describe('Copies of all rows, which shorten the log.'),
  training: trainingSchema.prefault({}).describe('Batches of samples.'),
  serving: servingSchema.prefault({}).describe('Limits and mix of a recommendation.'),
  supervision: supervisionSchema.prefault({}).describe('When actors are given up and restarted.'),
  nats: natsSchema.prefault({}).describe('The servers that the cluster starts.'),
  files: filesSchema,
  timezone: timezoneSchema,
  simulation: simulationSchema.prefault({}).describe('The simulated audience.'),
});

/** What a config file may leave out is optional here. */
export type ClusterConfigInput = z.input<typeof clusterSchema>;

/** Every field present. */
export type ClusterConfig = z.output<typeof clusterSchema> & {
  /** What the cluster has noted of the configurations before; left out: there were none, or none that differ in what is learned. */
  readonly lineage?: Lineage;
  /** The model that its actors are of; left out: `main`. */
  readonly ofModel?: ModelIdentity;
};

/** The model that the actors of a configuration are of. */
export function modelOf({ ofModel }: Pick<ClusterConfig, 'ofModel'>): ModelIdentity {
  return ofModel ?? mainIdentity;
}

/** What is wrapped in this is checked by the editor as it is typed; nothing happens at run time. */
export function defineCluster(config: ClusterConfigInput): ClusterConfigInput {
  return config;
}

/**
 * Checks a configuration and fills in its defaults.
 *
 * @throws StarlingError CONFIG_INVALID whose message has one line for each problem: the path of the field, what is
 *   allowed, and what was found. `details.fields` has the paths.
 */
export function parseClusterConfig(given: unknown): ClusterConfig {
  const { input, ...written } = apart(given);
  const parsed = clusterSchema.safeParse(input);
  const problems = parsed.success
    ? brokenRelations(parsed.data)
    : problemsOf(parsed.error.issues, input);
  if (parsed.success && problems.length === 0) return { ...withOrigin(parsed.data), ...written };
  throw new StarlingError('CONFIG_INVALID', problems.map(({ text }) => text).join('\n'), {
    fields: problems.map(({ path }) => path),
  });
}

/** Lineage and model are written by the cluster for its actors, and are no part of what people declare. */
function apart(
  given: unknown,
): { readonly input: unknown } & Pick<ClusterConfig, 'lineage' | 'ofModel'> {
  if (typeof given !== 'object' || given === null) return { input: given };
  const { lineage, ofModel, ...input } = given as Partial<Record<string, unknown>>;
  return {
    input: {
      ...input,
      ...(lineage === undefined || isLineage(lineage) ? {} : { lineage }),
      ...(ofModel === undefined || isModelIdentity(ofModel) ? {} : { ofModel }),
    },
    ...(isLineage(lineage) ? { lineage } : {}),
    ...(isModelIdentity(ofModel) ? { ofModel } : {}),
  };
}

/** Where events of their own accord are learned beside what is shown, the model is told which is which. */
function withOrigin(config: ClusterConfig): ClusterConfig {
  if (config.organic.negatives === 0) return config;
  return { ...config, features: { ...config.features, [originName]: originDeclaration } };
}
