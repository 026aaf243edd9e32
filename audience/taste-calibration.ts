import { sigmoid } from '../core/model/calibration.js';

/**
 * Finds how strongly affinity decides a click, so that showing anything and showing the best have the wanted click
 * rates for any number of dimensions, users and items. Both rates are means over a sample of users and times.
 */
export interface CalibrationInput {
  readonly users: number;
  readonly items: number;
  readonly slateSize: number;
  /** Wanted mean probability of a random item. */
  readonly randomRate: number;
  /** Wanted mean probability of the best `slateSize` items of a user; out of reach when these are all there are. */
  readonly oracleRate: number;
  /** Tastes this far apart in time have nothing in common. */
  readonly driftMs: number;
  /** Affinity of a user at a time, per item. */
  readonly affinity: (user: number, nowMs: number) => (item: number) => number;
}

/** P(click) = sigmoid(bias + scale · affinity). */
export interface Calibration {
  readonly scale: number;
  readonly bias: number;
}

/** Users looked at. Fewer: the rates are off by more than a hundredth. More: the start takes longer. */
const samples = 48;
/** Above it the rates of more items hardly differ: the best of 1,000 are as good as any. */
const itemsMax = 1000;
/** Beyond it a click is certain or out of the question. */
const scaleMax = 20;
/** Halvings of the interval of the scale and of the bias: both end within 0.02, which moves no rate by a hundredth. */
const outerSteps = 10;
const innerSteps = 12;

export function calibrate(input: CalibrationInput): Calibration {
  const rows = affinitySample(input);
  let low = 0;
  let high = scaleMax;
  for (let step = 0; step < outerSteps; step++) {
    const scale = (low + high) / 2;
    if (rateOf(rows.best, scale, biasFor(rows.all, scale, input.randomRate)) < input.oracleRate)
      low = scale;
    else high = scale;
  }
  const scale = (low + high) / 2;
  return { scale, bias: biasFor(rows.all, scale, input.randomRate) };
}

/** The bias with which the mean rate over `affinities` is the wanted one. */
function biasFor(affinities: Float32Array, scale: number, wanted: number): number {
  let low = -2 * scaleMax;
  let high = 2 * scaleMax;
  for (let step = 0; step < innerSteps; step++) {
    const bias = (low + high) / 2;
    if (rateOf(affinities, scale, bias) < wanted) low = bias;
    else high = bias;
  }
  return (low + high) / 2;
}

/** Affinities of sampled users to all items, and to each one's best. Every user is seen at another time. */
function affinitySample(input: CalibrationInput): { all: Float32Array; best: Float32Array } {
  const items = Math.min(input.items, itemsMax);
  const bestCount = Math.min(
    items,
    Math.max(1, Math.round((input.slateSize * items) / input.items)),
  );
  const all = new Float32Array(samples * items);
  const best = new Float32Array(samples * bestCount);
  for (let s = 0; s < samples; s++) {
    const user = Math.floor((s * input.users) / samples);
    const nowMs = input.driftMs === Infinity ? 0 : 2 * s * input.driftMs;
    const affinity = input.affinity(user, nowMs);
    const row = all.subarray(s * items, (s + 1) * items);
    for (let i = 0; i < items; i++) row[i] = affinity(Math.floor((i * input.items) / items));
    best.set(new Float32Array(row).sort().subarray(items - bestCount), s * bestCount);
  }
  return { all, best };
}

function rateOf(affinities: Float32Array, scale: number, bias: number): number {
  let sum = 0;
  for (const affinity of affinities) sum += sigmoid(bias + scale * affinity);
  return sum / affinities.length;
}
