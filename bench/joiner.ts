import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import base from '../cluster.config.js';
import { joinRulesOf } from '../core/blueprint/join-rules.js';
import { parseClusterConfig } from '../core/config/schema.js';
import { featureSpecOf } from '../core/features/feature-spec.js';
import { noActionFacts, noFacts } from '../core/joining/event-facts.js';
import { JoinWindow } from '../core/joining/join-window.js';
import type { ActionBatch, JoinOptions } from '../core/joining/types.js';
import { decode, encode } from '../messages/codec.js';
import type { Impressions } from '../messages/events.js';
import { impressionsMessage, parseImpressions } from '../messages/events.js';
import { loadWindow } from '../replication/join-snapshot-reader.js';
import { saveWindow } from '../replication/join-snapshot-writer.js';
import { Pace } from '../runtime/stores/chunk-pace.js';
import { DirectorySnapshots } from '../runtime/stores/directory-snapshots.js';
import { LmdbJoinStore } from '../runtime/stores/lmdb-join-store.js';
import { systemClock, systemRandom } from '../runtime/system.js';
import type { BenchResult } from './bench-result.js';

/**
 * What a window holds in memory for each open row and for each key that it remembers, with the features of the default
 * configuration; and what its snapshot costs beside reading JOIN. Memory is that of JavaScript after a collection (heap and
 * buffers); pages of the store are the system's to give back. Baseline: payloads of all open rows in memory.
 */
const config = parseClusterConfig(base);
const spec = featureSpecOf(config.features, config.lineage);
/** Of one record of JOIN, and of a commit. */
const batchRows = 500;
const itemsPerRequest = 10;
const startMs = 1_700_000_000_000;
const windowMs = 7 * 86_400_000;

type Figures = Record<string, number | string>;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

