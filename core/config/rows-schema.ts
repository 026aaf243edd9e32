import { z } from 'zod';
import { admissionSchema } from './admission-schema.js';
import { integer, number, oneOf, positive, section } from './fields.js';

/**
 * What embedding rows are and how they learn: once for all features in `model.rows`, and for one feature in
 * `model.slots.<feature>`, where what is left out is taken from `model.rows`. Fields that belong to some optimizers
 * only are ignored by the others; the limits are those of createOptimizer.
 */
const day = 86_400_000;
const share = { min: 0, max: 0.999999 };

const optimizerKinds = [
  'sgd',
  'momentum',
  'adagrad',
  'adam',
  'amsgrad',
  'rmsprop',
  'adadelta',
  'ftrl',
  'group-ftrl',
  'group-adagrad',
] as const;

const steps = (meaning: string) => integer({ min: 1, max: 1e12 }, meaning);

export const scheduleSchema = section({
  warmUpSteps: integer(
    { min: 0, max: 1e12 },
    'Batches over which the rate rises to its full height. Too few: first rows jump. Too many: learning starts late.',
  ).optional(),
  decay: z
    .discriminatedUnion(
      'kind',
      [
        section({
          kind: z.literal('exponential'),
          rate: positive(1, 'What the rate is multiplied by every `steps` batches.'),
          steps: steps('Batches to one such multiplication.'),
        }),
        section({
          kind: z.literal('inverse-time'),
          rate: positive(1e6, 'The rate is divided by 1 + rate · batches / steps.'),
          steps: steps('Batches of that formula.'),
        }),
        section({
          kind: z.literal('cosine'),
          steps: steps('Batches from the full rate to the floor.'),
          floor: number(
            { min: 0, max: 1 },
            'Share of the rate that stays. 0: learning ends.',
          ).optional(),
        }),
      ],
      { error: 'expected a decay such as {kind: "exponential", rate: 0.5, steps: 100000}' },
    )
    .optional()
    .describe('How the rate falls after the warm-up. A stream never ends: let it keep a floor.'),
});

const initializerSchema = z
  .discriminatedUnion(
    'kind',
    [
      section({ kind: z.literal('zeros') }),
      section({
        kind: z.literal('constant'),
        value: number({ min: -10, max: 10 }, 'Of every factor.'),
      }),
      section({ kind: z.literal('uniform'), scale: positive(10, 'Half width, around 0.') }),
      section({ kind: z.literal('normal'), stddev: positive(10, 'Spread, around 0.') }),
      section({
        kind: z.literal('truncated-normal'),
        stddev: positive(10, 'Spread, around 0; draws beyond two of it are drawn again.'),
      }),
      section({
        kind: z.literal('xavier'),
        distribution: oneOf(['uniform', 'normal'], 'Shape of the draw.').optional(),
      }),
    ],
    { error: 'expected an initializer such as {kind: "uniform", scale: 0.02}' },
  )
  .describe(
    'Factors before anything is learned; the first-order weight starts at 0. All zeros: products of factors have no gradient to start from. Too wide: noise outweighs what a young row has learned.',
  );

