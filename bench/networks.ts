import { loadBackend, type Backend } from '../core/model/backend.js';
import { networkNames, type ModelSpec, type NetworkName } from '../core/model/network.js';
import type { BenchResult } from './bench-result.js';
import {
  loadMovielens,
  movielensFolder,
  movielensPoolings,
  movielensSlots,
  type InteractionStream,
} from './movielens.js';
import { model, replay, type Setup } from './quality.js';
import { plainSpread, signedSpread, spreadOf } from './seeds.js';
import { tastesModel, tastesPoolings, tastesRowsOf, tastesStream } from './tastes.js';

/** How late an event is learned. */
interface Delay {
  readonly name: string;
  readonly lag: number;
  readonly batchRows: number;
}

/**
 * Each network on interactions in time order, scored before they were learned, at a lag of 100 events, and where nothing is held back: nothing but
 * the name of the network differs. Baseline: the default, deepfm, with the same seeds.
 *
 *   networks              real interactions, ids and shared values
 *   networks histories    the same, with what somebody liked last: networks that look at single events, and the mean
 *   networks tastes       people of two tastes (tastes.ts)
 */
const early: Delay = { name: '100', lag: 100, batchRows: 32 };

/** `none`: as late as a replay that nothing holds back, about 2,100 events on average, in the batches of such a one. */
const late: Delay = { name: 'none', lag: 2_000, batchRows: 256 };
const historyLength = 30;
const tastesImpressions = 100_000;
const lookingAtEvents: readonly NetworkName[] = ['deepfm', 'din', 'transformer'];
/** `mlp` is another name of wide-and-deep; without histories, what looks at events is deepfm. */
const names = networkNames.filter(
  (name) => name !== 'mlp' && (name === 'deepfm' || !lookingAtEvents.includes(name)),
);

export interface Options {
  readonly quick: boolean;
  readonly part?: string | undefined;
}

/** Of one seed. */
type StreamOf = (seed: number) => InteractionStream;

export async function run(options: Options): Promise<BenchResult> {
  const figures: Record<string, number | string> = {};
  const backend = await loadBackend('auto');
  figures['backend'] = backend.name;
  const seeds = options.quick ? [1] : [1, 2, 3, 4, 5];
  const compare = comparison(backend, seeds, figures);
  if (options.part === 'tastes') {
    const streamOf: StreamOf = (seed) =>
      tastesStream(options.quick ? 40_000 : tastesImpressions, seed);
    const setup = { poolings: tastesPoolings, rowsOf: tastesRowsOf };
    compare('tastes', early, streamOf, lookingAtEvents, { ...setup, model: tastesModel });
    return { name: 'networks-tastes', figures };
  }
  const hasHistories = options.part === 'histories';
  for (const set of options.quick ? ['movielens-100k'] : ['movielens-100k', 'movielens-1m-late']) {
    const folder = movielensFolder(set);
    if (folder === undefined) {
      figures[set] = 'skipped: not found; set STARLING_DATA to the folder that holds it';
      console.log(`${set}: ${figures[set]}`);
      continue;
    }
    for (const delay of [early, late]) {
      const history = { length: historyLength, lag: delay.lag + delay.batchRows };
      const eventsMax = options.quick ? 20_000 : Infinity;
      const stream = loadMovielens(folder, eventsMax, hasHistories ? history : undefined);
      if (hasHistories) compare(set, delay, () => stream, lookingAtEvents, withHistory());
      else
        compare(set, delay, () => stream, names, { model: withSides, poolings: movielensPoolings });
    }
  }
  return { name: hasHistories ? 'networks-histories' : 'networks', figures };
}

type Shape = Pick<Setup, 'poolings' | 'rowsOf'> & { readonly model: Omit<ModelSpec, 'network'> };

const ofItems: readonly string[] = ['item', 'year', 'genres'];
const withSides: Omit<ModelSpec, 'network'> = {
  ...model,
  sides: {
    slots: movielensSlots.map((name) => (ofItems.includes(name) ? 'item' : 'user')),
    columns: [],
  },
};

/** The slot behind the others has the rows of items. */
function withHistory(): Shape {
  const slot = movielensSlots.length;
  const of = movielensSlots.indexOf('item');
  const history = { name: 'liked', slot, of, length: historyLength, events: [], ages: true };
  return {
    model: { ...model, slotCount: slot + 1, histories: [history] },
    poolings: [...movielensPoolings, 'mean'],
    rowsOf: [...movielensSlots.keys(), of],
  };
}

function comparison(
  backend: Backend,
  seeds: readonly number[],
  figures: Record<string, number | string>,
) {
  return (
    set: string,
    { name, lag, batchRows }: Delay,
    streamOf: StreamOf,
    networks: readonly NetworkName[],
    shape: Shape,
  ) => {
    const streams = seeds.map(streamOf);
    const aucOf = (network: NetworkName, i: number): number => {
      const setup: Setup = {
        ...{ ...shape, model: { ...shape.model, network } },
        ...{ batchRows, denseEveryEvents: Math.max(lag, batchRows), seed: seeds[i]! },
      };
      return replay(backend, streams[i]!, setup, lag).auc;
    };
    const baseline = seeds.map((_seed, i) => aucOf('deepfm', i));
    for (const network of networks) {
      const found = network === 'deepfm' ? baseline : seeds.map((_seed, i) => aucOf(network, i));
      const auc = spreadOf(found);
      const gain = spreadOf(found.map((each, i) => each - baseline[i]!));
      const key = `${set}.${name}.${network}`;
      figures[`${key}.auc`] = rounded(auc.mean);
      figures[`${key}.gain`] = rounded(gain.mean);
      console.log(
        `${set}, lag ${name}, ${network}: AUC ${plainSpread(auc)} (${seeds.length} seeds), ${signedSpread(gain)} to deepfm`,
      );
    }
  };
}

const rounded = (value: number): number => Number(value.toFixed(4));
