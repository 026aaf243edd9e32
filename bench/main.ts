import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import type { BenchResult } from './bench-result.js';
import { historyLines } from './history/history.js';
import { readHistory, record } from './history/record.js';

/**
 * `npm run bench -- <name> [part] [--quick | --full] [--json FILE] [--record]`, and `npm run bench -- history <name> [figure]`. A figure that is kept
 * counts as a ratio to what it was measured beside.
 */
type BenchOptions = { quick: boolean; full: boolean; part: string | undefined };
type Bench = { run(options: BenchOptions): Promise<BenchResult> };

const benches: Readonly<Record<string, () => Promise<Bench>>> = {
  embedding: () => import('./embedding.js'),
  table: () => import('./table.js'),
  training: () => import('./training.js'),
  scoring: () => import('./scoring.js'),
  'batch-training': () => import('./batch-training.js'),
  quality: () => import('./quality.js'),
  networks: () => import('./networks.js'),
  kept: () => import('./kept.js'),
  counters: () => import('./counters.js'),
  values: () => import('./values.js'),
  calibration: () => import('./calibration.js'),
  audience: () => import('./audience.js'),
  'serving-form': () => import('./serving-form.js'),
  serving: () => import('./serving/serving.js'),
  ingest: () => import('./cluster/ingest.js'),
  'end-to-end': () => import('./cluster/end-to-end.js'),
  floor: () => import('./floor/floor.js'),
  snapshot: () => import('./snapshot.js'),
  bytes: () => import('./bytes/bytes.js'),
  'network-state': () => import('./network-state.js'),
  footprint: () => import('./footprint/footprint.js'),
  recovery: () => import('./recovery/recovery.js'),
  followers: () => import('./followers.js'),
  joiner: () => import('./joiner.js'),
  neighbours: () => import('./neighbours.js'),
  acknowledgements: () => import('./acknowledgements.js'),
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: 'boolean', default: false },
    full: { type: 'boolean', default: false },
    json: { type: 'string' },
    record: { type: 'boolean', default: false },
  },
});
const [name = '', ...more] = positionals;
const load = benches[name];
if (name === 'history' && more[0] !== undefined) tellHistory(more[0], more[1]);
else if (load) await measure(load);
else {
  console.error(
    `usage: npm run bench -- ${Object.keys(benches).join('|')} [PART] [--quick | --full] [--json FILE] [--record]\n` +
      '       npm run bench -- history NAME [FIGURE]',
  );
  process.exitCode = 2;
}

async function measure(loadBench: () => Promise<Bench>): Promise<void> {
  const { quick, full } = values;
  const result = await (await loadBench()).run({ quick, full, part: more[0] });
  if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(result, null, 2)}\n`);
  if (values.record) record(result, quick ? 'quick' : full ? 'full' : 'usual');
}

function tellHistory(bench: string, figure: string | undefined): void {
  const lines = historyLines(readHistory(), { bench, figure });
  if (lines.length > 0) lines.forEach((line) => console.log(line));
  else console.log(`nothing is recorded of ${bench}; npm run bench -- ${bench} --record`);
}