const fields = {
  optimizer: oneOf(
    optimizerKinds,
    'Adagrad slows down row by row, so a rare item still learns fast; SGD needs no state beside the row; Adam and its kin take two to three numbers of state per weight; FTRL and the group rules make weights, or rows, exactly zero.',
  ),
  learningRate: positive(
    10,
    'Too low: a new item stays unknown for many events. Too high: rows jump with each event and scores turn extreme. Of `rows` with Adagrad: rows of single users learn at twice the rate, those that users share at 0.4 of it; of a feature in `slots` it is the rate.',
  ),
  schedule: scheduleSchema.describe('How the learning rate changes with the number of batches.'),
  clip: positive(
    1e6,
    'Gradients are cut to this size, number by number. Too low: all steps are alike. Too high: one odd batch moves rows far.',
  ),
  clipNorm: positive(1e6, 'Gradients of a row are scaled down to this length; see clip.'),
  weightDecay: number(
    { min: 0, max: 1 },
    'Pulls rows towards 0 whenever they learn. Too low: rare rows overfit. Too high: nothing learned stays.',
  ),
  weightDecayKind: oneOf(
    ['decoupled', 'l2'],
    'decoupled shrinks the weight beside the step, l2 is part of the gradient and is scaled with it.',
  ),
  initialAccumulator: number(
    { min: 0, max: 1000 },
    'Adagrad and FTRL. Too low: the first gradient moves a row by the whole learning rate. Too high: rows hardly move.',
  ),
  accumulates: oneOf(
    ['batch', 'examples'],
    'Adagrad: what slows a row down is the square of what a batch says of it, or the squares of what each example in it says; with the first a page of events of one user moves his row as far as one event. Default: examples for rows of single users and items, batch for shared ones.',
  ),
  firstOrderRate: positive(
    10,
    'Adagrad: learning rate of the first-order weight of a row, which is no factor: how much it is above others. Default: 0.2 for rows of single users and items where nothing else is said, which is four times the learning rate of `rows`; else the learning rate.',
  ),
  epsilon: positive(
    1,
    'Adagrad, Adam, RMSProp, Adadelta: keeps the division finite. Too high acts as a lower learning rate.',
  ),
  momentum: number(share, 'Momentum, RMSProp: memory of past steps. Too high: rows overshoot.'),
  nesterov: z.boolean({ error: 'expected true or false' }).describe('Momentum: looks ahead.'),
  beta1: number(share, 'Adam: memory of the mean gradient. Too high: slow to turn.'),
  beta2: number(share, 'Adam: memory of the squared gradient. Too low: unsteady step sizes.'),
  rho: number(share, 'RMSProp, Adadelta: memory of the squared gradient. Too low: unsteady steps.'),
  beta: number({ min: 0, max: 1000 }, 'FTRL, group Adagrad: damps the first steps of a row.'),
  l1: number({ min: 0, max: 1000 }, 'FTRL: weights below it become 0. Too high: all do.'),
  l2: number({ min: 0, max: 1000 }, 'FTRL: shrinks weights. Too high: nothing is learned.'),
  groupLasso: number(
    { min: 0, max: 1000 },
    'Group rules: rows below it become 0. Too high: all do.',
  ),
  initialScale: number(
    { min: 0, max: 1 },
    'Half width of the uniform start of factors, where no initializer is given. 0: products of factors have no gradient to start from. Too high: noise outweighs what a young row has learned.',
  ),
  initializer: initializerSchema,
  admission: admissionSchema,
  expireAfterMs: integer(
    { min: 1000, max: 36_500 * day },
    'A row that was not updated for so long, in event time, is removed; absent: never. Too short: what comes back once a year is learned anew. Too long: memory fills with what is gone.',
  ),
  serving: oneOf(
    ['fp32', 'fp16', 'int8'],
    'Rows in inference data centers. fp16 takes half the bytes at an error of 0.05 % per number, int8 a third at half of 1/127 of the largest number of a row; training keeps fp32.',
  ),
};

type Optional<Shape> = {
  [Name in keyof Shape]: Shape[Name] extends z.ZodType ? z.ZodOptional<Shape[Name]> : never;
};

function optional<Shape extends Record<string, z.ZodType>>(shape: Shape): Optional<Shape> {
  const entries = Object.entries(shape).map(([name, schema]) => [name, schema.optional()]);
  return Object.fromEntries(entries) as Optional<Shape>;
}

export const rowsSchema = section({
  ...optional(fields),
  optimizer: fields.optimizer.default('adagrad'),
  learningRate: fields.learningRate.default(0.05),
  initialScale: fields.initialScale.default(0.02),
  admission: admissionSchema.default({ kind: 'always' }),
  serving: fields.serving.default('fp32'),
  memoryBytesMax: integer(
    { min: 2 ** 20, max: 2 ** 50 },
    'Memory for all rows of training, shared out evenly over partitions; absent: no limit. Too low: rows in use are evicted. Too high: the host runs out of memory.',
  ).optional(),
  evict: oneOf(
    ['lru', 'lfu'],
    'Which rows go when memoryBytesMax is reached: the least recently, or the least often updated.',
  ).default('lru'),
});

/** Overrides by feature name. */
export const slotsSchema = z
  .record(z.string(), section(optional(fields)))
  .default({})
  .describe('What differs from `rows` for single features, by the name of the feature.');

export type RowsConfig = z.output<typeof rowsSchema>;
