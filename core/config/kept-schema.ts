import { z } from 'zod';
import { durationMsOf } from './duration.js';
import { integer, nameLengthMax, oneOf, positive, section } from './fields.js';

/** Features that the cluster keeps itself, of what people do. */
const nameError = `expected a name of 1 to ${nameLengthMax} characters`;
const name = z
  .string({ error: nameError })
  .min(1, { error: nameError })
  .max(nameLengthMax, { error: nameError });

const eventsError = 'expected a list of types of events';
const events = z
  .array(name, { error: eventsError })
  .min(1, { error: eventsError })
  .optional()
  .describe('Types of events that it is about; those that are hoped for if left out.');

const shownOrEvents = events.describe(
  'Types of events that it is about; those that are hoped for if left out. `shown` is one too: an item was shown to somebody.',
);

const durationError = "expected a duration such as '30m', '12h' or '7d'";
const duration = z
  .string({ error: durationError })
  .refine((text) => durationMsOf(text) !== undefined, { error: durationError })
  .optional();

const who = oneOf(['user', 'item'], 'Whose feature it is.');

const by = name
  .optional()
  .describe(
    'A categorical feature, by whose values it is kept: one of the same entity, and all that share a value share it; one of the other entity, and it is kept of each pair of the two.',
  );

/** Without one: for ever. */
const memory = {
  window: duration.describe('Of event time; what is older does not count.'),
  halfLife: duration.describe('Of event time; what is so old counts half.'),
};
const last = integer(
  { min: 2, max: 10_000 },
  'It is about so many of the last events: each one before counts 1 − 1/last of the next.',
).optional();

const smoothing = positive(
  1e6,
  'So many events like the mean of all are added. Too few: one event makes a rate of 1. Too many: nobody differs from all.',
).default(20);

const beside = name
  .optional()
  .describe(
    'Another rate or mean: then it is how far values were from that one, such as whether somebody likes films more than others like the same films.',
  );

type Normalised<T> = (method: 'quantiles' | 'none' | 'log1p') => T;

/** @param normalisation what a number is brought near −1 … 1 by; its default depends on the kind. */
export function keptSchemas<T extends z.ZodType>(normalisation: Normalised<T>) {
  return [
    section({
      entity: z.literal('user', { error: "expected 'user'" }).describe('Whose feature it is.'),
      kind: z.literal('history'),
      of: name.describe(
        'A categorical feature of items: the history is its values, of the items of the events, newest first, and uses its rows.',
      ),
      events,
      length: integer(
        { min: 1, max: 255 },
        'Events. Too few forget what somebody likes; too many are read for each request.',
      ).default(50),
      pooling: oneOf(
        ['sum', 'mean'],
        'How the rows of the values become one vector: with `sum` a long history outweighs a short one.',
      ).default('mean'),
      with: z
        .array(oneOf(['event', 'secondsAgo'], 'What is known of each event.'), {
          error: "expected a list of 'event' and 'secondsAgo'",
        })
        .default([])
        .describe('What a network that looks at single events is told of each.'),
    }),
    section({
      entity: who,
      kind: z.literal('count'),
      of: name
        .optional()
        .describe(
          'An outcome: counted is of how much that was shown it is known. Instead of events.',
        ),
      events: shownOrEvents,
      ...{ by, ...memory },
      normalisation: normalisation('log1p'),
    }),
    section({
      entity: who,
      kind: z.literal('rate'),
      of: name.describe('An outcome: the share of what was shown of which it came true.'),
      ...{ by, beside, smoothing, ...memory, last },
      normalisation: normalisation('none'),
    }),
    section({
      entity: who,
      kind: z.literal('mean'),
      of: name.describe(
        "'value', of events; an outcome; or a number of items, told or kept, of the items of the events.",
      ),
      events: shownOrEvents,
      ...{ by, beside, smoothing, ...memory, last },
      normalisation: normalisation('quantiles'),
    }),
  ] as const;
}
