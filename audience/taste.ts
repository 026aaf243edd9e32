import { assert } from '../core/base/assert.js';
import { sigmoid } from '../core/model/calibration.js';
import { ageGroup, genres, itemTraits, occupations, userTraits } from './demography.js';
import { gaussianAt, seedFor, uniformAt } from './hashed-noise.js';
import { calibrate } from './taste-calibration.js';

/**
 * The truth behind the simulated audience: what everybody would click, which no recommender gets to see.
 *
 * A user and an item each have a direction in a space of few dimensions, and the closer the two, the likelier a click.
 * Both directions are part group, part own: users of one age, gender or occupation and films of one genre or year are
 * alike, so features tell something about the unknown, but never all. Some films are liked by everyone a little more.
 *
 * Tastes drift. Each source of a user's direction (the age group, the person, …) wanders on a path through random
 * points: between two points x and y it is cos θ · x + sin θ · y, which keeps its distribution at every moment. So a
 * direction is a function of the seed and the clock alone: no state to advance for a million users, the same answer in
 * any order of asking, and a cluster that is started again meets the audience it knew. A random walk advanced tick by
 * tick was rejected because it has none of these. Films don't drift: what changes is who likes them.
 */
export interface TasteOptions {
  readonly users: number;
  readonly items: number;
  readonly factorDim: number;
  /** Items in a slate; the oracle shows the best so many. */
  readonly slateSize: number;
  /** Speed at which a taste turns, radians per second. */
  readonly driftPerSecond: number;
  readonly seed: number;
}

/** Expected clicks per item shown. */
export interface ReferenceRates {
  /** By who knows the truth and shows the best. */
  readonly oracle: number;
  /** By who shows anything. */
  readonly random: number;
}

/** Means over users and times. Real click rates are lower; these let two minutes of clicks show what is learned. */
const randomRateWanted = 0.15;
const oracleRateWanted = 0.65;

/**
 * Share of a direction's variance that the features explain. 0: cold start is hopeless. 1: ids have nothing to add.
 */
const featureShare = 0.8;

/**
 * Weight of a film's popularity beside the match of tastes, whose deviation is 1 / √factorDim. Too low: popularity says
 * nothing, which no real catalogue shows. Too high: the most popular films are the best answer for everyone.
 */
const popularityWeight = 0.25;

/** Weights of the sources of a direction: age and gender say more than an occupation, a genre more than a year. */
const sourceWeights = { age: 1, gender: 1, occupation: 0.4, genre: 1.4, year: 0.2 } as const;

/** One number per source of noise, so that none are alike. */
const purpose = {
  age: 11,
  gender: 12,
  occupation: 13,
  user: 14,
  genre: 15,
  year: 16,
  item: 17,
  popularity: 18,
};

export class Taste {
  readonly userCount: number;
  readonly itemCount: number;
  readonly #options: TasteOptions;
  /** f32, row-major [items × factorDim], each of length 1. */
  readonly #itemVectors: Float32Array;
  /** f32 [items], already weighted. */
  readonly #popularity: Float32Array;
  readonly #scale: number;
  readonly #bias: number;

  constructor(options: TasteOptions) {
    this.userCount = options.users;
    this.itemCount = options.items;
    this.#options = options;
    this.#itemVectors = itemVectors(options);
    const popularitySeed = seedFor(options.seed, purpose.popularity);
    this.#popularity = Float32Array.from(
      { length: options.items },
      (_unused, item) => popularityWeight * gaussianAt(popularitySeed, item, 0),
    );
    ({ scale: this.#scale, bias: this.#bias } = calibrate({
      users: options.users,
      items: options.items,
      slateSize: options.slateSize,
      randomRate: randomRateWanted,
      oracleRate: oracleRateWanted,
      driftMs: driftPeriodMs(options.driftPerSecond),
      affinity: (user, nowMs) => {
        const vector = this.#userVector(user, nowMs);
        return (item) => this.#affinity(vector, item);
      },
    }));
  }

  /**
   * Probability that the user clicks the item when shown it.
   *
   * @param user, item indices from 0.
   * @param nowMs milliseconds since 1970; the drift is a function of it.
   */
  clickProbability(user: number, item: number, nowMs: number): number {
    assert(item >= 0 && item < this.itemCount, `item ${item} is one of ${this.itemCount}`);
    return this.#probability(this.#userVector(user, nowMs), item);
  }

  /** Probability per item, f32 [items]. */
  clickProbabilities(user: number, nowMs: number): Float32Array {
    const vector = this.#userVector(user, nowMs);
    const out = new Float32Array(this.itemCount);
    for (let item = 0; item < out.length; item++) out[item] = this.#probability(vector, item);
    return out;
  }

  /** Mean probability of the best `slateSize` items, and of all. */
  referenceRates(user: number, nowMs: number): ReferenceRates {
    const probabilities = this.clickProbabilities(user, nowMs);
    return {
      oracle: meanOfBest(probabilities, this.#options.slateSize),
      random: mean(probabilities),
    };
  }

  #probability(vector: Float32Array, item: number): number {
    return sigmoid(this.#bias + this.#scale * this.#affinity(vector, item));
  }

  #affinity(vector: Float32Array, item: number): number {
    const dim = vector.length;
    const start = item * dim;
    let sum = this.#popularity[item]!;
    for (let d = 0; d < dim; d++) sum += vector[d]! * this.#itemVectors[start + d]!;
    return sum;
  }

  #userVector(user: number, nowMs: number): Float32Array {
    assert(user >= 0 && user < this.userCount, `user ${user} is one of ${this.userCount}`);
    const { seed, factorDim, driftPerSecond } = this.#options;
    const { age, gender, occupation } = userTraits(seed, user);
    const group = new Float32Array(factorDim);
    const own = new Float32Array(factorDim);
    const period = driftPeriodMs(driftPerSecond);
    const wander = (out: Float32Array, source: number, index: number, weight: number): void =>
      addWandering(out, { seed: seedFor(seed, source), index, weight, turns: nowMs / period });
    wander(group, purpose.age, ageGroup(age), sourceWeights.age);
    wander(group, purpose.gender, gender === 'F' ? 0 : 1, sourceWeights.gender);
    wander(
      group,
      purpose.occupation,
      occupations.indexOf(occupation as (typeof occupations)[number]),
      sourceWeights.occupation,
    );
    wander(own, purpose.user, user, 1);
    return blend(group, own);
  }
}

