import { beforeEach, describe, expect, test } from '@jest/globals';
import type { Activity } from '../base/activity.js';
import type { KeptHistory, KeptPairs } from '../features/kept-features.js';
import { ActivityBook } from './activity-book.js';
import type { ActivityState } from './activity-state.js';
import type { AggregateRule, HistoryRule, KeptRules } from './kept-rules.js';

const aggregate = (rule: Partial<AggregateRule> & Pick<AggregateRule, 'name'>): AggregateRule => ({
  ...{ key: `${rule.name}#1`, entity: 'item', of: { kind: 'one' }, events: new Set(['view']) },
  ...{ by: undefined, beside: undefined, scale: 'count', smoothing: 0, memory: { kind: 'ever' } },
  ...rule,
});
const history = (rule: Partial<HistoryRule>): HistoryRule => ({
  ...{ name: 'recent', source: undefined, events: new Set(['view', 'buy']), length: 3 },
  ...rule,
});

/** Of genres 1 and 2. */
const byGenre = {
  entity: 'item' as const,
  source: 'genre',
  keysOf: (value: unknown) =>
    value === undefined ? new Float64Array(0) : Float64Array.of(Number(value)),
};
const told: Readonly<Record<string, Record<string, unknown>>> = {
  'item a': { genre: 1, price: 10 },
  'item b': { genre: 2, price: 30 },
  'item c': { genre: 2 },
};
const clicks = { kind: 'outcome', name: 'click' } as const;
const rate = { of: clicks, events: new Set<string>(), scale: 'chance' as const };

let stored: Map<string, ActivityState>;
let book: ActivityBook;

function open(rules: Partial<KeptRules>, statesMax = 100): ActivityBook {
  return new ActivityBook(
    {
      ...{ histories: [], aggregates: [], types: ['view', 'buy', 'refund'] },
      ...{ undoes: new Map([['refund', 'buy']]), lookbackMs: 10_000 },
      listed: new Map(['view', 'buy', 'refund', 'constructor'].map((type) => [type, 5])),
      wanted: { events: true, shown: true, outcomes: true },
      ...rules,
    },
    { stored: (key) => stored.get(key), features: (entity, id) => told[`${entity} ${id}`] },
    statesMax,
  );
}

function event(person: string, item: string, atMs: number, more: Partial<Activity> = {}): void {
  const plain = { type: 'view', id: '', value: NaN, order: '' };
  book.take({ kind: 'event', person, item, atMs, ...plain, ...more } as Activity);
}

function outcome(person: string, item: string, label: number, atMs = 0): void {
  book.take({ kind: 'outcome', outcome: 'click', requestId: 'r', person, item, label, atMs });
}

beforeEach(() => {
  stored = new Map();
});

