import { z } from 'zod';
import {
  type FeatureDeclaration,
  type KeptDeclaration,
  featureEntities,
  featureKinds,
  keptKinds,
} from '../features/feature-spec.js';
import { finite, integer, nameLengthMax, oneOf, positive, section } from './fields.js';
import { keptSchemas } from './kept-schema.js';

/**
 * The `features` section: what an event, a user or an item may carry, and how each value becomes fids or a number. The
 * resolved form is itself a valid input, since actors receive it as JSON and parse it again.
 */
const entity = oneOf(
  featureEntities,
  'Whose feature it is. A user or item feature is stored and looked up by id; a context feature comes with the request.',
);

const sourceError = `expected a column name of 1 to ${nameLengthMax} characters`;
const source = z
  .string({ error: sourceError })
  .min(1, { error: sourceError })
  .max(nameLengthMax, { error: sourceError })
  .optional()
  .describe(
    'The column or field it is read from; the name of the feature if left out. `user` and `item` are the ids themselves.',
  );

/** Beyond some thousand words or boundaries an `id` is the better kind: nothing to list, and it learns the same. */
const listLengthMax = 10_000;

const wordsError = `expected a list of 1 to ${listLengthMax} different strings, none empty`;
const words = z
  .array(z.string({ error: wordsError }).min(1, { error: wordsError }), { error: wordsError })
  .min(1, { error: wordsError })
  .max(listLengthMax, { error: wordsError })
  .refine((list) => new Set(list).size === list.length, { error: wordsError })
  .describe('The values that get a row of their own. One that is not listed is `other`.');

const boundariesError = `expected a list of 1 to ${listLengthMax} finite numbers in ascending order`;
const boundaries = z
  .array(z.number({ error: boundariesError }), { error: boundariesError })
  .min(1, { error: boundariesError })
  .max(listLengthMax, { error: boundariesError })
  .refine((list) => list.every((value, i) => i === 0 || value > list[i - 1]!), {
    error: boundariesError,
  })
  .describe(
    'Ascending; b boundaries make b + 1 buckets, and a value on a boundary falls above it. Too few blur what differs; too many leave each bucket with little to learn from.',
  );

const normalisationError =
  "expected 'quantiles', 'none', 'log1p', {method: 'log1p', scale}, {method: 'standard', mean, deviation > 0} or {method: 'minmax', min, max > min}";
const anyNormalisation = z.union(
  [
    z.enum(['quantiles', 'none', 'log1p']).transform((method) => ({ method })),
    z.discriminatedUnion('method', [
      section({ method: z.literal('quantiles') }),
      section({ method: z.literal('none') }),
      section({
        method: z.literal('log1p'),
        scale: positive(Number.MAX_VALUE, 'The logarithm is multiplied by it.').optional(),
      }),
      section({
        method: z.literal('standard'),
        mean: finite('The mean of the values.'),
        deviation: positive(Number.MAX_VALUE, 'Their standard deviation.'),
      }),
      section({
        method: z.literal('minmax'),
        min: finite('Becomes 0, as does what is below.'),
        max: finite('Becomes 1, as does what is above.'),
      }).refine(({ min, max }) => min < max, { error: 'expected min below max' }),
    ]),
  ],
  { error: normalisationError },
);
const normalisationMeaning =
  'Brings the number near −1 … 1. `quantiles`: by where it stands among all that come, which is learned, so that wild values move nothing; the others are formulas. Values in the thousands left as they are (`none`) drown the other inputs of the network.';
const normalisation = anyNormalisation.prefault('quantiles').describe(normalisationMeaning);
/** Of a count that reaches thousands. */
const countScale = 0.2;
const keptNormalisation = (method: 'quantiles' | 'none' | 'log1p') =>
  anyNormalisation
    .prefault(method === 'log1p' ? { method, scale: countScale } : method)
    .describe(normalisationMeaning);

/** Embeddings have 64 to 3,072; longer ones are cut by who makes them. */
const vectorLengthMax = 4_096;

const featureSchema = z.discriminatedUnion(
  'kind',
  [
    section({ entity, source, kind: z.literal('id') }),
    section({
      entity,
      source,
      kind: z.literal('ids'),
      pooling: oneOf(
        ['sum', 'mean'],
        'How the rows of the values become one vector: with `sum` a long list outweighs a short one.',
      ).default('mean'),
      valuesMax: integer(
        { min: 1, max: 255 },
        'Values beyond it are left out. Too low loses values; too high lets one long list dominate the cost of a request.',
      ).default(32),
    }),
    section({
      entity,
      source,
      kind: z.literal('vocabulary'),
      values: words,
      other: z
        .boolean({ error: 'expected true or false' })
        .default(true)
        .describe(
          'Whether unlisted values share one row of their own (true) or read as missing (false).',
        ),
    }),
    section({ entity, source, kind: z.literal('buckets'), boundaries }),
    section({ entity, source, kind: z.literal('dense'), normalisation }),
    section({
      entity,
      source,
      kind: z.literal('vector'),
      length: integer(
        { min: 1, max: vectorLengthMax },
        'How many numbers it has; a value with more or fewer is missing. Each is 4 bytes of every impression and sample, and a row of the network.',
      ),
      scale: oneOf(
        ['unit', 'none'],
        '`unit`: each is divided by its length, as directions of embeddings say more than their lengths; `none`: as it is.',
      ).default('unit'),
    }),
    ...keptSchemas(keptNormalisation),
  ],
  {
    error: (issue) =>
      issue.code === 'invalid_union'
        ? `expected one of ${featureKinds.join(', ')}`
        : "expected a feature such as {entity: 'user', kind: 'id'}",
  },
);

const nameError = `expected a feature name of letters, digits, '_' and '-', a letter first, at most ${nameLengthMax}`;
const featureName = z
  .string()
  .regex(/^[A-Za-z][A-Za-z0-9_-]*$/, { error: nameError })
  .max(nameLengthMax, { error: nameError });

export const featuresSchema = z
  .record(featureName, featureSchema, {
    error: "expected an object of features by name, such as {user: {entity: 'user', kind: 'id'}}",
  })
  .transform(withSources)
  .describe('The features by name. Without one, the model knows nothing to learn from.');

function withSources(
  features: Record<string, z.output<typeof featureSchema>>,
): Record<string, FeatureDeclaration> {
  return Object.fromEntries(
    Object.entries(features).map(([name, feature]) => [
      name,
      isTold(feature) ? { ...feature, source: feature.source ?? name } : feature,
    ]),
  );
}

type Declared = z.output<typeof featureSchema>;

function isTold(
  feature: Declared,
): feature is Exclude<Declared, { kind: KeptDeclaration['kind'] }> {
  return !(keptKinds as readonly string[]).includes(feature.kind);
}
