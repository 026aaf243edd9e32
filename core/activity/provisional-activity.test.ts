import { beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { ActivityState } from './activity-state.js';
import { emptyState, listEvent, listOf } from './activity-state.js';
import type { ProvisionalEvent } from './provisional-activity.js';
import { ProvisionalActivity } from './provisional-activity.js';

const rules = {
  listed: new Map([
    ['view', 3],
    ['buy', 3],
  ]),
  undoes: new Map([['refund', 'buy']]),
};

let told: Map<string, ActivityState>;
let own: ProvisionalActivity;
beforeEach(() => {
  told = new Map();
  own = new ProvisionalActivity(rules);
});

const event = (person: string, item: string, atMs: number, more = {}): ProvisionalEvent => ({
  ...{ person, item, atMs, sequence: atMs, type: 'view', value: NaN, order: '' },
  ...more,
});
const toldOf = (person: string): ActivityState | undefined => told.get(person);
function tell({ person, type, item, atMs, value, order }: ProvisionalEvent): void {
  const state = told.get(person) ?? emptyState();
  told.set(person, state);
  listEvent(state, type, [item, atMs, value, order], rules.listed.get(type)!);
}
const itemsOf = (person: string, type = 'view') =>
  (listOf(own.listsOf(person, toldOf) ?? emptyState(), type) ?? []).map(([item]) => item);

describe('what people did that nobody tells', () => {
  test('is in their lists, beside what was told, and once where it is told after all', () => {
    tell(event('u', 'a', 1));
    own.take(event('u', 'b', 2));
    own.take(event('u', 'b', 2));
    expect(itemsOf('u')).toEqual(['a', 'b']);
    tell(event('u', 'b', 2));
    expect(itemsOf('u')).toEqual(['a', 'b']);
    expect(itemsOf('nobody')).toEqual([]);
    expect([...own.takeChanged()]).toEqual(['u']);
  });

  test('is gone with who is to be forgotten', () => {
    own.take(event('v', 'a', 1));
    own.merge('v', 'u');
    own.take(event('u', 'b', 2));
    own.takeChanged();
    own.erase('u');
    expect([itemsOf('u'), itemsOf('v')]).toEqual([[], []]);
    expect([...own.takeChanged()]).toEqual(['u']);
  });

  test('leaves what was told as it is', () => {
    tell(event('u', 'a', 1));
    own.take(event('u', 'b', 2));
    own.listsOf('u', toldOf);
    own.clear();
    expect(itemsOf('u')).toEqual(['a']);
    expect([...own.takeChanged()]).toEqual(['u']);
  });

  test('takes back what is undone', () => {
    tell(event('u', 'a', 1, { type: 'buy', order: 'o1' }));
    own.take(event('u', 'b', 2, { type: 'buy', order: 'o2' }));
    own.take(event('u', 'a', 3, { type: 'refund', order: 'o1' }));
    expect(itemsOf('u', 'buy')).toEqual(['b']);
  });

  test('of a visitor is the user’s since he is known', () => {
    tell(event('visitor/v', 'a', 1));
    own.take(event('visitor/v', 'b', 2));
    own.merge('visitor/v', 'u');
    own.take(event('u', 'c', 3));
    expect(itemsOf('u')).toEqual(['a', 'b', 'c']);
  });

  test('is forgotten where all of it is told', () => {
    own.take(event('u', 'a', 1));
    own.take(event('u', 'b', 2));
    tell(event('u', 'a', 1));
    own.prune('u', toldOf);
    expect(own.people).toBe(1);
    tell(event('u', 'b', 2));
    own.prune('u', toldOf);
    expect(own.people).toBe(0);
  });

  test('is kept of so many people', () => {
    own = new ProvisionalActivity(rules, 2);
    for (const person of ['u', 'v', 'w']) own.take(event(person, 'a', 1));
    expect(own.people).toBe(2);
    expect(itemsOf('u')).toEqual([]);
  });

  test('with what is told by now is what would be there if all were told', () => {
    const events = fc.uniqueArray(
      fc.record({
        atMs: fc.nat(50),
        item: fc.constantFrom('a', 'b', 'c'),
        type: fc.constantFrom('view', 'buy'),
      }),
      { selector: ({ atMs }) => atMs, maxLength: 12 },
    );
    fc.assert(
      fc.property(events, fc.nat(12), (all, count) => {
        told.clear();
        own = new ProvisionalActivity(rules);
        const happened = all.map(({ item, atMs, type }) => event('u', item, atMs, { type }));
        for (const each of happened.slice(0, count)) tell(each);
        // Some of them were told already; which is not known here.
        for (const each of happened.slice(Math.floor(count / 2))) own.take(each);
        const now = own.listsOf('u', toldOf) ?? emptyState();
        told.clear();
        for (const each of happened) tell(each);
        const whole = toldOf('u') ?? emptyState();
        for (const type of ['view', 'buy'])
          expect(listOf(now, type) ?? []).toEqual(listOf(whole, type) ?? []);
      }),
    );
  });
});
