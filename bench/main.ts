import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import type { BenchResult } from './bench-result.js';

/** `npm run bench -- <name> [--quick | --full] [--json FILE]` */
type Bench = { run(options: { quick: boolean; full: boolean }): Promise<BenchResult> };

const benches: Readonly<Record<string, () => Promise<Bench>>> = {
  embedding: () => import('./embedding.js'),
  table: () => import('./table.js'),
  training: () => import('./training.js'),
  quality: () => import('./quality.js'),
  networks: () => import('./networks.js'),
  kept: () => import('./kept.js'),
  counters: () => import('./counters.js'),
  values: () => import('./values.js'),
  calibration: () => import('./calibration.js'),
  audience: () => import('./audience.js'),
  'serving-form': () => import('./serving-form.js'),
  serving: () => import('./serving/serving.js'),
  snapshot: () => import('./snapshot.js'),
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
  },
});
const load = benches[positionals[0] ?? ''];
if (!load) {
  console.error(
    `usage: npm run bench -- ${Object.keys(benches).join('|')} [--quick | --full] [--json FILE]`,
  );
  process.exitCode = 2;
} else {
  const result = await (await load()).run({ quick: values.quick, full: values.full });
  if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(result, null, 2)}\n`);
}
