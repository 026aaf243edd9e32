import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, test } from '@jest/globals';
import type { ActorStatus } from '../messages/actor-status.js';
import type { SupervisionEvent } from '../messages/supervision-events.js';
import { brokenLaws } from './conservation-laws.js';
import type { Books, JoinFigures } from './replay-books.js';
import { booksSince } from './replay-books.js';
import { FreshnessHistory } from './replay-freshness.js';
import { noLetters } from './replay-dead-letters.js';
import type { ReplayOutcome } from './replay.js';
import { buildReport, writeReport } from './replay-report.js';
import type { EventTable } from './event-files.js';
import { predictionsOf } from './replay-predictions.js';
import { sameChance } from '../core/evaluation/evaluation.testkit.js';
import { parseClusterConfig } from '../core/config/schema.js';
import { LatencyHistogram } from '../core/base/histogram.js';

const joined: JoinFigures = {
  impressions: 20,
  actions: 20,
  positives: 10,
  negatives: 8,
  negativesDropped: 2,
  duplicates: 1,
  lateActions: 0,
  orphanActions: 0,
  lateImpressions: 0,
  ignoredImpressions: 0,
  open: 0,
  heldActions: 0,
  outboxPending: 0,
};

function books(changes: Partial<Books> = {}): Books {
  return {
    joined,
    batchesEmitted: 3,
    batchesApplied: { '0': 3, '1': 3 },
    denseBatchesApplied: 3,
    deadLetters: 0,
    ...changes,
  };
}

function supervisionEvent(changes: Partial<SupervisionEvent>): SupervisionEvent {
  return { atMs: 1, address: 'train.trainer.0', type: 'exit', detail: '', epoch: 1, ...changes };
}

const config = {
  features: { user: { entity: 'user', kind: 'id' }, item: { entity: 'item', kind: 'id' } },
};

/** Two users in turns, and a rival who says the same of all. */
function eventsOf(labels: Uint8Array): EventTable {
  return {
    ...{ count: labels.length, timestamps: new Float64Array(labels.length), labels },
    users: Array.from(labels, (_label, i) => `u${Math.floor(i / 2) % 2}`),
    items: Array.from(labels, (_label, i) => `i${i}`),
    context: {},
    beside: { rival: new Float64Array(labels.length).fill(0.5) },
  };
}

/** 20 events, every second one liked; liked ones score 0.75, others 0.25, but the first two are swapped. */
function outcome(changes: Partial<ReplayOutcome> = {}): ReplayOutcome {
  const labels = Uint8Array.from({ length: 20 }, (_unused, i) => (i + 1) % 2);
  const scores = Float32Array.from(labels, (label) => (label === 1 ? 0.75 : 0.25));
  [scores[0], scores[1]] = [0.25, 0.75];
  return {
    interrupted: false,
    scores,
    labels,
    versions: new Float64Array(20).fill(7),
    events: eventsOf(labels),
    timestamps: Float64Array.from(labels, (_unused, i) => 1000 + i),
    accepted: 20,
    actions: 20,
    seconds: 2,
    serving: { requests: 4, p50Ms: 5, p99Ms: 9, degraded: 0, rerouted: 1 },
    freshnessMs: { east: { p50: 30, p99: 60 }, west: { p50: NaN, p99: NaN } },
    books: books(),
    letters: noLetters,
    supervision: [],
    status: {
      name: 'starling',
      leader: 'here',
      term: 1,
      hosts: [],
      startedAtMs: 0,
      ready: true,
      dataCenters: [],
      natsServers: [],
      actors: [],
      events: [],
      backend: 'wasm',
      natsServer: { version: '2.9.10' },
    },
    ...changes,
  };
}

