import { mix32 } from '../core/base/hash.js';
import type { ExampleBatch } from '../core/features/example-batch.js';
import type { ModelSpec } from '../core/model/network.js';
import type { InteractionStream } from './movielens.js';

/**
 * People with two tastes each, a large and a small one, of whom nothing is known but what they did: they click what is of either alike. The mean of
 * a history is nearly the large taste; which of the two an item meets is told by the single events that are like it.
 */
const tastes = 100;
const itemsPerTaste = 10;
const historyLength = 20;
/** Of a history, events of the small taste. */
const smallEvents = 3;
const impressionsPerUser = 10;
const clicksOfTaste = 0.6;
const clicksOfOthers = 0.1;

const slots = { history: 0, item: 1 };

/** The history is of the item, newest first, in no order of tastes. */
export const tastesModel: Omit<ModelSpec, 'network'> = {
  ...{ slotCount: 2, factorDim: 16, denseCount: 0, hidden: [64], heads: 1 },
  histories: [
    {
      ...{ name: 'history', slot: slots.history, of: slots.item, length: historyLength },
      ...{ events: [], ages: false },
    },
  ],
};
export const tastesPoolings = ['mean', 'sum'] as const;
export const tastesRowsOf = [slots.item, slots.item];

/** A function of the seed: impressions in order, those of a person after one another among those of others. */
export function tastesStream(impressions: number, seed: number): InteractionStream {
  const chance = chanceOf(seed);
  const pick = (count: number): number => Math.floor(chance() * count);
  const itemOf = (taste: number): number => 1 + taste * itemsPerTaste + pick(itemsPerTaste);
  const offsets = new Uint32Array(2 * impressions + 1);
  const fids = new Uint32Array(2 * impressions * (historyLength + 1));
  const labels = new Float32Array(impressions);
  let at = 0;
  let history: number[] = [];
  let own: [large: number, small: number] = [0, 0];
  for (let row = 0; row < impressions; row++) {
    if (row % impressionsPerUser === 0) {
      own = [pick(tastes), pick(tastes)];
      const [large, small] = own;
      history = Array.from({ length: historyLength }, (_, i) =>
        itemOf(i < smallEvents ? small : large),
      );
      for (let i = history.length - 1; i > 0; i--) {
        const other = pick(i + 1);
        [history[i], history[other]] = [history[other]!, history[i]!];
      }
    }
    for (const item of history) fids[2 * at++] = item;
    offsets[2 * row + 1] = at;
    const which = chance();
    const taste = which < 0.25 ? own[0] : which < 0.5 ? own[1] : pick(tastes);
    fids[2 * at++] = itemOf(taste);
    offsets[2 * row + 2] = at;
    labels[row] = chance() < (own.includes(taste) ? clicksOfTaste : clicksOfOthers) ? 1 : 0;
  }
  const examples: ExampleBatch = {
    ...{ rowCount: impressions, slotCount: 2, denseCount: 0 },
    ...{ offsets, fids, dense: new Float32Array(0) },
  };
  return { examples, labels };
}

/** In [0, 1), a function of the seed. */
function chanceOf(seed: number): () => number {
  let state = mix32(seed);
  return () => {
    state = (state + 0x9e3779b9) >>> 0;
    return mix32(state) / 2 ** 32;
  };
}