/** Time in which a source turns by a right angle, from one of its random points to the next. */
function driftPeriodMs(driftPerSecond: number): number {
  return driftPerSecond > 0 ? (1000 * Math.PI) / 2 / driftPerSecond : Infinity;
}

/** Adds weight × the place of a wandering source. Each has its own phase, so that they don't turn corners together. */
function addWandering(
  out: Float32Array,
  source: {
    readonly seed: number;
    readonly index: number;
    readonly weight: number;
    readonly turns: number;
  },
): void {
  const { seed, index, weight } = source;
  const position = source.turns + uniformAt(seed, index, 0xffff);
  const corner = Math.floor(position);
  const angle = ((position - corner) * Math.PI) / 2;
  const from = weight * Math.cos(angle);
  const to = weight * Math.sin(angle);
  const fromSeed = seedFor(seed, corner);
  const toSeed = seedFor(seed, corner + 1);
  for (let d = 0; d < out.length; d++) {
    out[d] = out[d]! + from * gaussianAt(fromSeed, index, d) + to * gaussianAt(toSeed, index, d);
  }
}

function itemVectors({ seed, items, factorDim }: TasteOptions): Float32Array {
  const vectors = new Float32Array(items * factorDim);
  const genreSeed = seedFor(seed, purpose.genre);
  const yearSeed = seedFor(seed, purpose.year);
  const itemSeed = seedFor(seed, purpose.item);
  const group = new Float32Array(factorDim);
  const own = new Float32Array(factorDim);
  for (let item = 0; item < items; item++) {
    const traits = itemTraits(seed, item);
    const genreIndices = traits.genres.map((genre) =>
      genres.indexOf(genre as (typeof genres)[number]),
    );
    for (let d = 0; d < factorDim; d++) {
      let sum = sourceWeights.year * gaussianAt(yearSeed, traits.year, d);
      for (const genre of genreIndices)
        sum += (sourceWeights.genre / genreIndices.length) * gaussianAt(genreSeed, genre, d);
      group[d] = sum;
      own[d] = gaussianAt(itemSeed, item, d);
    }
    vectors.set(blend(group, own), item * factorDim);
  }
  return vectors;
}

/** Group and own part, each brought to its share, as a direction of length 1. */
function blend(group: Float32Array, own: Float32Array): Float32Array {
  const groupWeight = Math.sqrt(featureShare) / length(group);
  const ownWeight = Math.sqrt(1 - featureShare) / length(own);
  const out = Float32Array.from(group, (value, d) => groupWeight * value + ownWeight * own[d]!);
  const total = length(out);
  return out.map((value) => value / total);
}

function length(vector: Float32Array): number {
  let sum = 0;
  for (const value of vector) sum += value * value;
  return Math.max(1e-6, Math.sqrt(sum));
}

function mean(values: Float32Array): number {
  let sum = 0;
  for (const value of values) sum += value;
  return sum / values.length;
}

/** Mean of the `count` largest values, or of all if there are fewer; 0 of none. */
export function meanOfBest(values: Float32Array, count: number): number {
  const best = new Float32Array(values).sort().subarray(Math.max(0, values.length - count));
  return best.length === 0 ? 0 : mean(best);
}