describe('a report', () => {
  test('has the quality of the scores given before each label', () => {
    const { quality } = buildReport(outcome());
    // Of 10 · 10 pairs 81 are in order, the swapped positive ties with 9, as the swapped negative does, and one loses.
    expect(quality.auc).toBeCloseTo((81 + 9 / 2 + 9 / 2) / 100);
    expect(quality.ctr).toBe(0.5);
    expect(quality.logloss).toBeCloseTo(-(18 * Math.log(0.75) + 2 * Math.log(0.25)) / 20);
    expect(quality.calibration).toBeCloseTo(1);
    expect(quality.deciles).toHaveLength(10);
    expect(quality.deciles.at(-1)).toMatchObject({ meanScore: 0.75 });
    expect(quality.windows).toHaveLength(10);
    expect(quality.windows[0]).toMatchObject({ from: 1000, to: 1001, auc: 0, ctr: 0.5, count: 2 });
    expect(quality.windows[9]).toMatchObject({ from: 1018, to: 1019, auc: 1, count: 2 });
  });

  test('says how users are ordered within themselves, and what beats the rate', () => {
    const { quality } = buildReport(outcome());
    // One user has five pairs of which one is swapped; the other has all in order.
    expect(quality.withinUserAuc).toBeCloseTo((0.8 + 1) / 2, 1);
    expect(quality.normalisedEntropy).toBeCloseTo(quality.logloss! / Math.log(2));
    expect(quality.prAuc).toBeCloseTo(0.9 * 0.9 + 0.1 * 0.5);
    expect(quality.ndcg).toBeNull();
  });

  test('has a duel with the scores of another system on the same events', () => {
    const { duel } = buildReport(outcome(), { random: sameChance(), draws: 50 });
    expect(duel).toMatchObject({ events: 20, lists: 'user' });
    expect(duel!.theirs).toMatchObject({ auc: 0.5, calibration: 1 });
    expect(duel!.difference.auc).toBeCloseTo(duel!.ours.auc! - 0.5);
    expect(duel!.intervals.auc[0]).toBeGreaterThan(0);
    expect(buildReport(outcome()).duel).toBeUndefined();
  });

  test('gives predictions row by row', () => {
    const rows = [...predictionsOf(outcome(), parseClusterConfig(config))];
    expect(rows).toHaveLength(20);
    expect(rows[1]).toMatchObject({ user: 'u0', item: 'i1', p: 0.75, label: 0, version: '7' });
    expect(rows[1]).toMatchObject({ outcome: 'click', atMs: 1_001_000, rival: 0.5 });
  });

  test('counts events, training and serving', () => {
    const report = buildReport(outcome());
    expect(report.events).toEqual({
      accepted: 20,
      impressions: 20,
      actions: 20,
      positives: 10,
      negatives: 8,
      negativesDropped: 2,
      late: 0,
      deadLettered: 0,
      deadLetterCodes: {},
      open: 0,
      duplicates: 1,
    });
    expect(report.training).toEqual({ samplesPerSecond: 9, batches: 3, backend: 'wasm' });
    expect(report.serving).toEqual({ requests: 4, p50Ms: 5, p99Ms: 9, degraded: 0, rerouted: 1 });
    expect(report.freshnessMs).toEqual({
      east: { p50: 30, p99: 60 },
      west: { p50: null, p99: null },
    });
    expect(report.environment).toMatchObject({ natsServer: '2.9.10', backend: 'wasm' });
    expect(report.conservation).toMatchObject({
      ok: true,
      broken: [],
      batchesApplied: { '0': 3, '1': 3 },
    });
  });

  test('tells restarts from failovers', () => {
    const supervision = [
      supervisionEvent({ type: 'exit' }),
      supervisionEvent({ type: 'restart' }),
      supervisionEvent({ type: 'ready', recoveryMs: 800.4 }),
      supervisionEvent({ type: 'restart', address: 'train.ps-shard.1' }),
      supervisionEvent({ type: 'ready', address: 'train.ps-shard.1', recoveryMs: 1200 }),
    ];
    expect(buildReport(outcome({ supervision })).supervision).toEqual({
      restarts: 2,
      failovers: 1,
      recoveryMs: [800, 1200],
    });
  });

  test('of no events has nulls instead of figures', () => {
    const none = {
      scores: new Float32Array(0),
      labels: new Uint8Array(0),
      timestamps: new Float64Array(0),
    };
    const { quality } = buildReport(outcome({ ...none, accepted: 0, seconds: 0 }));
    expect(quality).toEqual({
      auc: null,
      logloss: null,
      ctr: null,
      calibration: null,
      ...{ withinUserAuc: null, prAuc: null, ndcg: null, normalisedEntropy: null },
      deciles: [],
      windows: [],
    });
  });

  test('is written whole, into a folder that is made', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'starling-report-'));
    const file = path.join(folder, 'new', 'report.json');
    await writeReport(file, buildReport(outcome()));
    expect(JSON.parse(await readFile(file, 'utf8'))).toMatchObject({ events: { accepted: 20 } });
    await expect(writeReport(path.join(file, 'x'), buildReport(outcome()))).rejects.toMatchObject({
      code: 'FILE_INVALID',
    });
    await rm(folder, { recursive: true });
  });
});

