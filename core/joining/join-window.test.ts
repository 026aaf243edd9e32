import { describe, expect, test } from '@jest/globals';
import { codeOf } from '../base/errors.js';
import {
  actionsOf,
  examplesOf,
  impressionsOf,
  MemoryJoinStore,
  oneOutcome,
  rowsOf,
} from './join-events.testkit.js';
import type { ActionRow, ImpressionRow } from './join-events.testkit.js';
import { logs, noFacts } from './event-facts.js';
import { idleWatermarkMs } from './idle-watermark.js';
import { assertConserved, countersIn, sumOf } from './join-counts.js';
import { JoinWindow } from './join-window.js';
import { keepsNegative } from './negative-sampling.js';
import { kindOf, recordKind } from './record-codec.js';
import type { JoinOptions } from './types.js';

const options: JoinOptions = {
  ...oneOutcome(100),
  latenessMs: 10,
  copiesMs: 0,
  negativeRate: 1,
  bucketMs: 1,
};
const shown: ImpressionRow = { requestId: 'r1', item: 'i1', atMs: 1000 };
const clicked: ActionRow = { requestId: 'r1', item: 'i1', atMs: 1050 };

function see(window: JoinWindow, ...rows: ImpressionRow[]): void {
  window.observeImpressions(impressionsOf(rows));
}

function act(window: JoinWindow, ...rows: ActionRow[]): void {
  window.observeActions(actionsOf(rows));
}

