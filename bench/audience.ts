import { sigmoid } from '../core/model/calibration.js';
import { chooseSlate } from '../core/retrieval/slate.js';
import { Activity } from '../audience/user-activity.js';
import { itemTraits, userTraits, ageGroup } from '../audience/demography.js';
import { gaussianAt, seedFor, uniformSequence } from '../audience/hashed-noise.js';
import { Taste } from '../audience/taste.js';
import type { BenchResult } from './bench-result.js';

/**
 * Whether the simulated audience can be learned, and how fast: two minutes of it, without cluster and clock, served by
 * three recommenders that see only features and clicks. The factorisation machine learns after every slate and gives
 * 5 % of the places to exploration, as the cluster does by default. Baselines: the most clicked items (the same for
 * everyone), and anything at all; the oracle is the bound.
 */
const duration = 120;
const setting = {
  users: 1000,
  items: 500,
  factorDim: 4,
  slateSize: 10,
  driftPerSecond: 0.001,
  seed: 1,
};
const requestsPerSecond = 20;
const exploration = 0.05;
/** 2026-01-01; another time is another audience of the same kind. */
const startMs = 1_767_225_600_000;

interface Recommender {
  score(user: number): Float32Array;
  learn(user: number, items: readonly number[], labels: readonly number[]): void;
}

interface Course {
  /** Clicks per item shown, one number per 10 s. */
  readonly rates: number[];
  readonly oracle: number;
  readonly random: number;
}

export async function run(options: { quick: boolean }): Promise<BenchResult> {
  const seeds = options.quick ? [1] : [1, 2, 3];
  const figures: Record<string, number | string> = {};
  for (const seed of seeds) {
    const taste = new Taste({ ...setting, seed });
    const machine = course(taste, seed, factorisationMachine(seed));
    const popular = course(taste, seed, mostClicked());
    figures[`seed ${seed}: oracle`] = round(machine.oracle);
    figures[`seed ${seed}: random`] = round(machine.random);
    figures[`seed ${seed}: most clicked, last 30 s`] = round(tail(popular.rates));
    figures[`seed ${seed}: factorisation machine, last 30 s`] = round(tail(machine.rates));
    figures[`seed ${seed}: factorisation machine, per 10 s`] = machine.rates.map(round).join(' ');
    figures[`seed ${seed}: share of the oracle`] = round(tail(machine.rates) / machine.oracle);
  }
  return { name: 'audience', figures };
}

function course(taste: Taste, seed: number, recommender: Recommender): Course {
  const activity = new Activity(taste.userCount);
  const draw = uniformSequence(seedFor(seed, 99));
  const candidates = Array.from({ length: taste.itemCount }, (_unused, item) => String(item));
  const rates: number[] = [];
  const reference = { oracle: 0, random: 0 };
  const requests = duration * requestsPerSecond;
  let clicks = 0;
  for (let request = 0; request < requests; request++) {
    const user = activity.pick(draw());
    const nowMs = startMs + (request * 1000) / requestsPerSecond;
    const scores = recommender.score(user);
    const slate = chooseSlate({
      candidates,
      scores,
      k: setting.slateSize,
      exploration,
      random: draw,
    });
    const labels = slate.map((item) =>
      draw() < taste.clickProbability(user, item, nowMs) ? 1 : 0,
    );
    recommender.learn(user, slate, labels);
    const { oracle, random } = taste.referenceRates(user, nowMs);
    reference.oracle += oracle / requests;
    reference.random += random / requests;
    clicks += labels.filter((label) => label === 1).length;
    if ((request + 1) % (10 * requestsPerSecond) === 0) {
      rates.push(clicks / (10 * requestsPerSecond * setting.slateSize));
      clicks = 0;
    }
  }
  return { rates, ...reference };
}

/** Items by the share of clicks among showings, smoothed towards one in ten. */
function mostClicked(): Recommender {
  const shown = new Float32Array(setting.items).fill(20);
  const clicked = new Float32Array(setting.items).fill(2);
  return {
    score: () => clicked.map((count, item) => count / shown[item]!),
    learn: (_user, items, labels) =>
      items.forEach((item, i) => {
        shown[item] = shown[item]! + 1;
        clicked[item] = clicked[item]! + labels[i]!;
      }),
  };
}

const dim = 8;
/** Bias and factors, then their Adagrad sums. */
const rowLength = 1 + dim;
const learningRate = 0.05;

interface Row {
  readonly weights: Float32Array;
  readonly sums: Float32Array;
}

/** Rendle (2010): the pairwise products of one row per feature value; Adagrad at 0.05. */
function factorisationMachine(seed: number): Recommender {
  const rows = new Map<string, Row>();
  const rowOf = (name: string): Row => {
    let row = rows.get(name);
    if (!row) {
      const number = rows.size;
      const weights = Float32Array.from({ length: rowLength }, (_unused, d) =>
        d === 0 ? 0 : 0.01 * gaussianAt(seed, number, d),
      );
      rows.set(name, (row = { weights, sums: new Float32Array(rowLength).fill(0.1) }));
    }
    return row;
  };
  const intercept = rowOf('intercept');
  const userRows = (user: number): Row[] => {
    const { age, gender, occupation } = userTraits(seed, user);
    return [`u${user}`, `age ${ageGroup(age)}`, gender, occupation].map(rowOf);
  };
  const itemRows = (item: number): (readonly [Row, number])[] => {
    const { year, genres } = itemTraits(seed, item);
    return [
      [rowOf(`i${item}`), 1],
      [rowOf(`year ${year}`), 1],
      ...genres.map((genre) => [rowOf(genre), 1 / genres.length] as const),
    ];
  };
  const items = Array.from({ length: setting.items }, (_unused, item) => itemRows(item));

  function predict(parts: readonly (readonly [Row, number])[], sum: Float32Array): number {
    sum.fill(0);
    let logit = intercept.weights[0]!;
    let squares = 0;
    for (const [{ weights }, share] of parts) {
      logit += share * weights[0]!;
      for (let d = 1; d < rowLength; d++) {
        const value = share * weights[d]!;
        sum[d] = sum[d]! + value;
        squares += value * value;
      }
    }
    let whole = 0;
    for (const value of sum) whole += value * value;
    return logit + (whole - squares) / 2;
  }

  const sum = new Float32Array(rowLength);
  const partsOf = (user: readonly Row[], item: number): (readonly [Row, number])[] => [
    ...user.map((row) => [row, 1] as const),
    ...items[item]!,
  ];
  return {
    score(user) {
      const rowsOfUser = userRows(user);
      return Float32Array.from(items, (_unused, item) => predict(partsOf(rowsOfUser, item), sum));
    },
    learn(user, slate, labels) {
      const rowsOfUser = userRows(user);
      slate.forEach((item, i) => {
        const parts = partsOf(rowsOfUser, item);
        const error = sigmoid(predict(parts, sum)) - labels[i]!;
        step(intercept, 0, error);
        for (const [row, share] of parts) {
          step(row, 0, error * share);
          for (let d = 1; d < rowLength; d++)
            step(row, d, error * share * (sum[d]! - share * row.weights[d]!));
        }
      });
    },
  };
}

function step({ weights, sums }: Row, d: number, gradient: number): void {
  sums[d] = sums[d]! + gradient * gradient;
  weights[d] = weights[d]! - (learningRate * gradient) / Math.sqrt(sums[d]);
}

function tail(rates: readonly number[]): number {
  return rates.slice(-3).reduce((sum, rate) => sum + rate, 0) / 3;
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}
