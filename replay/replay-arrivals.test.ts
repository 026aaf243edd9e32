import { describe, expect, test } from '@jest/globals';
import { encode } from '../messages/codec.js';
import type { EventTable } from './event-files.js';
import { ArrivalLedger } from './replay-arrivals.js';

/** Events at 0, 10, 20, 30 and 100 s; the second is liked. */
const events: EventTable = {
  count: 5,
  timestamps: Float64Array.of(0, 10, 20, 30, 100),
  users: ['a', 'b', 'c', 'd', 'e'],
  items: ['1', '2', '3', '4', '5'],
  labels: Uint8Array.of(0, 1, 0, 0, 0),
  context: {},
};
const options = { events, runId: 'run', windowMs: 15_000, latenessMs: 5_000 };
const impressions = (...requestIds: string[]) => encode({ kind: 'impressions', requestIds });
const actions = (...requestIds: string[]) => encode({ kind: 'actions', requestIds });

describe('the order of arrivals', () => {
  test('holds an event back that would end the window of one under way', () => {
    const ledger = new ArrivalLedger(options);
    expect([0, 1].map((row) => ledger.maySend(row))).toEqual([true, true]);
    expect(ledger.maySend(2)).toBe(false); // At 20 s the watermark is 15 s, the end of the first window.
    ledger.observe(impressions('run-0'));
    expect(ledger.maySend(2)).toBe(true);
    expect(ledger.maySend(3)).toBe(false);
    ledger.observe(impressions('run-1'));
    expect(ledger.maySend(3)).toBe(false); // Its action is under way.
    ledger.observe(actions('run-1'));
    expect(ledger.maySend(3)).toBe(true);
    expect(ledger.maySend(4)).toBe(false);
    ledger.observe(impressions('run-3', 'run-2'));
    expect(ledger.maySend(4)).toBe(true);
    expect(ledger.through).toBe(4);
  });

  test('goes on when what is missing will never come', () => {
    const ledger = new ArrivalLedger(options);
    expect(ledger.maySend(4)).toBe(false);
    ledger.catchUp(4);
    expect(ledger.maySend(4)).toBe(true);
  });

  test('ignores the events of others', () => {
    const ledger = new ArrivalLedger(options);
    ledger.observe(impressions('other-0', 'run-99', 'run-', 'runs-0'));
    ledger.observe(encode({ kind: 'no message of ours' }));
    expect(ledger.through).toBe(0);
  });
});