describe('the conservation law', () => {
  test('holds when every figure fits', () => {
    expect(brokenLaws(20, books(), noLetters)).toEqual([]);
  });

  test('finds a lost impression', () => {
    expect(brokenLaws(21, books(), noLetters)).toEqual(['21 impressions accepted, 20 arrived']);
    expect(brokenLaws(21, books(), { ...noLetters, impressionsRefused: 1 })).toEqual([]);
  });

  test('finds a lost sample', () => {
    const lost = books({ joined: { ...joined, negatives: 7 } });
    expect(brokenLaws(20, lost, noLetters)).toEqual([
      '20 impressions arrived, 19 are accounted for',
    ]);
  });

  test('finds a batch that was applied twice, or not at all', () => {
    const twice = books({ batchesApplied: { '0': 3, '1': 4 }, denseBatchesApplied: 2 });
    expect(brokenLaws(20, twice, noLetters)).toEqual([
      '3 batches emitted, 4 applied in partition 1',
      '3 batches emitted, 2 applied in the network',
    ]);
  });
});

describe('books', () => {
  test('of a run are the difference, but for sizes', () => {
    const after = books({
      joined: { ...joined, impressions: 50, positives: 30, open: 5 },
      batchesEmitted: 9,
      batchesApplied: { '0': 9, '1': 8, '2': 1 },
      deadLetters: 2,
    });
    expect(booksSince(books(), after)).toMatchObject({
      joined: { impressions: 30, positives: 20, negatives: 0, open: 5 },
      batchesEmitted: 6,
      batchesApplied: { '0': 6, '1': 5, '2': 1 },
      deadLetters: 2,
    });
  });
});

describe('freshness', () => {
  function shard(epoch: number, freshness?: readonly number[]): ActorStatus {
    return {
      address: 'east.serving-shard.0',
      kind: 'serving-shard',
      dataCenter: 'east',
      host: 'here',
      pid: 1,
      state: 'ready',
      epoch,
      restarts: 0,
      stats: freshness ? { freshness } : {},
      sinceMs: 0,
    };
  }
  const encoded = (ms: number, count: number) => {
    const histogram = new LatencyHistogram();
    histogram.record(ms, count);
    return Array.from(histogram.encode());
  };

  test('adds up the lives of a shard', () => {
    const history = new FreshnessHistory();
    history.observe([shard(1, encoded(10, 1))]);
    history.observe([shard(1, encoded(10, 60))]); // The same life, later.
    history.observe([shard(2, encoded(1000, 40))]);
    const { east } = history.quantiles();
    expect(Math.abs(east!.p50 - 10)).toBeLessThan(1);
    expect(Math.abs(east!.p99 - 1000)).toBeLessThan(50);
  });

  test('ignores what is no histogram', () => {
    const history = new FreshnessHistory();
    history.observe([shard(1), shard(2, [1])]);
    expect(history.quantiles()).toEqual({ east: { p50: NaN, p99: NaN } });
  });
});
