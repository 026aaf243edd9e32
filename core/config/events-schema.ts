import { z } from 'zod';
import { integer, positive, section } from './fields.js';

const nameError =
  'expected a name of letters, digits, _ and -, a letter first, at most 64 characters';
const eventName = z
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
});

/** What people do, by type. */
export const eventsSchema = z
  .record(eventName, eventSchema, { error: 'expected a map of types of events: {view: {}, …}' })
  .refine((events) => Object.keys(events).length > 0, { error: 'expected at least one type' })
  .default({ click: { negative: false } })
  .describe(
    'Types of events. One that is not named is refused. Those that are neither negative nor undo another one are what is hoped for.',
  );

export const organicSchema = section({
  negatives: integer(
    { min: 0, max: 64 },
    'Items that an event which follows no slate is learned against, drawn from what others did lately. 0: such events are not learned. Too many: they outweigh what was shown.',
  ).default(4),
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
