import { describe, expect, test } from '@jest/globals';
import { ManualClock } from '../../core/base/manual-clock.testkit.js';
import { TrainedPartition } from '../../replication/trained-partition.js';
import { deltaOf, oneSlot } from '../../replication/trained-rows.testkit.js';
import { Sweeper } from './sweeper.js';

const clock = new ManualClock();
const [table] = oneSlot.tables;
const shape = { ...oneSlot, tables: [{ ...table!, expireAfterSeconds: 50 }] };

/** A partition with a row of second 100, that has seen events up to `atSeconds`. */
function sweptAt(number: number, atSeconds: number) {
  const partition = new TrainedPartition(number, shape);
  partition.apply([deltaOf(1, { atSeconds })]);
  const calls: string[] = [];
  const publisher = {
    changed: () => void calls.push('changed'),
    durable: async () => void calls.push('durable'),
  };
  return { partition, calls, owned: () => publisher };
}

describe('a sweep', () => {
  test('takes out rows that are older than they may be, by event time, and publishes it', () => {
    const old = sweptAt(0, 151);
    new Sweeper(clock, () => [old]).look();
    expect(old.partition.rows.rowCount).toBe(0);
    expect(old.calls).toEqual(['changed', 'durable']);
  });

  test('writes nothing where nothing has expired', () => {
    const young = sweptAt(0, 149);
    new Sweeper(clock, () => [young]).look();
    expect(young.partition.rows.rowCount).toBe(1);
    expect(young.calls).toEqual([]);
  });

  test('comes to each partition in turn', () => {
    const all = [0, 1, 2].map((number) => sweptAt(number, 151));
    const sweeper = new Sweeper(clock, () => all);
    for (let i = 0; i < 3; i++) sweeper.look();
    expect(all.map(({ partition }) => partition.rows.rowCount)).toEqual([0, 0, 0]);
  });

  test('leaves alone what takes no pushes now, and a partition that is lost meanwhile', async () => {
    new Sweeper(clock, () => []).look();
    const lost = sweptAt(0, 151);
    const publisher = {
      changed: () => undefined,
      durable: () => Promise.reject(new Error('it has another owner')),
    };
    new Sweeper(clock, () => [{ partition: lost.partition, owned: () => publisher }]).look();
    await new Promise((resolve) => setImmediate(resolve));
  });
});
