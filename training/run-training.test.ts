import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { codeOf } from '../core/base/errors.js';
import { blueprintOf } from '../core/blueprint/blueprint.js';
import { parseClusterConfig } from '../core/config/schema.js';
import { sourceOf } from '../operations/import/import-source.testkit.js';
import { DirectorySnapshots } from '../runtime/stores/directory-snapshots.js';
import { systemClock } from '../runtime/system.js';
import { auc } from '../core/model/metrics.js';
import type { Prediction } from '../importing/predictions-file.js';
import { predictionsOf } from './holdout.js';
import { loadPartitions, manifestIn } from './model-files.js';
import { runTraining, type TrainingOptions, type TrainingResult } from './run-training.js';

const config = parseClusterConfig({
  features: {
    user: { entity: 'user', kind: 'id' },
    item: { entity: 'item', kind: 'id' },
    lately: { entity: 'user', kind: 'history', of: 'item', length: 3 },
    views: { entity: 'item', kind: 'count', window: '1h' },
  },
  events: { click: {}, buy: {} },
  outcomes: { click: {}, buy: {} },
  model: { network: 'deepfm', factorDim: 4, hidden: [8] },
  training: { batchRowsMax: 64 },
  partitions: 4,
});

/** Users who like one item of five, and what they did when. */
function rowsOf(count: number) {
  let drawn = 5;
  const next = (below: number): number => (drawn = (drawn * 48_271) % 2_147_483_647) % below;
  return Array.from({ length: count }, (_unused, i) => {
    const user = next(30);
    const item = next(4) > 0 ? 5 * next(6) + (user % 5) : next(30);
    return {
      ...{ user: `u${user}`, item: `i${item}`, type: next(5) === 0 ? 'buy' : 'click' },
      timestamp: 1_700_000_000_000 + 60_000 * i,
    };
  });
}

let folder = '';
let made = 0;
/** What most tests look at. */
let firstOut = '';
let first: TrainingResult;
beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'starling-training-'));
  firstOut = newFolder();
  first = await trained({ out: firstOut });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const newFolder = (): string => path.join(folder, `out-${++made}`);

function training(options: Partial<TrainingOptions> = {}) {
  return runTraining({
    ...{ config, source: sourceOf({ rows: rowsOf(1_500) }), files: ['events.csv'] },
    ...{ out: newFolder(), threads: 2, epochs: 1, holdout: { share: 0.2 }, clock: systemClock },
    ...options,
  });
}

async function trained(options: Partial<TrainingOptions> = {}): Promise<TrainingResult> {
  const end = await training(options);
  if (end.kind === 'stopped') throw new Error('it was stopped');
  return end.result;
}

async function codeAndText(work: Promise<unknown>): Promise<readonly [string, string]> {
  try {
    await work;
    return ['none', ''];
  } catch (error) {
    return [codeOf(error), String((error as Error).message)];
  }
}

