import { describe, expect, test } from '@jest/globals';
import { encode } from '../messages/codec.js';
import { packed } from '../messages/column-checks.js';
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
const sent = (kind: string, requestIds: string[]) =>
  encode({ kind, rowCount: requestIds.length, requestIds: packed(requestIds) });
const impressions = (...requestIds: string[]) => sent('impressions', requestIds);
const actions = (...requestIds: string[]) => sent('actions', requestIds);

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

  test('is that of requests whose ids are packed, too', () => {
    const count = 40;
    const times = Float64Array.from({ length: count }, (_time, i) => i);
    const many = { ...events, count, timestamps: times, labels: new Uint8Array(count) };
    const ledger = new ArrivalLedger({ ...options, events: many });
    expect(ledger.maySend(count - 1)).toBe(false);
    const ids = Array.from(times, (i) => `run-${i}`);
    expect(packed(ids)).toMatchObject({ prefix: 'run-' });
    ledger.observe(impressions(...ids));
    ledger.observe(actions(...ids));
    expect([ledger.through, ledger.maySend(count - 1)]).toEqual([count, true]);
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
