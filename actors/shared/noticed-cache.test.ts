import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { NoticedCache } from './noticed-cache.js';

const options = { entriesMax: 100, ageMsMax: 60_000, noticesMax: 100 };

describe('a cache that hears of changes', () => {
  test('keeps what it fetched until a change beyond it is told of', () => {
    const cache = new NoticedCache<string>(options);
    expect(cache.isCurrent('i', 0)).toBe(false);
    cache.keep('i', 'a', [6], 0);
    cache.notice('i', 6);
    expect(cache.isCurrent('i', 1)).toBe(true);
    cache.notice('i', 7);
    expect(cache.isCurrent('i', 1)).toBe(false);
    expect(cache.newest('i')).toBe('a');
  });

  test('does not take a reply for current that is older than the newest notice, whichever came first', () => {
    const cache = new NoticedCache<string>(options);
    cache.notice('told before', 7);
    cache.keep('told before', 'old', [6], 0);
    expect(cache.isCurrent('told before', 0)).toBe(false);
    cache.keep('told before', 'new', [7], 0);
    expect(cache.isCurrent('told before', 0)).toBe(true);

    cache.keep('told after', 'old', [6], 0);
    cache.notice('told after', 7);
    cache.keep('told after', 'old', [6], 0);
    expect(cache.isCurrent('told after', 0)).toBe(false);
  });

  test('takes no step back for a reply of somebody who is behind', () => {
    const cache = new NoticedCache<string>(options);
    cache.keep('i', 'new', [8], 0);
    cache.keep('i', 'old', [5], 1);
    expect(cache.newest('i')).toBe('new');
    // A log that was made anew counts from one again.
    cache.keep('i', 'of the new log', [1], 60_001);
    expect(cache.newest('i')).toBe('of the new log');
  });

  test('keeps the newest of what is told exactly, also where it is behind in something else', () => {
    const cache = new NoticedCache<string>({ ...options, logs: 2, exactLogs: 1 });
    cache.keep('i', 'a', [5, 9], 0);
    cache.notice('i', 9, 1);
    cache.keep('i', 'b', [6, 8], 1);
    expect(cache.newest('i')).toBe('b');
    expect(cache.isCurrent('i', 1)).toBe(false);
    cache.keep('i', 'c', [6, 9], 1);
    expect(cache.isCurrent('i', 1)).toBe(true);
    cache.keep('i', 'd', [4, 20], 1);
    expect(cache.newest('i')).toBe('c');
  });

  test('fetches again after a while, whatever it was told', () => {
    const cache = new NoticedCache<string>(options);
    cache.keep('i', 'a', [6], 1_000);
    expect(cache.isCurrent('i', 61_000)).toBe(true);
    expect(cache.isCurrent('i', 61_001)).toBe(false);
  });

  test('has for who is in a hurry what lacks a change for a moment, or nothing but its age', () => {
    const cache = new NoticedCache<string>(options);
    expect(cache.standing('i', 0, 500)).toBe('fetch');
    cache.keep('i', 'a', [6], 0);
    expect(cache.standing('i', 60_000, 500)).toBe('current');
    expect(cache.standing('i', 60_001, 500)).toBe('refresh');
    expect(cache.standing('i', 60_001, 0)).toBe('fetch');
    expect(cache.standing('i', 120_001, 500)).toBe('fetch');
    cache.notice('i', 7, 0, 1_000);
    cache.notice('i', 8, 0, 1_400);
    expect([1_500, 1_501].map((at) => cache.standing('i', at, 500))).toEqual(['refresh', 'fetch']);
    // Of a store that is behind: since the change it lacks was told of.
    cache.keep('i', 'b', [7], 1_450);
    expect(cache.standing('i', 1_501, 500)).toBe('fetch');
    cache.keep('i', 'c', [8], 1_600);
    expect(cache.standing('i', 1_601, 500)).toBe('current');
    cache.notice('i', 8, 0, 1_700);
    expect(cache.standing('i', 1_701, 500)).toBe('current');
  });

  test('with more notices than it keeps it is careful with all, and with no more than it must', () => {
    const cache = new NoticedCache<string>({ ...options, noticesMax: 2 });
    cache.keep('there', 'a', [1], 0);
    for (const [id, sequence] of [
      ['a', 5],
      ['b', 6],
      ['c', 7],
    ] as const)
      cache.notice(id, sequence);
    cache.keep('a', 'x', [4], 0);
    cache.keep('unheard', 'x', [4], 0);
    expect(['a', 'unheard', 'there'].map((id) => cache.isCurrent(id, 0))).toEqual([
      false,
      false,
      true,
    ]);
    cache.keep('unheard', 'x', [5], 0);
    cache.keep('c', 'x', [6], 0);
    expect(['unheard', 'c'].map((id) => cache.isCurrent(id, 0))).toEqual([true, false]);
  });

  test('never takes for current what lacks a change that it was told of', () => {
    const ids = fc.constantFrom('a', 'b', 'c', 'd', 'e');
    const steps = fc.oneof(
      fc.record({ change: ids }),
      fc.record({ fetch: ids, behind: fc.nat(4) }),
      fc.record({ tell: fc.nat(6) }),
    );
    fc.assert(
      fc.property(fc.array(steps, { maxLength: 80 }), (list) => {
        const cache = new NoticedCache<number>({ entriesMax: 3, ageMsMax: 1e9, noticesMax: 2 });
        /** Which id each record changed; told: the sequences that a notice came of. */
        const log: string[] = [];
        const told = new Set<number>();
        const newestOf = (id: string, end = log.length) => log.slice(0, end).lastIndexOf(id) + 1;
        for (const step of list) {
          if ('change' in step) log.push(step.change);
          else if ('tell' in step) {
            const sequence = log.length - step.tell;
            if (sequence < 1) continue;
            told.add(sequence);
            cache.notice(log[sequence - 1]!, sequence);
          } else {
            const sequence = Math.max(0, log.length - step.behind);
            cache.keep(step.fetch, newestOf(step.fetch, sequence), [sequence], 0);
          }
          for (const id of ['a', 'b', 'c', 'd', 'e']) {
            if (!cache.isCurrent(id, 0)) continue;
            const toldOf = [...told].filter((sequence) => log[sequence - 1] === id);
            expect(cache.newest(id)).toBeGreaterThanOrEqual(Math.max(0, ...toldOf));
          }
        }
      }),
    );
  });
});