describe('what is kept of people', () => {
  test('is the newest of what they did first, of the types of events that are asked for', () => {
    book = open({
      histories: [
        history({}),
        history({ name: 'prices', source: 'price', events: new Set(['buy']) }),
      ],
    });
    event('u', 'a', 1_000);
    event('u', 'b', 3_000, { type: 'buy' });
    event('u', 'c', 2_000, { type: 'buy' });
    event('u', 'a', 4_000, { type: 'refund' });
    event('other', 'c', 9_000);
    const { recent, prices } = book.kept('user', 'u', 5_000) as Record<string, KeptHistory>;
    expect(recent).toEqual({
      values: ['b', 'c', 'a'],
      types: Uint8Array.of(2, 2, 1),
      agesSeconds: Float32Array.of(2, 3, 4),
    });
    expect(prices!.values).toEqual([30, null]);
    expect(book.itemsOf('u', ['buy', 'view'], 2_000)).toEqual(['c', 'b']);
  });

  test('is kept of whoever and whatever is called like something of every object', () => {
    const strange = ['__proto__', 'constructor', 'toString'];
    const types = ['view', 'constructor'];
    book = open({
      types,
      histories: [history({ events: new Set(types) })],
      aggregates: [aggregate({ name: 'valueOf', entity: 'user', events: new Set(types) })],
    });
    for (const id of strange) {
      event(id, id, 1);
      event(id, id, 2, { type: 'constructor' });
      const kept = book.kept('user', id, 2);
      expect((kept['recent'] as KeptHistory).values).toEqual([id, id]);
      expect(Object.getOwnPropertyDescriptor(kept, 'valueOf')!.value).toBe(2);
      expect(book.itemsOf(id, types, 0)).toEqual([id]);
    }
  });

  test('is no longer than it is to be', () => {
    book = open({ histories: [history({ length: 2 })] });
    for (let i = 0; i < 9; i++) event('u', `${i}`, i);
    expect((book.kept('user', 'u', 0)['recent'] as KeptHistory).values).toEqual(['8', '7']);
    expect(book.itemsOf('u', ['view'], 0)).toHaveLength(5);
  });

  test('lacks what was taken back, of the same order and item, and counts it no more', () => {
    const spent = aggregate({
      name: 'spent',
      entity: 'user',
      of: { kind: 'value' },
      scale: 'number',
      events: new Set(['buy']),
    });
    book = open({ histories: [history({ events: new Set(['buy']) })], aggregates: [spent] });
    event('u', 'a', 1, { type: 'buy', value: 5, order: 'o1' });
    event('u', 'a', 2, { type: 'buy', value: 9, order: 'o2' });
    event('u', 'a', 3, { type: 'refund', order: 'o1' });
    event('u', 'b', 4, { type: 'refund', order: 'o2' });
    const kept = book.kept('user', 'u', 5);
    expect((kept['recent'] as KeptHistory).agesSeconds).toEqual(Float32Array.of(0.003));
    expect(kept['spent']).toBe(9);
  });

  test('of a visitor becomes that of the user he is, once, as far back as is said', () => {
    book = open({
      histories: [history({})],
      aggregates: [aggregate({ name: 'views', entity: 'user' })],
    });
    event('~v', 'a', 1_000);
    event('~v', 'b', 15_000);
    event('u', 'c', 14_000);
    const merged = { kind: 'merged', user: 'u', visitor: '~v' } as const;
    book.take(merged);
    book.take(merged);
    const { recent, views } = book.kept('user', 'u', 15_000);
    expect((recent as KeptHistory).values).toEqual(['b', 'c']);
    expect(views).toBe(3);
    expect(book.kept('user', '~v', 0)).toMatchObject({ views: 0 });
  });

  test('of an account that is merged becomes that of the other one, whole, once, and under either name', () => {
    book = open({
      histories: [history({})],
      aggregates: [aggregate({ name: 'views', entity: 'user' })],
      isVisitor: (person) => person.startsWith('~'),
    });
    const of = (user: string) => {
      const { recent, views } = book.kept('user', user, 30_000);
      return [(recent as KeptHistory).values, views, book.itemsOf(user, ['view'], 0)];
    };
    event('old', 'a', 1_000);
    event('u', 'c', 29_000);
    const merged = { kind: 'merged', user: 'u', visitor: 'old' } as const;
    book.take(merged);
    book.take(merged);
    const one = [['c', 'a'], 2, ['a', 'c']];
    expect([of('u'), of('old')]).toEqual([one, one]);
    book.takeChanged();
    // Some say it late, or ask by the name of before.
    event('old', 'b', 30_000);
    expect(of('old')).toEqual([['b', 'c', 'a'], 3, ['a', 'c', 'b']]);
    expect(of('u')).toEqual(of('old'));
    expect([...book.takeChanged().user].sort()).toEqual(['old', 'u']);
    // As it was stored.
    for (const [key, state] of book.takeUnstored()) if (state) stored.set(key, state);
    book.settle(true);
    const before = of('u');
    book.forgetAll();
    expect([of('old'), of('u')]).toEqual([before, before]);
    // In a circle: whose it all is is said.
    book.take({ kind: 'merged', user: 'old', visitor: 'u' });
    event('u', 'd', 31_000);
    expect(of('u')).toEqual(of('old'));
    expect(of('u')[1]).toBe(4);
    // Into a third one, with what a visitor brought to the first.
    event('~v', 'e', 32_000);
    book.take({ kind: 'merged', user: 'third', visitor: 'old' });
    book.take({ kind: 'merged', user: 'u', visitor: '~v' });
    for (const name of ['u', 'old', 'third']) expect(of(name)[1]).toBe(5);
    book.take({ kind: 'erased', person: 'third' });
    book.take({ kind: 'erased', person: 'old' });
    expect(of('old')[1]).toBe(0);
  });

  test('is forgotten with them', () => {
    book = open({
      histories: [history({})],
      aggregates: [aggregate({ name: 'views', entity: 'user' })],
    });
    event('u', 'a', 1);
    book.takeUnstored();
    book.take({ kind: 'erased', person: 'u' });
    expect(book.kept('user', 'u', 0)).toMatchObject({ views: 0 });
    expect([...book.takeUnstored()]).toEqual([['user:u', undefined]]);
  });
});

