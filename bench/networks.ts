import { loadBackend } from '../core/model/backend.js';
import { networkNames, type NetworkName } from '../core/model/network.js';
import type { BenchResult } from './bench-result.js';
import { loadMovielens, movielensFolder, movielensPoolings } from './movielens.js';
import { model, replay, type Setup } from './quality.js';

/**
 * Each network on real interactions, scored before they were learned, at a lag of 100 events: nothing but the name of the network differs.
 * Baseline: the default, deepfm, with the same seeds.
 */
const lag = 100;
const batchRows = 32;
/** `mlp` is another name of wide-and-deep. */
const names = networkNames.filter((name) => name !== 'mlp');

export async function run(options: { quick: boolean }): Promise<BenchResult> {
  const figures: Record<string, number | string> = {};
  const backend = await loadBackend('auto');
  figures['backend'] = backend.name;
  const seeds = options.quick ? [1] : [1, 2, 3, 4, 5];
  for (const set of options.quick ? ['movielens-100k'] : ['movielens-100k', 'movielens-1m-late']) {
    const folder = movielensFolder(set);
    if (folder === undefined) {
      figures[set] = 'skipped: not found; set STARLING_DATA to the folder that holds it';
      console.log(`${set}: ${figures[set]}`);
      continue;
    }
    const stream = loadMovielens(folder, options.quick ? 20_000 : Infinity);
    const aucOf = (network: NetworkName, seed: number): number => {
      const setup: Setup = {
        ...{ model: { ...model, network }, poolings: movielensPoolings },
        ...{ batchRows, denseEveryEvents: lag, seed },
      };
      return replay(backend, stream, setup, lag).auc;
    };
    const baseline = seeds.map((seed) => aucOf('deepfm', seed));
    for (const network of names) {
      const found = network === 'deepfm' ? baseline : seeds.map((seed) => aucOf(network, seed));
      const gains = found.map((auc, i) => auc - baseline[i]!);
      figures[`${set}.${network}.auc`] = rounded(meanOf(found));
      figures[`${set}.${network}.gain`] = rounded(meanOf(gains));
      const [least, most] = [Math.min(...found), Math.max(...found)];
      console.log(
        `${set} ${network}: AUC ${meanOf(found).toFixed(4)} (${least.toFixed(4)}–${most.toFixed(4)}, ${seeds.length} seeds), ${signed(meanOf(gains))} to deepfm`,
      );
    }
  }
  return { name: 'networks', figures };
}

const meanOf = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;
const rounded = (value: number): number => Number(value.toFixed(4));
const signed = (value: number): string => `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(4)}`;