describe('JoinWindow', () => {
  test('goes on with the counters of one that has had more, if the same is open', () => {
    const other: ImpressionRow = { ...shown, requestId: 'r2', atMs: 1200 };
    const whole = new JoinWindow(options);
    see(whole, shown);
    act(whole, clicked);
    see(whole, other);
    const anew = new JoinWindow(options);
    expect(anew.adopt(whole.counters)).toBe(false);
    expect(anew.counters.impressions).toBe(0);
    see(anew, other);
    expect(anew.adopt(countersIn({ ...whole.counters, later: 1 })!)).toBe(true);
    expect(anew.counters).toEqual(whole.counters);
    anew.drain();
    expect(sumOf(whole.counters, anew.counters)).toMatchObject({ impressions: 4, open: 2 });
    expect(countersIn({ ...whole.counters, open: -1 })).toBeUndefined();
    expect(countersIn(undefined)).toBeUndefined();
  });

  test('an impression and its action make a sample at once', () => {
    const window = new JoinWindow(options);
    see(window, { ...shown, user: 'u', score: 0.25 });
    act(window, { ...clicked, acceptedAtMs: 77 });
    const { samples } = window.drain();
    expect(rowsOf(samples)).toEqual([
      {
        requestId: 'r1',
        item: 'i1',
        user: 'u',
        label: 1,
        sampleRate: 1,
        score: 0.25,
        atMs: 1000,
        acceptedAtMs: 77,
      },
    ]);
    expect(samples.examples).toEqual(examplesOf([shown]));
    expect(window.counters).toMatchObject({
      impressions: 1,
      positives: 1,
      joinedActions: 1,
      open: 0,
    });
  });

  test('an action that comes first waits for its impression, over drains', () => {
    const window = new JoinWindow(options);
    act(window, clicked);
    expect(window.drain().samples.outcomes['click']!.labels).toHaveLength(0);
    expect(window.counters.heldActions).toBe(1);
    see(window, shown);
    expect(rowsOf(window.drain().samples)).toMatchObject([{ requestId: 'r1', label: 1 }]);
    expect(window.counters.heldActions).toBe(0);
  });

  test('an impression without action becomes a negative once the watermark passes its window', () => {
    const window = new JoinWindow(options);
    see(window, shown);
    window.advance(1099);
    expect(window.drain().samples.outcomes['click']!.labels).toHaveLength(0);
    window.advance(1100);
    const { samples } = window.drain();
    expect(rowsOf(samples)).toMatchObject([{ label: 0, sampleRate: 1, atMs: 1000 }]);
    expect(samples.acceptedAtMs[0]).toBeNaN();
    expect(samples.examples).toEqual(examplesOf([shown]));
  });

  test('the watermark follows the newest event, less the allowed lateness, and never goes back', () => {
    const window = new JoinWindow(options);
    expect(window.watermarkMs).toBe(-Infinity);
    see(window, shown, { requestId: 'r2', item: 'i1', atMs: 500 });
    window.advance();
    expect(window.watermarkMs).toBe(990);
    window.advance(1);
    expect(window.watermarkMs).toBe(990);
  });

  test('an explicit dismissal is a negative at once', () => {
    const window = new JoinWindow(options);
    see(window, shown);
    act(window, { ...clicked, label: 0, acceptedAtMs: 5 });
    expect(rowsOf(window.drain().samples)).toMatchObject([{ label: 0, acceptedAtMs: 5 }]);
    expect(window.counters.negatives).toBe(1);
  });

  test('an action after another one tells nothing new', () => {
    const window = new JoinWindow(options);
    see(window, shown);
    act(window, clicked, clicked, { ...clicked, label: 0 });
    const { samples, deadLetters } = window.drain();
    expect(samples.outcomes['click']!.labels).toHaveLength(1);
    expect(deadLetters).toEqual([]);
    expect(window.counters).toMatchObject({ repeatedActions: 2, actions: 3 });
  });

  test('a click after the window has ended is late and leaves the negative as it is', () => {
    const window = new JoinWindow(options);
    see(window, shown);
    window.advance(1100);
    act(window, clicked);
    const { samples, deadLetters } = window.drain();
    expect([...samples.outcomes['click']!.labels]).toEqual([0]);
    expect(deadLetters).toMatchObject([{ code: 'LATE_ACTION' }]);
  });

  test('a click beyond the window by event time is late even while the impression is open', () => {
    const window = new JoinWindow(options);
    see(window, shown);
    act(window, { ...clicked, atMs: 1101 });
    expect(window.counters).toMatchObject({ historyActions: 1, open: 1 });
  });

  test('an action whose impression never comes is a dead letter', () => {
    const window = new JoinWindow(options);
    act(window, clicked);
    window.advance(1160);
    const { deadLetters } = window.drain();
    expect(deadLetters).toMatchObject([
      { code: 'ORPHAN_ACTION', requestId: 'r1', atMs: 1050, label: 1 },
    ]);
    act(window, clicked);
    expect(window.drain().deadLetters).toMatchObject([{ code: 'LATE_ACTION' }]);
  });

  test('redelivered impressions are ignored, open or closed', () => {
    const window = new JoinWindow(options);
    see(window, shown, shown);
    act(window, clicked);
    see(window, shown);
    expect(window.drain().samples.outcomes['click']!.labels).toHaveLength(1);
    expect(window.counters).toMatchObject({ impressions: 1, duplicates: 2 });
  });

  test('a closed identity is forgotten only when no copy of it can come any more', () => {
    const keepMs = 2 * (100 + 10);
    const window = new JoinWindow(options);
    see(window, shown);
    act(window, { ...clicked, label: 0 });
    const stored = window.drain().changes.put.map(({ number }) => number);
    window.advance(1000 + keepMs);
    see(window, shown);
    expect(window.drain().changes.remove).toEqual([]);
    expect(window.counters).toMatchObject({ duplicates: 1, lateImpressions: 0 });
    window.advance(1000 + keepMs + 1);
    expect(window.drain().changes.remove).toEqual(stored);
    see(window, shown);
    expect(window.counters).toMatchObject({ duplicates: 1, lateImpressions: 1 });
  });

  test('the end of a stream closes every window and leaves the watermark', () => {
    const window = new JoinWindow(options);
    see(window, shown);
    act(window, { ...clicked, requestId: 'r9' });
    window.closeAll();
    const { samples, deadLetters } = window.drain();
    expect([...samples.outcomes['click']!.labels]).toEqual([0]);
    expect(deadLetters).toMatchObject([{ code: 'ORPHAN_ACTION' }]);
    see(window, { ...shown, requestId: 'r2' });
    expect(window.counters.open).toBe(1);
  });

  test('ids that run together the same way are different identities', () => {
    const window = new JoinWindow(options);
    see(window, { requestId: 'a', item: 'bc', atMs: 1 }, { requestId: 'ab', item: 'c', atMs: 1 });
    expect(window.counters.open).toBe(2);
  });

  test('a batch of uneven columns or another shape is refused whole', () => {
    const window = new JoinWindow(options);
    const batch = impressionsOf([shown]);
    const codes = [
      () => window.observeImpressions({ ...batch, users: [] }),
      () =>
        window.observeImpressions({
          ...batch,
          examples: { ...batch.examples, dense: new Float32Array(1) },
        }),
      () => window.observeImpressions({ ...batch, examples: { ...batch.examples, slotCount: 2 } }),
      () => window.observeActions({ ...actionsOf([clicked]), labels: new Float32Array(0) }),
    ].map((refused) => {
      try {
        return refused();
      } catch (error) {
        return codeOf(error);
      }
    });
    expect(codes).toEqual(['BAD_MESSAGE', 'BAD_MESSAGE', 'SPEC_MISMATCH', 'BAD_MESSAGE']);
    expect(window.counters.impressions).toBe(0);
  });
});