describe('a training', () => {
  test('is of any network: of one that looks at histories, and of one’s own', async () => {
    const own = `exports.default = {
      parameters: () => [{ name: 'bias', shape: [1], initial: 'zeros' }, { name: 'heads', shape: [1, 2], initial: 'ones', columns: 'heads' }],
      forward: (blocks, { weights, vectors }, p, { slotCount }) => {
        const sum = blocks.add([blocks.sumColumns(weights), blocks.pairwiseInteractions(vectors, slotCount)]);
        return blocks.denseLayer(blocks.addBias(sum, p.vector('bias')), p.matrix('heads'), null, false);
      },
    };`;
    for (const model of [
      { network: 'transformer' },
      { network: './own.ts', networkCode: own },
    ] as const) {
      const changed = parseClusterConfig({ ...config, model: { ...config.model, ...model } });
      const { holdout, digest, refusedSteps } = await trained({ config: changed });
      // Users like one item of five; guessing is a half.
      expect(holdout[0]!.auc).toBeGreaterThan(0.6);
      expect(refusedSteps).toBe(0);
      expect((await trained({ config: changed })).digest).toBe(digest);
    }
  });

  test('is a function of input, seed and number of threads, bit for bit', async () => {
    const again = await trained();
    expect(again.digest).toBe(first.digest);
    expect(again.holdout).toEqual(first.holdout);
    expect(again.before).toEqual(first.before);
    const alone = await trained({ threads: 1 });
    expect((await trained({ threads: 1, seed: 9 })).digest).not.toBe(alone.digest);
    // The same steps, summed in another order.
    expect(alone.holdout[0]!.logloss).toBeCloseTo(first.holdout[0]!.logloss!, 3);
    expect(alone.samples).toEqual(first.samples);
  });

  test('learns, and holds out the last events', async () => {
    const { holdout, samples, holdoutFromMs, events } = await trained({ epochs: 4, threads: 1 });
    expect(events).toBe(1_500);
    expect(holdoutFromMs).toBe(1_700_000_000_000 + 60_000 * 1_200);
    expect(holdout.map(({ outcome }) => outcome)).toEqual(['click', 'buy']);
    expect(holdout[0]!.auc).toBeGreaterThan(0.65);
    expect(holdout[0]!.calibration).toBeGreaterThan(0.7);
    expect(holdout[0]!.calibration).toBeLessThan(1.4);
    // The same by time, and without.
    const byTime = await trained({ holdout: { fromMs: holdoutFromMs! }, threads: 1 });
    expect(byTime.samples).toEqual(samples);
    const all = await trained({ holdout: undefined, threads: 1 });
    expect(all.samples.train).toBe(samples.train + samples.holdout + samples.late);
    expect(all.holdout).toEqual([]);
  });

  test('says the same of each row of the holdout, whatever the number of threads', async () => {
    const saidBy = async (threads: number): Promise<Prediction[]> => {
      const said: Prediction[] = [];
      await trained({
        threads,
        scored: async (scores, snapshot) => void said.push(...predictionsOf(scores, snapshot)),
      });
      return said;
    };
    const [one, three] = [await saidBy(1), await saidBy(3)];
    const rowOf = ({ user, item, outcome, label, atMs }: Prediction): unknown[] => [
      ...[user, item, outcome, label, atMs],
    ];
    expect(three.map(rowOf)).toEqual(one.map(rowOf));
    three.forEach(({ p }, i) => expect(p).toBeCloseTo(one[i]!.p, 2));
    const clicks = one.filter(({ outcome }) => outcome === 'click');
    const [figures] = (await trained({ threads: 1 })).holdout;
    expect(clicks).toHaveLength(figures!.rows);
    const labels = clicks.map(({ label }) => label);
    expect(figures!.auc).toBeCloseTo(
      auc(
        clicks.map(({ p }) => p),
        labels,
      ),
      6,
    );
    // An event is of who did it, and what is drawn beside it of the same.
    const events = new Set(
      rowsOf(1_500).map(({ user, item, timestamp }) => `${user} ${item} ${timestamp}`),
    );
    for (const { user, item, label, atMs } of clicks)
      if (label === 1) expect(events.has(`${user} ${item} ${atMs}`)).toBe(true);
  });

  test('that was stopped goes on from its checkpoint, and ends as if it had not been', async () => {
    const whole = await trained({ epochs: 2 });
    const out = newFolder();
    const options = { out, epochs: 2 };
    // While samples are made, and then while it learns.
    const early = new AbortController();
    early.abort();
    const stopped = await training({ ...options, signal: early.signal });
    expect(stopped).toEqual({ kind: 'stopped', step: 0 });
    let looks = 0;
    const pages = 1_500 / 50;
    const signal = Object.assign(new EventTarget(), { onabort: null }) as unknown as AbortSignal;
    Object.defineProperty(signal, 'aborted', { get: () => ++looks > pages });
    expect(await training({ ...options, signal })).toEqual({ kind: 'stopped', step: 1 });
    // Also where every block is followed by one.
    const resumed = await trained({ ...options, checkpointEveryMs: 0 });
    expect(resumed.digest).toBe(whole.digest);
    expect(resumed.rows).toBe(whole.rows);
    expect(resumed.before['click']!.auc).toBe(whole.before['click']!.auc);
    // Expected sums are told as whole numbers.
    const { calibration } = resumed.before['click']!;
    expect(calibration).toBeCloseTo(whole.before['click']!.calibration, 2);
    expect(readdirSync(out).sort()).toEqual([resumed.snapshot, 'training.json']);
  });

  test('leaves a snapshot that a cluster of any number of partitions can read', async () => {
    const store = new DirectorySnapshots(firstOut);
    const manifest = await manifestIn(store, first.snapshot);
    expect(manifest.specHash).toBe(blueprintOf(config).hash);
    expect(manifest.dense).toBeDefined();
    const rowsIn = async (partitions: number): Promise<number> => {
      const blueprint = blueprintOf({ ...config, partitions });
      const loaded = await loadPartitions(store, manifest, blueprint, [0, partitions]);
      return loaded.reduce((sum, { rowCount }) => sum + rowCount, 0);
    };
    const rows = manifest.objects.reduce((sum, object) => sum + object.rows, 0);
    expect(rows).toBeGreaterThan(50);
    expect(await rowsIn(4)).toBe(rows);
    expect(await rowsIn(3)).toBe(rows);
  });

  test('that is there already is not done again, and another one is refused its folder', async () => {
    const out = firstOut;
    expect(await training({ out })).toEqual({ kind: 'known', result: first });
    expect(JSON.parse(readFileSync(path.join(out, 'training.json'), 'utf8'))).toEqual(first);
    const [code, text] = await codeAndText(training({ out, epochs: 2 }));
    expect([code, text]).toEqual([
      'TRAINING_FAILED',
      expect.stringContaining('holds another training, of events.csv'),
    ]);
  });

  test('of nothing says why', async () => {
    const rows = [{ user: 'u', item: 'i', type: 'click', label: 0 as const, timestamp: 1e12 }];
    const [code, text] = await codeAndText(
      training({ source: sourceOf({ rows }), holdout: undefined }),
    );
    expect([code, text]).toEqual([
      'TRAINING_FAILED',
      expect.stringContaining('nothing can be learned from these files: 1 × a dismissal'),
    ]);
    expect((await codeAndText(training({ threads: 5 })))[0]).toBe('BAD_REQUEST');
  });
});
