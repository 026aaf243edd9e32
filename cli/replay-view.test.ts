import { EventEmitter } from 'node:events';
import { afterEach, describe, expect, test } from '@jest/globals';
import type { ReplayProgress } from '../replay/replay.js';
import type { ReplayReport } from '../replay/replay-report.js';
import { progressLine, startReplayView, summaryLines } from './replay-view.js';

const progress: ReplayProgress = {
  phase: 'events',
  done: 25_000,
  total: 100_000,
  eventsPerSecond: 1234.4,
  auc: 0.72341,
  lag: 99,
};

const report: ReplayReport = {
  interrupted: false,
  seconds: 10,
  events: {
    accepted: 1000,
    impressions: 1000,
    actions: 1000,
    positives: 600,
    negatives: 400,
    negativesDropped: 0,
    late: 0,
    deadLettered: 0,
    deadLetterCodes: {},
    open: 0,
    duplicates: 0,
  },
  quality: {
    auc: 0.75,
    withinUserAuc: 0.7,
    prAuc: 0.8,
    ndcg: null,
    normalisedEntropy: 0.74,
    logloss: 0.5,
    ctr: 0.6,
    calibration: null,
    deciles: [
      { meanScore: 0.5, ctr: 0, calibration: null },
      { meanScore: 0.7, ctr: 0.7, calibration: 1 },
    ],
    windows: [{ from: 0, to: 1, auc: null, logloss: 0.5, ctr: 1, count: 100 }],
  },
  training: { samplesPerSecond: 100, batches: 10, backend: 'wasm' },
  freshnessMs: { east: { p50: 14.4, p99: 50 } },
  serving: { requests: 50, p50Ms: 5, p99Ms: null, degraded: 0, rerouted: 2 },
  supervision: { restarts: 1, failovers: 0, recoveryMs: [250] },
  conservation: {
    ok: true,
    broken: [],
    impressions: 1000,
    samplesPositive: 600,
    samplesNegative: 400,
    droppedNegative: 0,
    open: 0,
    deadLettered: 0,
    batchesEmitted: 10,
    batchesApplied: { '0': 10 },
    denseBatchesApplied: 10,
  },
  environment: { node: 'v20', natsServer: '2.9.10', cores: 2, backend: 'wasm' },
};

describe('the line of progress', () => {
  test('has events, rate, quality and lag', () => {
    expect(progressLine(progress, false)).toBe(
      '25,000/100,000 events (25 %), 1,234/s, AUC 0.7234, lag 99',
    );
    expect(progressLine(progress, true)).toMatch(/^█{6}░{18} 25,000/);
  });

  test('says what is waited for', () => {
    expect(progressLine({ ...progress, phase: 'features' }, true)).toContain('features');
    expect(progressLine({ ...progress, phase: 'settling', auc: NaN }, false)).toContain('waiting');
  });
});

describe('the summary', () => {
  test('has a line for each concern, with dashes for what is not known', () => {
    const text = summaryLines(report).join('\n');
    expect(text).toContain('1,000 events in 10.0 s (100/s)');
    expect(text).toContain('AUC 0.7500');
    expect(text).toContain('calibration -');
    expect(text).toContain('east 14 ms (p99 50)');
    expect(text).toContain('recovered in 250 ms');
    expect(text).toContain('nothing lost, nothing twice');
  });

  test('names each law that is broken', () => {
    const conservation = { ...report.conservation, ok: false, broken: ['a', 'b'] };
    const lines = summaryLines({ ...report, conservation }).filter((each) =>
      each.includes('BROKEN'),
    );
    expect(lines).toEqual(['conservation  BROKEN: a', 'conservation  BROKEN: b']);
  });
});

describe('the view of a replay', () => {
  const term = process.env['TERM'];
  afterEach(() => {
    process.env['TERM'] = term;
  });

  function pretendOut(isTTY: boolean) {
    const written: string[] = [];
    const out = Object.assign(new EventEmitter(), {
      isTTY,
      columns: 40,
      write: (text: string) => written.push(text) > 0,
    });
    return { out: out as unknown as NodeJS.WriteStream, written };
  }

  test('redraws one line on a terminal', () => {
    process.env['TERM'] = 'xterm';
    const { out, written } = pretendOut(true);
    const view = startReplayView(out);
    view.update(progress);
    view.update(progress);
    view.note('a note');
    view.stop();
    expect(written.every((text) => !text.includes('\n') || text === 'a note\n')).toBe(true);
    expect(written.filter((text) => text.includes('25,000'))).toHaveLength(2);
  });

  test('writes plain lines now and then elsewhere', () => {
    const { out, written } = pretendOut(false);
    const view = startReplayView(out);
    view.update(progress);
    view.update(progress);
    view.stop();
    expect(written).toEqual([`${progressLine(progress, false)}\n`]);
  });
});
