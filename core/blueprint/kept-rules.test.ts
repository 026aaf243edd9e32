import { describe, expect, test } from '@jest/globals';
import { StarlingError } from '../base/errors.js';
import { keptRulesOf } from './kept-rules.js';
import { parseClusterConfig } from '../config/schema.js';

const told = {
  user: { entity: 'user', kind: 'id' },
  item: { entity: 'item', kind: 'id' },
  genres: { entity: 'item', kind: 'ids', valuesMax: 8 },
  price: { entity: 'item', kind: 'dense' },
  hour: { entity: 'context', kind: 'id' },
} as const;
const rest = {
  events: {
    view: {},
    buy: { value: 'money' },
    dismiss: { negative: true },
    refund: { undoes: 'buy' },
  },
  outcomes: { view: { from: ['view', 'buy'] }, spent: { from: ['buy'], predict: 'value' } },
};

const configOf = (features: object, more: object = {}) =>
  parseClusterConfig({ features: { ...told, ...features }, ...rest, ...more });

function refusal(features: object, more: object = {}): string {
  try {
    configOf(features, more);
  } catch (error) {
    if (error instanceof StarlingError && error.code === 'CONFIG_INVALID') return error.message;
  }
  throw new Error('it is taken');
}

const rate = { entity: 'user', kind: 'rate', of: 'view' };

describe('features that are kept', () => {
  test('have defaults, and are read again as they were read', () => {
    const config = configOf({
      recent: { entity: 'user', kind: 'history', of: 'genres', length: 30 },
      views: { entity: 'item', kind: 'count' },
      rate: { ...rate, beside: 'itemRate', by: 'genres', last: 10 },
      itemRate: { ...rate, entity: 'item', window: '1h' },
      paid: { entity: 'user', kind: 'mean', of: 'value', events: ['buy'], halfLife: '7d' },
      known: { entity: 'user', kind: 'count', of: 'view' },
    });
    expect(parseClusterConfig(JSON.parse(JSON.stringify(config)))).toEqual(config);
    const { histories, aggregates, wanted, undoes, lookbackMs } = keptRulesOf(config);
    expect(histories[0]).toMatchObject({
      source: 'genres',
      length: 30,
      events: new Set(['view', 'buy']),
    });
    const byName = Object.fromEntries(aggregates.map((rule) => [rule.name, rule]));
    expect(byName['rate']!.by!.keysOf('Drama|Comedy')).toHaveLength(2);
    expect(byName['rate']!.by!.keysOf({ no: 'genre' })).toHaveLength(0);
    expect(byName['views']).toMatchObject({ scale: 'count', events: new Set(['view', 'buy']) });
    expect(byName['rate']).toMatchObject({
      scale: 'chance',
      smoothing: 20,
      memory: { kind: 'last', count: 10 },
    });
    expect(byName['itemRate']!.memory).toEqual({ kind: 'window', ms: 3_600_000 });
    expect(byName['paid']).toMatchObject({ scale: 'number', of: { kind: 'value' } });
    expect(byName['known']).toMatchObject({
      of: { kind: 'known', name: 'view' },
      events: new Set(),
    });
    expect(wanted).toEqual({ events: true, shown: false, outcomes: true });
    expect([...undoes]).toEqual([['refund', 'buy']]);
    expect(lookbackMs).toBe(30 * 86_400_000);
  });

  test.each<[string, object, string]>([
    [
      'a history of nothing',
      { h: { entity: 'user', kind: 'history', of: 'tag' } },
      'features.h.of: expected a categorical feature of items, item, genres; got "tag"',
    ],
    [
      'a history of a number',
      { h: { entity: 'user', kind: 'history', of: 'price' } },
      'features.h.of',
    ],
    [
      'a history of an item',
      { h: { entity: 'item', kind: 'history', of: 'item' } },
      "features.h.entity: expected 'user'",
    ],
    [
      'too many values',
      { h: { entity: 'user', kind: 'history', of: 'genres' } },
      'features.h.length: expected at most 255 values in all; genres has up to 8 of each item',
    ],
    [
      'an event that there is not',
      { c: { entity: 'item', kind: 'count', events: ['click'] } },
      'features.c.events: expected types of events, view, buy, dismiss, refund, shown; got "click"',
    ],
    [
      'a rate of what is no chance',
      { r: { ...rate, of: 'spent' } },
      'features.r.of: expected an outcome that is a chance, view; got "spent"',
    ],
    [
      'a mean of nothing',
      { m: { entity: 'user', kind: 'mean', of: 'weight' } },
      'features.m.of: expected one of value, view, spent, price; got "weight"',
    ],
    [
      'by what is no feature of users or items',
      { r: { ...rate, by: 'hour' } },
      'features.r.by: expected a categorical feature of users or items, user, item, genres; got "hour"',
    ],
    [
      'beside itself',
      { r: { ...rate, beside: 'r' } },
      'features.r.beside: expected another rate or mean that is beside none itself; got "r"',
    ],
    [
      'two memories',
      { r: { ...rate, window: '1h', last: 3 } },
      'features.r.window: expected one of window, halfLife and last; got several',
    ],
    [
      'a time that is none',
      { r: { ...rate, window: 'long' } },
      "features.r.window: expected a duration such as '30m', '12h' or '7d'; got \"long\"",
    ],
    [
      'a source, as nobody tells it',
      { r: { ...rate, source: 'x' } },
      'features.r: unknown key "source"',
    ],
    [
      'a count of an outcome and of events',
      { c: { entity: 'item', kind: 'count', of: 'view', events: ['view'] } },
      'features.c.of: expected an outcome, view, spent, and no events beside it',
    ],
  ])('are refused: %s', (_what, features, message) => {
    expect(refusal(features)).toContain(message);
  });

  test.each<[string, object, string]>([
    [
      'a type of events that Starling has',
      { events: { shown: {} }, outcomes: {} },
      'events.shown: expected another name',
    ],
    [
      'an exclusion of what there is not',
      { serving: { exclude: { events: ['click'] } } },
      'serving.exclude.events: expected types of events, view, buy, dismiss, refund; got "click"',
    ],
    [
      'a condition that is none',
      { ignore: 'event.user ==' },
      'ignore: expected a condition in CEL over event and context: Unexpected token: EOF',
    ],
    ['a condition of what there is not', { ignore: 'person == "x"' }, 'Unknown variable: person'],
    [
      'a text for a condition',
      { ignore: '"yes"' },
      'expected a condition, which is true or false; it is of type string',
    ],
    [
      'a limit without an end',
      { limits: { eventsPerPerson: { max: 3 } } },
      'limits.eventsPerPerson.within',
    ],
    [
      'another place to draw from',
      { organic: { from: 'anywhere' } },
      'organic.from: expected one of popularity, catalog',
    ],
  ])('and so is %s', (_what, more, message) => {
    expect(refusal({}, more)).toContain(message);
  });
});