describe('what is kept of numbers', () => {
  test('counts what it is to count', () => {
    book = open({
      aggregates: [
        aggregate({ name: 'views' }),
        aggregate({ name: 'shown', events: new Set(['shown']) }),
        aggregate({ name: 'lately', memory: { kind: 'window', ms: 12_000 } }),
      ],
    });
    event('u', 'a', 1_000);
    event('v', 'a', 2_000);
    event('v', 'a', 2_000, { type: 'buy' });
    book.take({ kind: 'shown', person: 'u', item: 'a', atMs: 1 });
    expect(book.kept('item', 'a', 3_000)).toEqual({ views: 2, shown: 1, lately: 2 });
    expect(book.kept('item', 'a', 13_500)).toEqual({ views: 2, shown: 1, lately: 1 });
    expect(book.kept('item', 'never seen', 0)).toEqual({ views: 0, shown: 0, lately: 0 });
  });

  test('smooths a rate towards that of all, and starts it at a half', () => {
    book = open({ aggregates: [aggregate({ name: 'liked', ...rate, smoothing: 2 })] });
    expect(book.kept('item', 'a', 0)).toEqual({ liked: 0.5 });
    outcome('u', 'a', 1);
    outcome('u', 'b', 0);
    outcome('u', 'b', 0);
    const all = (0.5 + 1) / (1 + 3);
    expect(book.kept('item', 'a', 0)['liked']).toBeCloseTo((1 + 2 * all) / (1 + 2), 12);
    expect(book.kept('item', 'c', 0)['liked']).toBeCloseTo(all, 12);
  });

  test('beside another rate is what is beyond that, as it was before', () => {
    book = open({
      aggregates: [
        aggregate({ name: 'liked', ...rate, smoothing: 1 }),
        aggregate({ name: 'likes', entity: 'user', ...rate, beside: 'liked', smoothing: 1 }),
      ],
    });
    outcome('u', 'a', 1);
    outcome('u', 'a', 1);
    // Half was expected first; then (1 + 1 · ¾) / 2, of which ¾ is the mean of all.
    expect(book.kept('user', 'u', 0)['likes']).toBeCloseTo((0.5 + (1 - 0.875)) / 3, 12);
    expect(book.kept('user', 'nobody', 0)['likes']).toBe(0);
  });

  test('of values that are shared is the same for all who share them', () => {
    book = open({ aggregates: [aggregate({ name: 'views', by: byGenre })] });
    event('u', 'b', 0);
    expect(book.kept('item', 'c', 0)).toEqual({ views: 1 });
    expect(book.kept('item', 'a', 0)).toEqual({ views: 0 });
    expect(book.takeChanged().item.size).toBe(0);
  });

  test('of pairs is by value of the other one', () => {
    book = open({
      aggregates: [
        aggregate({ name: 'tastes', entity: 'user', ...rate, by: byGenre, smoothing: 1 }),
      ],
    });
    outcome('u', 'a', 1);
    outcome('u', 'b', 0);
    const { keys, values, none } = book.kept('user', 'u', 0)['tastes'] as KeptPairs;
    expect([...keys]).toEqual([1, 2]);
    expect(none).toBeCloseTo(0.5, 12);
    expect([...values]).toEqual([0.75, 0.25]);
  });

  test('is a mean of what is told or kept of the items, where there is anything', () => {
    const events = new Set(['view']);
    book = open({
      aggregates: [
        aggregate({ name: 'views' }),
        aggregate({
          name: 'price',
          entity: 'user',
          of: { kind: 'told', source: 'price' },
          scale: 'number',
          events,
        }),
        aggregate({
          name: 'fame',
          entity: 'user',
          of: { kind: 'kept', name: 'views' },
          scale: 'number',
          events,
        }),
      ],
    });
    event('u', 'a', 1);
    event('u', 'b', 2);
    event('u', 'c', 3);
    event('u', 'a', 4);
    const { price, fame } = book.kept('user', 'u', 5);
    expect(price).toBeCloseTo((10 + 30 + 10) / 3, 12);
    // As it was before each of them.
    expect(fame).toBeCloseTo((0 + 0 + 0 + 1) / 4, 12);
  });
});

describe('a book in front of a store', () => {
  test('says what changed since it was asked, and goes on from what was stored', () => {
    const rules = {
      aggregates: [aggregate({ name: 'views' }), aggregate({ name: 'seen', entity: 'user' })],
    };
    book = open(rules);
    event('u', 'a', 1);
    event('u', 'b', 1);
    expect(book.takeChanged()).toEqual({ user: new Set(['u']), item: new Set(['a', 'b']) });
    for (const [key, state] of book.takeUnstored()) stored.set(key, structuredClone(state!));
    expect(book.takeUnstored().size).toBe(0);

    book = open(rules);
    event('u', 'a', 2);
    expect(book.kept('item', 'a', 3)).toEqual({ views: 2 });
    expect(book.kept('user', 'u', 3)).toEqual({ seen: 3 });
    const unstored = [...book.takeUnstored().keys()];
    book.settle(false);
    expect([...book.takeUnstored().keys()]).toEqual(unstored);
  });

  test('forgets of what it has in memory only what is stored', () => {
    book = open({ aggregates: [aggregate({ name: 'views' })] }, 10);
    for (let i = 0; i < 50; i++) event('u', `${i}`, i);
    const unstored = book.takeUnstored();
    expect(unstored.size).toBe(51);
    for (let i = 0; i < 50; i++) expect(book.kept('item', `${i}`, 0)).toEqual({ views: 1 });
    for (const [key, state] of unstored) stored.set(key, state!);
    book.settle(true);
    for (let i = 50; i < 99; i++) expect(book.kept('item', `${i}`, 0)).toEqual({ views: 0 });
    for (let i = 0; i < 50; i++) expect(book.kept('item', `${i}`, 0)).toEqual({ views: 1 });
  });
});