export async function run(options: { quick: boolean }): Promise<BenchResult> {
  const rows = options.quick ? 100_000 : 1_000_000;
  const figures: Figures = { baseline: 'payloads of open rows in memory', rows };
  const folder = mkdtempSync(path.join(tmpdir(), 'bench-joiner-'));
  try {
    const bytesInMemory = await openRows(path.join(folder, 'memory'), rows, Infinity);
    figures['bytes per open row, payloads in memory'] = bytesInMemory;
    const store = path.join(folder, 'disk');
    const bytesCold = await openRows(store, rows, 1);
    figures['bytes per open row, payloads on disk'] = bytesCold;
    figures['ratio to baseline'] = Math.round((100 * bytesCold) / bytesInMemory) / 100;
    figures['bytes per closed row that is remembered'] = await closedRows(rows);
    figures['bytes per id of an event that is remembered'] = await eventIds(rows);
    await snapshots(folder, store, figures);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  for (const [name, value] of Object.entries(figures)) {
    const text = typeof value === 'number' ? value.toLocaleString('en-US') : value;
    console.log(`${name.padEnd(60)} ${text}`);
  }
  return { name: 'joiner', figures };
}

function optionsWith(memoryOpenMax: number): JoinOptions {
  const rules = joinRulesOf(config);
  return {
    ...{ ...rules, outcomes: rules.outcomes.map((outcome) => ({ ...outcome, windowMs })) },
    ...{ latenessMs: 10_000, organicWaitMs: 500, copiesMs: 30_000, negativeRate: 1e-6 },
    ...{ organic: false, tells: { events: false, shown: false, outcomes: false } },
    ...{ partition: 0, homeOf: () => 0, partitions: 1, memoryOpenMax },
    ...{ slotCount: spec.slots.length, denseCount: spec.denseWidth },
  };
}

function usedBytes(): number {
  collect();
  collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

async function openRows(folder: string, rows: number, memoryOpenMax: number): Promise<number> {
  const store = openStore(folder);
  const before = usedBytes();
  const window = new JoinWindow(optionsWith(memoryOpenMax), store);
  for (let start = 0; start < rows; start += batchRows) {
    window.observeImpressions(offers(start));
    const { changes } = window.drain();
    await store.commit({ changes, consumed: { join: start + 1 }, outbox: [] });
  }
  // Before the last drain its rows are in memory too.
  window.drain();
  const bytes = Math.round((usedBytes() - before) / rows);
  if (window.counters.open !== rows) throw new Error(`${window.counters.open} rows are open`);
  await store.close();
  return bytes;
}

/** Of which nothing came, and which are over. */
async function closedRows(rows: number): Promise<number> {
  const before = usedBytes();
  const window = new JoinWindow(optionsWith(1));
  for (let start = 0; start < rows; start += batchRows) {
    window.observeImpressions(offers(start));
    window.closeAll();
    window.drain();
  }
  const bytes = Math.round((usedBytes() - before) / rows);
  if (window.counters.open !== 0) throw new Error('rows are open');
  return bytes;
}

/** Of events of their own accord, which are told and over. */
async function eventIds(rows: number): Promise<number> {
  const before = usedBytes();
  const window = new JoinWindow(optionsWith(1));
  for (let start = 0; start < rows; start += batchRows) {
    window.observeActions(events(start));
    window.drain();
  }
  window.advance(startMs + rows + 20_000);
  window.drain();
  const bytes = Math.round((usedBytes() - before) / rows);
  if (window.counters.actions !== rows) throw new Error('events are missing');
  return bytes;
}

async function snapshots(folder: string, from: string, figures: Figures): Promise<void> {
  const store = openStore(from);
  const kept = new DirectorySnapshots(path.join(folder, 'snapshots'));
  const view = store.view();
  const pace = new Pace(systemClock, 1e12);
  const place = { joiner: 0, sequence: 1, spec: spec.hash };
  const [saved, saveMs] = await timed(() => saveWindow(kept, '1700000000000-0', pace, view, place));
  view.close();
  await store.close();
  const target = openStore(path.join(folder, 'restored'));
  const [, loadMs] = await timed(async () => {
    const chunks = kept.get('1700000000000-0', saved);
    const { progress } = await loadWindow(chunks, target, () => undefined);
    await target.commit({
      ...{ changes: { put: [], remove: [], progress }, consumed: {} },
      outbox: [],
    });
    const { records } = target.load();
    new JoinWindow(optionsWith(1), target).restore({ progress, records });
  });
  figures['snapshot, MB'] = Math.round(saved.bytes / 1e5) / 10;
  figures['snapshot written, MB/s'] = Math.round(saved.bytes / saveMs / 1e3);
  figures['snapshot read and restored, MB/s'] = Math.round(saved.bytes / loadMs / 1e3);
  const records = 200;
  const messages = Array.from({ length: records }, (_unused, i) =>
    encode(impressionsMessage(spec, offers(i * batchRows))),
  );
  const replayed = openStore(path.join(folder, 'replayed'));
  const window = new JoinWindow(optionsWith(1), replayed);
  const [, replayMs] = await timed(async () => {
    for (const [i, bytes] of messages.entries()) {
      window.observeImpressions(parseImpressions(decode(bytes), spec));
      const { changes } = window.drain();
      await replayed.commit({ changes, consumed: { join: i }, outbox: [] });
    }
  });
  await replayed.close();
  await target.close();
  const recordMs = replayMs / records;
  figures[`a record of JOIN of ${batchRows} rows taken in, ms`] = Math.round(100 * recordMs) / 100;
  figures['bytes of a snapshot read in that time'] = Math.round((saved.bytes / loadMs) * recordMs);
}

async function timed<T>(run: () => Promise<T>): Promise<readonly [T, number]> {
  const before = systemClock.nowMs();
  return [await run(), systemClock.nowMs() - before];
}

function openStore(folder: string): LmdbJoinStore {
  return LmdbJoinStore.open(folder, { newId: () => systemRandom.id() });
}

/** As they come out of a message: texts of their own, not shared ones. */
const textOf = (kind: string, n: number): string =>
  Buffer.from(`${kind}-${n.toString(36)}`).toString();

function offers(start: number): Impressions {
  const rows = Array.from({ length: batchRows }, (_unused, i) => start + i);
  const occurrences = batchRows * spec.slots.length;
  const fids = new Uint32Array(2 * occurrences);
  for (let i = 0; i < fids.length; i++) fids[i] = (start + i) * 2_654_435_761;
  return {
    requestIds: rows.map((n) => textOf('0123456789abcdef', Math.floor(n / itemsPerRequest))),
    users: rows.map((n) => textOf('user', Math.floor(n / itemsPerRequest) % 50_000)),
    items: rows.map((n) => textOf('item', (n * 7_919) % 100_000)),
    atMs: Float64Array.from(rows, (n) => startMs + n),
    scores: new Float32Array(batchRows),
    facts: noFacts,
    examples: {
      rowCount: batchRows,
      slotCount: spec.slots.length,
      denseCount: spec.denseWidth,
      offsets: Uint32Array.from({ length: occurrences + 1 }, (_unused, i) => i),
      fids,
      dense: new Float32Array(batchRows * spec.denseWidth),
    },
  };
}

function events(start: number): ActionBatch {
  const rows = Array.from({ length: batchRows }, (_unused, i) => start + i);
  return {
    requestIds: rows.map(() => ''),
    items: rows.map((n) => textOf('item', (n * 7_919) % 100_000)),
    atMs: Float64Array.from(rows, (n) => startMs + n),
    labels: new Float32Array(batchRows).fill(1),
    acceptedAtMs: new Float64Array(batchRows),
    facts: {
      ...noActionFacts,
      users: rows.map((n) => textOf('user', n % 50_000)),
      types: rows.map(() => 'click'),
      ids: rows.map((n) => textOf('0123456789abcdef', n)),
    },
  };
}
