import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import base from '../../cluster.config.js';
import type { ReplayReport } from '../../replay/replay-report.js';
import { writeEvents } from '../support/events-csv.js';
import { startMessageServer } from '../support/message-server.js';
import { starling, temporaryFolder } from '../support/starling-process.js';

let temporary: ReturnType<typeof temporaryFolder>;
beforeEach(() => {
  temporary = temporaryFolder();
});
afterEach(() => temporary.remove());

const eventCount = 800;

async function replay(...args: string[]): Promise<ReplayReport> {
  const events = writeEvents(temporary.folder, eventCount);
  const report = path.join(temporary.folder, 'report.json');
  const state = path.join(temporary.folder, 'state');
  const { code, output } = await starling(
    ...['up', '--events', events, '--report', report, '--state', state, ...args],
  );
  if (code !== 0) throw new Error(output);
  return JSON.parse(readFileSync(report, 'utf8')) as ReplayReport;
}

test('several actors of every kind share a replay and lose nothing', async () => {
  const config = path.join(temporary.folder, 'cluster.config.json');
  const actors = {
    processor: 2,
    joiner: 2,
    trainer: 2,
    'feature-store': 2,
    'ps-shard': 3,
    'serving-shard': 2,
    ranker: 2,
    recommender: 2,
  };
  writeFileSync(config, JSON.stringify({ ...base, actors }));
  const report = await replay('--config', config);
  expect(report.events).toMatchObject({ accepted: eventCount, open: 0, deadLettered: 0 });
  expect(report.conservation.ok).toBe(true);
}, 120_000);

test('a cluster on a plain nats-server that runs already replays all the same', async () => {
  const server = await startMessageServer();
  try {
    const report = await replay('--nats', `nats://${server.url}`);
    expect(report.events).toMatchObject({ accepted: eventCount, open: 0, deadLettered: 0 });
    expect(report.conservation.ok).toBe(true);
  } finally {
    await server.stop();
  }
}, 120_000);
