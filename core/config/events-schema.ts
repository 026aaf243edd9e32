import { z } from 'zod';
import { durationMsOf } from './duration.js';
import { conditionProblem } from './event-expression.js';
import { integer, oneOf, positive, section } from './fields.js';

const nameError =
  'expected a name of letters, digits, _ and -, a letter first, at most 64 characters';
export const eventName = z
  .string({ error: nameError })
  .regex(/^[A-Za-z][\w-]{0,63}$/, { error: nameError });

const eventSchema = section({
  value: z
    .literal('money', { error: "expected 'money'" })
    .optional()
    .describe('Its `value` is an amount in `currency`, or in another one that `rates` has.'),
  undoes: eventName
    .optional()
    .describe('The type of event that it takes back: of the same order and item.'),
  negative: z
    .boolean({ error: 'expected true or false' })
    .default(false)
    .describe('Says that somebody does not want the item.'),
  weight: positive(
    1000,
    'How much more a sample counts as it is learned because such an event made it 1. Scores stay rates: calibration counts each once. Too high: rare events of the type decide all. Left out: 1.',
  ).optional(),
});

/** What people do, by type. */
export const eventsSchema = z
  .record(eventName, eventSchema, { error: 'expected a map of types of events: {view: {}, …}' })
  .refine((events) => Object.keys(events).length > 0, { error: 'expected at least one type' })
  .default({ click: { negative: false } })
  .describe(
    'Types of events. One that is not named is refused. Those that are neither negative nor undo another one are what is hoped for.',
  );

const durationError = "expected a duration such as '30m', '12h' or '7d', up to '30d'";
const windowMsMax = 30 * 86_400_000;
const duration = z
  .string({ error: durationError })
  .refine((text) => (durationMsOf(text) ?? Infinity) <= windowMsMax, { error: durationError });

const outcomeSchema = section({
  from: z
    .array(eventName, { error: 'expected a list of types of events' })
    .min(1, { error: 'expected at least one type of event' })
    .optional()
    .describe('Types of events that make it 1; the one of its own name if left out.'),
  predict: z
    .enum(['chance', 'value'], { error: "expected 'chance' or 'value'" })
    .default('chance')
    .describe(
      'Whether any of the events happens, or what their values come to by the end of the window.',
    ),
  transform: z
    .enum(['none', 'log1p'], { error: "expected 'none' or 'log1p'" })
    .optional()
    .describe(
      'Scale on which a value is predicted; `log1p` if left out, as money is spread over magnitudes.',
    ),
  loss: z
    .enum(['squared'], { error: "expected 'squared'" })
    .optional()
    .describe('Of a value: half the squared distance on its scale.'),
  window: duration
    .optional()
    .describe(
      'How long after it was shown an event counts; `joining.windowMs` if left out. Too short: late ones count as negatives. Too long: negatives are learned late.',
    ),
  early: duration
    .optional()
    .describe(
      'It is told as a negative after so long already, and once more, as a positive, where it happens later in its window; trainers weigh both so that the score is the rate of the whole window (Ktena et al., 2019). No shorter than the window of what it is given by. Left out: negatives are learned when the window ends. Too short: most positives are negatives first, which costs variance.',
    ),
  given: eventName
    .optional()
    .describe(
      'What this outcome is of, named before it: where that did not happen, this one is not learned, and its score is times that of the other. With a window of more than a day: the first outcome, if left out.',
    ),
});

/** What is predicted, each by a head of the network. */
export const outcomesSchema = z
  .record(eventName, outcomeSchema, { error: 'expected a map of outcomes: {view: {}, …}' })
  .default({})
  .describe(
    'What is predicted of an item that is shown. Left out: whether anything is done that is hoped for. The first one is what the figures of quality are about.',
  );

export const scoreSchema = z
  .record(eventName, positive(1e9, 'What it is worth when it happens.'), {
    error: 'expected a map of weights by outcome: {view: 1, purchase: 20}',
  })
  .default({})
  .describe(
    'What a slate is ordered by: the sum of probabilities, each times its weight. Left out: the first outcome alone.',
  );

export const ignoreSchema = z
  .string({ error: 'expected a condition, such as event.user.startsWith("staff-")' })
  .superRefine((text, found) => {
    const problem = text === '' ? undefined : conditionProblem(text);
    if (problem !== undefined)
      found.addIssue({
        code: 'custom',
        message: `expected a condition in CEL over event and context: ${problem}`,
      });
  })
  .default('')
  .describe(
    'Events that only count as ignored, as those of staff: a condition in CEL over `event` and `context`. Nothing is learned of them, and nothing is kept.',
  );

export const limitsSchema = section({
  eventsPerPerson: section({
    max: integer({ min: 1, max: 1e9 }, 'Events. Too few: who is keen counts as a bot.'),
    within: duration.describe('Of event time, in spans of this length.'),
  })
    .optional()
    .describe('What somebody does beyond it is ignored: it is a bot.'),
});

export const identitySchema = section({
  lookback: duration
    .default('30d')
    .describe(
      'Of a visitor who logs in, so much of what he did before becomes what the user did. Too short: he is a stranger again. Too long: whoever used the device before is taken for him.',
    ),
});

export const organicSchema = section({
  negatives: integer(
    { min: 0, max: 64 },
    'Items that an event which follows no slate is learned against. 0: such events are not learned. Too many: they outweigh what was shown.',
  ).default(4),
  from: oneOf(
    ['popularity', 'catalog'],
    'Where they are drawn from: what others did lately, so that what is liked by all tells little; or all items alike, so that what is liked by all is offered more.',
  ).default('popularity'),
});

export const currencySchema = z
  .string({ error: 'expected a currency such as EUR' })
  .regex(/^[A-Z]{3}$/, { error: 'expected a currency such as EUR' })
  .default('EUR')
  .describe('Of values that name none.');

export const ratesSchema = z
  .record(z.string(), positive(Number.MAX_VALUE, 'How much one unit of it is in `currency`.'), {
    error: 'expected a map of rates by currency: {USD: 0.92}',
  })
  .default({})
  .describe('Of other currencies; a value in one that is not here is refused.');
