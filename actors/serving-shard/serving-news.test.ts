import { describe, expect, test } from '@jest/globals';
import { ManualClock } from '../../core/base/manual-clock.testkit.js';
import { ServingNews } from './serving-news.js';

function setUp(partitions = [0, 1]) {
  const told: { through: number; resolved: number }[] = [];
  const due: (() => void)[] = [];
  const clock = new ManualClock();
  clock.jump(100_000);
  clock.soon = (run) => void due.push(run);
  const news = new ServingNews({
    clock,
    partitions,
    announce: (known) => told.push(known),
  });
  const turn = () => due.splice(0).forEach((run) => run());
  const learn = (partition: number, watermark: number, appliedAtMs = 0) =>
    news.learn(partition, { watermark, trail: undefined, appliedAtMs });
  return { clock, news, told, turn, learn };
}

describe('the news of a serving shard', () => {
  test('are told when it is live, once per turn, however many partitions moved', () => {
    const { news, told, turn, learn } = setUp();
    learn(0, 3);
    turn();
    expect(told).toEqual([]);
    news.goLive();
    expect(told).toEqual([{ through: 0, resolved: 0 }]);
    learn(0, 5);
    learn(1, 4);
    turn();
    expect(told.slice(1)).toEqual([{ through: 4, resolved: 0 }]);
    turn();
    expect(told).toHaveLength(2);
  });

  test('begin with what the snapshot had settled, as the partition that keeps the books says', () => {
    const { news } = setUp();
    const snapshot = { watermark: 9, trail: undefined, appliedAtMs: 0 };
    news.learn(0, { ...snapshot, resolved: 70 });
    news.learn(1, { ...snapshot, resolved: 0 });
    expect(news.figures()).toMatchObject({ through: 9, resolved: 70 });
  });

  test('count how long rows were under way from now on, not from a replay', () => {
    const { clock, news, learn } = setUp();
    learn(0, 1, clock.wallMs() - 60_000);
    expect(news.figures().propagationP50Ms).toBeNaN();
    news.goLive();
    learn(0, 2, clock.wallMs() - 50);
    expect(news.figures().propagationP50Ms).toBeGreaterThan(10);
    expect(news.figures().propagationP50Ms).toBeLessThan(10_000);
  });
});
