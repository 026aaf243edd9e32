import { describe, expect, test } from '@jest/globals';
import { VisibleLedger } from './replay-visible.js';

describe('what serving has learned', () => {
  test('is what its slowest data center has learned', () => {
    const ledger = new VisibleLedger(['east', 'west'], 1);
    expect(ledger.complete).toBe(false);
    ledger.observe({ dataCenter: 'east', shard: 0, through: 5, resolved: 50 });
    expect(ledger).toMatchObject({ complete: false, through: -1, learned: 0 });
    ledger.observe({ dataCenter: 'west', shard: 0, through: 3, resolved: 30 });
    expect(ledger).toMatchObject({ complete: true, through: 3, learned: 30 });
  });

  test('is counted by one shard, up to where the others are', () => {
    const ledger = new VisibleLedger(['east'], 2);
    ledger.observe({ dataCenter: 'east', shard: 1, through: 0, resolved: 0 });
    ledger.observe({ dataCenter: 'east', shard: 0, through: 1, resolved: 10 });
    ledger.observe({ dataCenter: 'east', shard: 0, through: 2, resolved: 25 });
    expect(ledger.learned).toBe(0);
    ledger.observe({ dataCenter: 'east', shard: 1, through: 1, resolved: 0 });
    expect(ledger.learned).toBe(10);
    ledger.observe({ dataCenter: 'east', shard: 1, through: 4, resolved: 0 });
    expect(ledger).toMatchObject({ learned: 25, through: 2 });
  });

  test('stays when notices come out of order, twice, or from a shard that starts over', () => {
    const ledger = new VisibleLedger(['east'], 1);
    ledger.observe({ dataCenter: 'east', shard: 0, through: 4, resolved: 40 });
    ledger.observe({ dataCenter: 'east', shard: 0, through: 2, resolved: 20 });
    ledger.observe({ dataCenter: 'east', shard: 0, through: 0, resolved: 0 });
    expect(ledger).toMatchObject({ learned: 40, through: 4 });
  });

  test('ignores strangers', () => {
    const ledger = new VisibleLedger(['east'], 1);
    ledger.observe({ dataCenter: 'mars', shard: 0, through: 4, resolved: 40 });
    ledger.observe({ dataCenter: 'east', shard: 7, through: 4, resolved: 40 });
    expect(ledger.complete).toBe(false);
  });
});