describe('changes of a drain', () => {
  test('what opened and closed between two drains leaves only what tells copies of it', () => {
    const window = new JoinWindow(options);
    see(window, shown);
    act(window, { ...clicked, label: 0 });
    const { put, remove } = window.drain().changes;
    expect(put.map(({ bytes }) => kindOf(bytes))).toEqual([recordKind.segment]);
    expect(put[0]!.bytes.length).toBeLessThan(40);
    expect(remove).toHaveLength(0);
    expect(window.drain().changes).toMatchObject({ put: [], remove: [] });
  });

  test('a row that was stored is removed when nothing came of it, and becomes small when something did', () => {
    const window = new JoinWindow(options);
    see(window, shown, { ...shown, requestId: 'r2' });
    const stored = window.drain().changes.put.map(({ number }) => number);
    act(window, clicked, { ...clicked, requestId: 'r2', label: 0 });
    const { put, remove } = window.drain().changes;
    expect(remove).toEqual(stored);
    expect(put.map(({ bytes }) => kindOf(bytes))).toEqual([
      ...[recordKind.settledRows, recordKind.segment],
    ]);
  });

  test('beyond memoryOpenMax the oldest rows are read back from the store', () => {
    const store = new MemoryJoinStore();
    const reads: number[] = [];
    const cold = { get: (number: number) => (reads.push(number), store.get(number)) };
    const window = new JoinWindow({ ...options, memoryOpenMax: 1 }, cold);
    const rows = [1, 2, 3].map((n) => ({ ...shown, requestId: `r${n}` }));
    for (const row of rows) {
      see(window, row);
      store.commit(window.drain().changes);
    }
    store.commit(window.drain().changes);
    act(window, ...rows.map(({ requestId }) => ({ ...clicked, requestId })));
    const { samples } = window.drain();
    expect(reads).toEqual([1, 2]);
    expect(samples.requestIds).toEqual(['r1', 'r2', 'r3']);
    expect(samples.examples).toEqual(examplesOf(rows));
  });

  test('a store that lacks a row it must have is corrupt', () => {
    const store = new MemoryJoinStore();
    const window = new JoinWindow(options);
    see(window, shown);
    store.commit(window.drain().changes);
    const restored = new JoinWindow(options);
    expect.assertions(1);
    try {
      restored.restore({ progress: store.progress!, records: [] });
    } catch (error) {
      expect(codeOf(error)).toBe('CORRUPT');
    }
  });

  test('open rows of another feature shape are refused at restore', () => {
    const store = new MemoryJoinStore();
    const window = new JoinWindow(options);
    see(window, shown);
    store.commit(window.drain().changes);
    const restored = new JoinWindow({ ...options, denseCount: 5 });
    expect.assertions(1);
    try {
      restored.restore({ progress: store.progress!, records: store.records });
    } catch (error) {
      expect(codeOf(error)).toBe('SPEC_MISMATCH');
    }
  });
});

describe('negative sampling', () => {
  const identities = Array.from({ length: 4000 }, (_, i) => ({
    requestId: `r${i >> 2}`,
    item: `i${i & 3}`,
  }));

  test('keeps about its rate, the same ones each time, and more at a higher rate', () => {
    const keptAt = (rate: number) =>
      identities.filter(({ requestId, item }) => keepsNegative(requestId, item, rate));
    expect(keptAt(0)).toHaveLength(0);
    expect(keptAt(1)).toHaveLength(4000);
    expect(keptAt(0.25).length / 4000).toBeCloseTo(0.25, 1);
    const more = new Set(keptAt(0.5));
    expect(keptAt(0.25).every((identity) => more.has(identity))).toBe(true);
  });

  test('applies to dismissals and to ended windows alike, never to positives', () => {
    const window = new JoinWindow({ ...options, negativeRate: 0.25 });
    see(window, ...identities.map((identity) => ({ ...identity, atMs: 1000 })));
    act(
      window,
      ...identities.slice(0, 1000).map((identity) => ({ ...identity, atMs: 1001, label: 1 })),
    );
    act(
      window,
      ...identities.slice(1000, 2000).map((identity) => ({ ...identity, atMs: 1001, label: 0 })),
    );
    window.closeAll();
    const { samples } = window.drain();
    const { positives, negatives, negativesDropped } = window.counters;
    expect(positives).toBe(1000);
    expect(negatives + negativesDropped).toBe(3000);
    for (const { requestId, item, label, sampleRate } of rowsOf(samples)) {
      expect(sampleRate).toBe(label === 1 ? 1 : 0.25);
      if (label === 0) expect(keepsNegative(requestId, item, 0.25)).toBe(true);
    }
  });
});

