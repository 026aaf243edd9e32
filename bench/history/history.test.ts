import { describe, expect, test } from '@jest/globals';
import { entriesIn, historyLines, lineOf, type HistoryEntry } from './history.js';

const entry = (changes: Partial<HistoryEntry>): HistoryEntry => ({
  ...{ date: '2026-01-02T03:04:05.678Z', bench: 'table', size: 'quick', dirty: false },
  ...{ commit: '0123456789abcdef', machine: 'a machine', node: 'v20.1.0' },
  figures: { 'table, M/s': 10, 'table / libcuckoo': 2, notes: 'uniform keys' },
  ...changes,
});

describe('the history of a benchmark', () => {
  const runs = [
    entry({}),
    entry({ bench: 'training' }),
    entry({ commit: 'fedcba9876543210', dirty: true, figures: { 'table / libcuckoo': 3 } }),
    entry({ machine: 'another', figures: { 'table / libcuckoo': 4, 'table, M/s': 7 } }),
  ];

  test('is read as it was written, and a run that was cut short is no line', () => {
    const text = runs.map(lineOf).join('');
    expect(entriesIn(text)).toEqual(runs);
    expect(text.split('\n')).toHaveLength(runs.length + 1);
    expect(() => entriesIn(`${text}{"date"`)).toThrow(SyntaxError);
  });

  test('tells ratios by commit, and changes only between what can be compared', () => {
    expect(historyLines(runs, { bench: 'table' })).toEqual([
      'table / libcuckoo',
      '  2026-01-02 03:04  012345678   2         quick, v20.1.0, a machine',
      '  2026-01-02 03:04  fedcba987*  3  +50 %  quick, v20.1.0, a machine',
      '  2026-01-02 03:04  012345678   4         quick, v20.1.0, another',
      '',
    ]);
  });

  test('tells other figures where they are asked for, or there is no ratio', () => {
    expect(historyLines(runs, { bench: 'table', figure: 'M/s' })[0]).toBe('table, M/s');
    const plain = [entry({ figures: { 'rows/s': 5, notes: 'x' } })];
    expect(historyLines(plain, { bench: 'table' })[0]).toBe('rows/s');
    expect(historyLines(runs, { bench: 'no such' })).toEqual([]);
  });
});
