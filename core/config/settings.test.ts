import { describe, expect, test } from '@jest/globals';
import { parseClusterConfig } from './schema.js';
import { SettingsBook, checkSetting, configWith, noSettings, settingKeyOf } from './settings.js';

const config = parseClusterConfig({
  features: { item: { entity: 'item', kind: 'id' } },
  events: { view: {}, cart: {}, purchase: {} },
  outcomes: { view: {}, purchase: { window: '7d' } },
  score: { view: 1 },
});

describe('a setting', () => {
  test('is a value that the configuration could have', () => {
    expect(checkSetting(config, 'score', { view: 1, purchase: 20 })).toEqual({
      ...{ view: 1, purchase: 20 },
    });
    expect(checkSetting(config, 'exclude', { events: ['purchase'] })).toEqual({
      ...{ events: ['purchase'], within: '30m' },
    });
  });

  test.each([
    ['score', { purchas: 20 }, 'there is no outcome "purchas"; did you mean "purchase"?'],
    ['score', { cart: 5 }, 'there is no outcome "cart"; there are view, purchase.'],
    ['score', { view: -1 }, /^score\.view: expected .*; got -1$/],
    ['score', 20, /^score: expected a map of weights/],
    ['score', null, /^score: expected a map of weights/],
    ['exclude', { events: ['buy'] }, 'there is no type of event "buy"; there are'],
    ['exclude', { events: ['veiw'] }, 'did you mean "view"?'],
    ['exclude', { within: 'long' }, /^exclude\.within: expected a duration/],
    ['exclude', { event: [] }, 'did you mean "events"?'],
  ] as const)('%s %j is refused by name', (key, value, text) => {
    expect(() => checkSetting(config, key, value)).toThrow(text);
    expect(() => checkSetting(config, key, value)).toThrow(
      expect.objectContaining({ code: 'BAD_REQUEST' }),
    );
  });

  test('is one that there is', () => {
    expect(settingKeyOf('score')).toBe('score');
    expect(() => settingKeyOf('scroe')).toThrow('no setting "scroe"; did you mean "score"?');
    expect(() => settingKeyOf('partitions')).toThrow('there are score, exclude.');
  });

  test('without an outcome the usual one has a weight', () => {
    const plain = { ...config, outcomes: {} };
    expect(checkSetting(plain, 'score', { click: 2 })).toEqual({ click: 2 });
    expect(() => checkSetting(plain, 'score', { clck: 2 })).toThrow('did you mean "click"?');
  });
});

describe('the book of settings', () => {
  test('before the first record, all is as the configuration says, and no copy is made', () => {
    const book = new SettingsBook(config);
    expect(book.inForce).toBe(noSettings);
    expect(configWith(config, book.inForce.settings)).toBe(config);
  });

  test('has of each key the newest, whatever comes twice or late', () => {
    const book = new SettingsBook(config);
    const set = (place: number, key: string, value: unknown) => book.take({ key, value }, place);
    expect(set(1, 'score', { view: 2 })).toBe(true);
    expect(set(3, 'score', { view: 1, purchase: 20 })).toBe(true);
    expect(set(1, 'score', { view: 2 })).toBe(false);
    expect(set(3, 'score', { view: 7 })).toBe(false);
    expect(book.inForce).toEqual({
      ...{ version: 3, settings: { score: { view: 1, purchase: 20 } }, refused: {} },
    });
    set(2, 'exclude', { events: [] });
    expect(book.inForce).toMatchObject({ version: 3, settings: { exclude: { events: [] } } });
    set(4, 'score', null);
    expect(book.inForce.version).toBe(4);
    expect(book.inForce.settings).not.toHaveProperty('score');
    expect([book.placeOf('score'), book.placeOf('exclude'), book.placeOf('other')]).toEqual([
      ...[4, 2, 0],
    ]);
  });

  test('what the configuration does not know any more is not in force, and is told', () => {
    const book = new SettingsBook(config);
    book.take({ key: 'score', value: { view: 2 } }, 1);
    book.take({ key: 'score', value: { cart: 5 } }, 2);
    book.take({ key: 'of a later release', value: 1 }, 3);
    expect(book.inForce).toMatchObject({ version: 3, settings: {} });
    expect(Object.keys(book.inForce.refused)).toEqual(['score', 'of a later release']);
    book.take({ key: 'score', value: { purchase: 1 } }, 4);
    expect(Object.keys(book.inForce.refused)).toEqual(['of a later release']);
  });

  test('changes what it is of, and leaves the rest', () => {
    const changed = configWith(config, { score: { view: 1, purchase: 20 } });
    expect(changed).toEqual({ ...config, score: { view: 1, purchase: 20 } });
    expect(changed.serving.exclude).toBe(config.serving.exclude);
  });
});