describe('the watermark of an idle stream', () => {
  const idle = {
    nowMs: 10_000,
    arrivedAtMs: 8000,
    eventMsMax: 7900,
    allowedLatenessMs: 50,
    copiesMs: 0,
    idleMs: 1000,
    liveWithinMs: 500,
  };

  test.each([
    ['a live stream goes on at the pace of the wall clock', {}, 9850],
    ['one that is not idle yet does not', { nowMs: 8999 }, undefined],
    ['a replay of old events does not', { eventMsMax: 100 }, undefined],
    ['clocks ahead of ours do not carry it beyond now', { eventMsMax: 8400 }, 9950],
  ])('%s', (_, change, expected) => {
    expect(idleWatermarkMs({ ...idle, ...change })).toBe(expected);
  });
});

test('what bots and staff were shown is counted, known to copies over a restart, and no more', () => {
  const store = new MemoryJoinStore();
  const window = new JoinWindow(options, store);
  const facts = { ...noFacts, logs: Uint8Array.of(logs.ignored) };
  const ignored = { ...impressionsOf([shown]), facts };
  window.observeImpressions(ignored);
  store.commit(window.drain().changes);
  const anew = new JoinWindow(options, store);
  anew.restore({ progress: store.progress!, records: store.records });
  anew.observeImpressions(ignored);
  see(anew, shown);
  const { samples } = anew.drain();
  expect(samples.items).toEqual([]);
  const { counters } = anew;
  expect(counters).toMatchObject({ impressions: 1, ignoredImpressions: 1, duplicates: 2, open: 0 });
  expect(() => assertConserved(counters)).not.toThrow();
  expect(() => assertConserved({ ...counters, ignoredImpressions: 0 })).toThrow('impressions');
});

test.each(['goes on', 'is restored'])(
  'who is erased is in no record of a window that %s, also where his row is over and that of a neighbour is not',
  (how) => {
    const store = new MemoryJoinStore();
    const window = new JoinWindow(options, store);
    const later = { ...shown, requestId: 'r2', user: 'neighbour', atMs: 1050 };
    see(window, { ...shown, user: 'somebody' }, later);
    act(window, clicked, { ...clicked, requestId: 'r2', atMs: 1060 });
    // Both in one record.
    store.commit(window.drain().changes);
    window.advance(1000 + 2 * (100 + 10) + 1);
    store.commit(window.drain().changes);
    const namesIn = (): string[] => {
      const bytes = Buffer.concat(store.records.map((record) => record.bytes));
      return ['somebody', 'neighbour'].filter((name) => bytes.includes(name));
    };
    expect(namesIn()).toEqual(['somebody', 'neighbour']);
    const next = how === 'goes on' ? window : new JoinWindow(options, store);
    if (next !== window) next.restore({ progress: store.progress!, records: store.records });
    next.observeErase({ person: 'somebody', atMs: 2000, isUp: true });
    store.commit(next.drain().changes);
    expect(namesIn()).toEqual(['neighbour']);
    const anew = new JoinWindow(options, store);
    anew.restore({ progress: store.progress!, records: store.records });
    see(anew, later);
    expect(anew.counters).toMatchObject({ duplicates: 1, lateImpressions: 0 });
  },
);

test('the checker of the conservation law finds one lost sample', () => {
  const window = new JoinWindow(options);
  see(window, shown);
  act(window, clicked);
  const { counters } = window;
  expect(() => assertConserved(counters)).not.toThrow();
  expect(() => assertConserved({ ...counters, positives: 0 })).toThrow('impressions');
  expect(() => assertConserved({ ...counters, joinedActions: 0 })).toThrow('actions');
});
