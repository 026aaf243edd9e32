import { z } from 'zod';
import { eventName } from './events-schema.js';
import { number, oneOf, section } from './fields.js';

/** Columns of files of one's own, so that `starling import` needs no flags. */
const columnError = 'expected the name of a column';
const columnOf = (what: string) =>
  z
    .string({ error: columnError })
    .min(1, { error: columnError })
    .max(256, { error: columnError })
    .optional()
    .describe(`The column with ${what}; the one of its own name if left out.`);

const finite = z.number({ error: 'expected a finite number' });

const eventColumns = section({
  id: columnOf('the id of an event, by which it is known when it comes again'),
  timestamp: columnOf('the time'),
  user: columnOf('the user'),
  visitor: columnOf('who is known by no more than a session or a device'),
  item: columnOf('the item'),
  type: columnOf('the type of the event'),
  value: columnOf('the value of the line in all'),
  order: columnOf('the order'),
  quantity: columnOf('the quantity'),
  currency: columnOf('the currency of the value'),
  requestId: columnOf('the request of ours that it answers'),
  label: columnOf('0 or 1: whether it was liked'),
  rating: columnOf('a rating, of which `threshold` makes a label'),
  types: z
    .record(z.string().min(1).max(256), eventName, {
      error: "expected what is written in the file and the type that it is: {add_to_cart: 'cart'}",
    })
    .optional()
    .describe('Types of events that are written otherwise in the files; others are as they stand.'),
  threshold: finite.optional().describe('From what rating on something is liked.'),
});

const itemColumns = section({
  item: columnOf('the id of the item'),
  timestamp: columnOf('when it became so; without one it is as of today'),
  mode: oneOf(
    ['patch', 'replace'],
    '`patch`: what a file does not name stays. `replace`: a file is the whole catalog, and what it lacks is treated as `absent` says.',
  ).default('patch'),
  absent: oneOf(
    ['hide', 'keep'],
    'What becomes of items that a file of mode `replace` lacks.',
  ).default('hide'),
  absentMax: number(
    { min: 0, max: 1 },
    'A file of mode `replace` that lacks a larger share of the items is refused. Too low: a clearance sale needs a hand. Too high: half a file empties the shop.',
  ).default(0.1),
});

const userColumns = section({
  user: columnOf('the id of the user'),
  timestamp: columnOf('when it became so; without one it is as of today'),
});

const aliasColumns = section({
  visitor: columnOf('who was known by no more than a session or a device'),
  user: columnOf('the user that it turned out to be'),
  timestamp: columnOf('when that was; without one: from the beginning'),
});

export const filesSchema = section({
  events: eventColumns.optional().describe('Of files of events.'),
  items: itemColumns.optional().describe('Of files of items.'),
  users: userColumns.optional().describe('Of files of users.'),
  aliases: aliasColumns.optional().describe('Of files of who logged in as whom.'),
})
  .optional()
  .describe('Columns of files of your own, for `starling import`; `starling init` writes them.');

const zoneError = 'expected a name such as Europe/Berlin';

export const timezoneSchema = z
  .string({ error: zoneError })
  .refine(isZone, { error: zoneError })
  .optional()
  .describe('Of times in files that name none; UTC if left out.');

function isZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en-US', { timeZone: name });
    return true;
  } catch {
    return false; // A RangeError: there is no other way to ask.
  }
}
