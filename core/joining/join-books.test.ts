import { expect, test } from '@jest/globals';
import { JoinBooks } from './join-books.js';
import { assertConserved } from './join-counts.js';

const rules = [
  { name: 'click', from: ['click'], windowMs: 10 },
  { name: 'purchase', from: ['purchase'], windowMs: 10, given: 'click' },
];

test('whoever goes on with the counters of another window has them as they are, also where impressions were ignored or late', () => {
  const books = new JoinBooks(rules);
  Object.assign(books.events, { impressions: 9, ignoredImpressions: 4, lateImpressions: 1 });
  Object.assign(books.outcomes[0]!, { positives: 1, negatives: 3 });
  Object.assign(books.outcomes[1]!, { notGiven: 3, open: 1 });
  const counters = books.counters(0);
  assertConserved(counters);

  const next = new JoinBooks(rules);
  next.adopt(counters);
  expect(next.counters(0)).toEqual(counters);
});

test('an outcome that the other window did not know has dropped what came before, and nothing that was ignored', () => {
  const one = new JoinBooks(rules.slice(0, 1));
  Object.assign(one.events, { impressions: 9, ignoredImpressions: 4 });
  Object.assign(one.outcomes[0]!, { positives: 2, negatives: 3 });

  const next = new JoinBooks(rules);
  next.adopt(one.counters(0));
  expect(next.counters(0).others['purchase']!.negativesDropped).toBe(5);
  assertConserved(next.counters(0));
});
