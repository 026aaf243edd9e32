import { expect, test } from '@jest/globals';
import { RecentLatency } from './recent-latency.js';

test('knows nothing before the first latency', () => {
  const recent = new RecentLatency();
  expect(recent.quantile(0.99, 0)).toBeNaN();
  expect(recent.count(0)).toBe(0);
});

test('remembers a latency for at least one half of the window and at most two', () => {
  const recent = new RecentLatency();
  recent.record(500, 1_000);
  expect(recent.quantile(1, 4_900)).toBe(500);
  recent.record(2, 5_100);
  expect(recent.quantile(1, 8_900)).toBe(500);
  expect(recent.quantile(1, 9_000)).toBe(2);
});

test('forgets all after a silence', () => {
  const recent = new RecentLatency();
  recent.record(500, 0);
  expect(recent.count(8_000)).toBe(0);
  expect(recent.quantile(0.99, 8_000)).toBeNaN();
});

test('tells at once that what was fast has become slow', () => {
  const recent = new RecentLatency();
  for (let i = 0; i < 100_000; i++) recent.record(1, i / 100);
  for (let i = 0; i < 200; i++) recent.record(900, 10_000 + i);
  expect(recent.quantile(0.99, 10_200)).toBeGreaterThan(850);
});
