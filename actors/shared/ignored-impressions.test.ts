import { describe, expect, test } from '@jest/globals';
import { logs, noFacts } from '../../core/joining/event-facts.js';
import { IgnoredImpressions, ignoredIn, type ShownPairs } from './ignored-impressions.js';

const pairs = (more: Partial<ShownPairs> = {}): ShownPairs => ({
  ...{ requestIds: ['r', 'r'], users: ['u', 'u'], items: ['a', 'b'], contexts: [], facts: noFacts },
  ...more,
});

function marks(ignore: string, more: Partial<ShownPairs> = {}) {
  const facts = new IgnoredImpressions({ ignore }).factsOf(pairs(more));
  return facts === (more.facts ?? noFacts) ? 'as they were' : [...facts.logs];
}

describe('what is shown', () => {
  test('counts where nobody is ignored, and costs nothing', () => {
    expect(marks('')).toBe('as they were');
    expect(marks('event.user.startsWith("staff-")')).toBe('as they were');
    expect(marks('context.device == "bot"')).toBe('as they were');
    expect(marks('event.type == "view"')).toBe('as they were');
  });

  test('to bots and staff is marked, by person, item or context', () => {
    const staff = { users: ['staff-1', 'staff-1'] };
    expect(marks('event.user.startsWith("staff-")', staff)).toEqual([logs.ignored]);
    expect(marks('event.item == "b"')).toEqual([logs.all, logs.ignored]);
    expect(marks('event.type == "shown" && event.requestId == "r"')).toEqual([logs.ignored]);
    const bot = { device: 'bot' };
    expect(marks('context.device == "bot"', { contexts: [bot] })).toEqual([logs.ignored]);
    expect(marks('context.device == "bot"', { contexts: [{}, bot] })).toEqual([
      ...[logs.all, logs.ignored],
    ]);
  });

  test('to a visitor is told by his own name, also beside that of the user', () => {
    const ignore = 'event.visitor == "c9" && event.user == ""';
    const visitor = { users: ['visitor/c9', 'visitor/c8'] };
    expect(marks(ignore, visitor)).toEqual([logs.ignored, logs.all]);
    const both = { facts: { ...noFacts, visitors: ['c9'] } };
    expect(marks(ignore, both)).toBe('as they were');
    expect(marks('event.visitor == "c9" && event.user == "u"', both)).toEqual([logs.ignored]);
  });

  test('and waits to be seen goes on to wait, where it is not ignored', () => {
    const facts = { ...noFacts, logs: Uint8Array.of(logs.shown) };
    expect(marks('event.item == "b"', { facts })).toEqual([logs.shown, logs.ignored]);
  });

  test('is counted where it is marked, with an example', () => {
    expect(ignoredIn(pairs())).toEqual({ count: 0, example: '' });
    const facts = { ...noFacts, logs: Uint8Array.of(logs.all, logs.ignored) };
    expect(ignoredIn(pairs({ facts }))).toEqual({ count: 1, example: 'ignore: b shown to u' });
    const all = { ...noFacts, logs: Uint8Array.of(logs.ignored) };
    expect(ignoredIn(pairs({ facts: all }))).toMatchObject({ count: 2 });
  });
});
