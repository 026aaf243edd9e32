import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { BenchResult } from '../bench-result.js';
import type { Footprint } from './one-cluster.js';

/**
 * What the usual cluster takes on this machine when actors share processes, as ratios to a process for each: processes,
 * memory, time until it is ready, processor with nothing to do and with the usual audience. By turns, medians. Linux.
 */
const entry = fileURLToPath(new URL('./one-cluster.js', import.meta.url));
const mebibyte = 2 ** 20;

export async function run(options: { quick: boolean }): Promise<BenchResult> {
  const rounds = options.quick ? 1 : 3;
  const settings = options.quick ? ['each', '2'] : ['each', '2', '1'];
  const found = new Map<string, Footprint[]>(settings.map((name) => [name, []]));
  for (let round = 0; round < rounds; round++)
    for (const name of settings) found.get(name)!.push(measure(name));
  const figures: Record<string, number | string> = {
    baseline: "supervision.processes 'each'",
  };
  const base = middles(found.get('each')!);
  for (const name of settings) {
    const each = middles(found.get(name)!);
    figures[`${name}: processes`] = each.processes;
    figures[`${name}: PSS, MiB`] = Math.round(each.pssBytes / mebibyte);
    for (const key of Object.keys(base) as (keyof Footprint)[])
      figures[`${name}: ${key}, ratio`] = Number((each[key] / base[key]).toFixed(2));
  }
  for (const [name, value] of Object.entries(figures)) console.log(`${name.padEnd(36)} ${value}`);
  return { name: 'footprint', figures };
}

function measure(processes: string): Footprint {
  const { stdout, status } = spawnSync(process.execPath, [entry, processes], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (status !== 0) throw new Error(`the cluster of ${processes} ended with ${status}`);
  return JSON.parse(stdout) as Footprint;
}

function middles(all: readonly Footprint[]): Footprint {
  const keys = Object.keys(all[0]!) as (keyof Footprint)[];
  const middle = (key: keyof Footprint): number => {
    const values = all.map((each) => each[key]).sort((a, b) => a - b);
    return values[Math.floor(values.length / 2)]!;
  };
  return Object.fromEntries(keys.map((key) => [key, middle(key)])) as unknown as Footprint;
}
