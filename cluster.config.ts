import { defineCluster } from 'starling/config';

/** A rate that is often about a half, and what is beyond one, as numbers about as large as the others. */
const centred = { method: 'standard', mean: 0.5, deviation: 0.25 } as const;
const beyond = { method: 'standard', mean: 0, deviation: 0.25 } as const;

/**
 * The cluster that `npm run cluster` starts: films, and the people who watch them. Copy this file to where you
 * like, declare your own features, and start it with `npx starling up --config my.config.ts`. All but the features can be
 * left out; the editor shows what else there is, and a mistake is named when the cluster starts.
 */
export default defineCluster({
  name: 'starling',

  // One learns, two answer requests. Either of the two takes over when the other is lost.
  dataCenters: [
    { name: 'train', role: 'training' },
    { name: 'east', role: 'inference' },
    { name: 'west', role: 'inference' },
  ],

  // What the model may look at. Each feature is read from the column or field of its own name.
  features: {
    // Every user and every item has a row of its own, which holds what was learned about just them.
    user: { entity: 'user', kind: 'id' },
    item: { entity: 'item', kind: 'id' },

    // Shared rows: what is known of someone, or of a film, that was never seen before.
    age: { entity: 'user', kind: 'buckets', boundaries: [18, 25, 35, 45, 50, 56] },
    gender: { entity: 'user', kind: 'vocabulary', values: ['F', 'M'] },
    occupation: { entity: 'user', kind: 'id' },
    year: { entity: 'item', kind: 'id' },
    genres: { entity: 'item', kind: 'ids', pooling: 'mean', valuesMax: 8 },

    // Kept by the cluster itself, of what people do: how much a film is liked, how much somebody likes films beyond what
    // others like of the same ones, the same by genre, how good the films were that he saw lately, and how often all that was.
    liked: { entity: 'item', kind: 'rate', of: 'click', smoothing: 5, normalisation: centred },
    likes: {
      entity: 'user',
      kind: 'rate',
      of: 'click',
      beside: 'liked',
      smoothing: 5,
      normalisation: beyond,
    },
    likesGenre: {
      ...{ entity: 'user', kind: 'rate', of: 'click', by: 'genres', beside: 'liked' },
      ...{ smoothing: 2, normalisation: beyond },
    },
    sees: {
      ...{ entity: 'user', kind: 'mean', of: 'liked', events: ['shown'], last: 10 },
      ...{ smoothing: 1, normalisation: centred },
    },
    judged: { entity: 'item', kind: 'count', of: 'click' },
    judges: { entity: 'user', kind: 'count', of: 'click' },
  },

  // What is known of films beside, to be filtered on and returned; and that a year is a number, though each has a row of its own.
  attributes: { item: { title: 'text', year: 'number' } },

  // Pairwise products of 16 numbers per row, and a small network beside them.
  model: { network: 'deepfm', factorDim: 16, hidden: [64] },

  // Rows are spread over 8 hash ranges, held by two shards; more shards can share them later.
  partitions: 8,
  actors: { 'ps-shard': 2, trainer: 1, ranker: 2 },

  // The simulated audience: as many as a machine with two cores can answer beside all of its data centers.
  simulation: { requestsPerSecond: 8 },

  // An item shown and not clicked within half an hour counts as not wanted.
  joining: { windowMs: 30 * 60_000 },
});
