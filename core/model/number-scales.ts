import { calibrationSize } from './score-calibration.js';
import type { ModelSpec } from './network.js';
import { mixSketch, quantile, rankIn, sketchOf, sketchSize } from './quantile-sketch.js';

/**
 * Numbers reach the network by where they stand among all, −1 … 1, and values to be predicted are cut where no other is near. What
 * "all" is, is learned: quantiles of each, behind the network and its calibration, so that they are of a version like all else, and
 * training and serving use the same. Examples have the numbers as they were told.
 *
 * f32 [34 × (scaled columns, then heads of values)], each as quantile-sketch.ts has it. What a batch says is as long.
 *
 * By rank, not by mean and deviation: of those, one price of 999,999,999 among six thousand makes two values of all others.
 */
export interface ScaledColumn {
  /** Of the dense features. */
  readonly at: number;
  /** Of the column that is 1 where there is none. */
  readonly missingAt?: number;
}

/** Rows that count. Too few: scales follow their chance. Too many: they trail what prices become. */
const rowsMax = 10_000;
/** Values that are not 0, until it can be told which are wild; nothing is learned of them before. Too many: small shops wait. */
const valuesMin = 10;
/** Of the distance between quartiles, beyond the upper one. Too few: large orders are cut. Too many: a wild one moves what is near it. */
const spreads = { log1p: 3, none: 10 } as const;

type Scaled = Pick<ModelSpec, 'denseCount' | 'scaled' | 'heads' | 'losses'>;

/** How many numbers they are. */
export function scalesSize(spec: Scaled): number {
  return sketchSize * ((spec.scaled?.length ?? 0) + valueHeads(spec).length);
}

/** Of all that is behind the parameters of the network. */
export function scalesIn(behind: Float32Array, { heads }: Scaled): Float32Array {
  return behind.subarray(calibrationSize(heads));
}

interface Numbers {
  readonly rowCount: number;
  /** f32 [rowCount × denseCount] */
  readonly dense: Float32Array;
}

interface Labels {
  /** f32 [rowCount × heads] */
  readonly labels: Float32Array;
  readonly weights: Float32Array;
}

/** What a batch says of the scales. */
export function scaleSums(batch: Numbers & Labels, spec: Scaled): Float32Array {
  const { rowCount, dense, labels, weights } = batch;
  const { denseCount, heads, scaled = [] } = spec;
  const sums = new Float32Array(scalesSize(spec));
  scaled.forEach(({ at, missingAt }, i) => {
    const values = new Float32Array(rowCount);
    for (let row = 0; row < rowCount; row++) {
      const isMissing = missingAt !== undefined && dense[row * denseCount + missingAt] === 1;
      values[row] = isMissing ? NaN : dense[row * denseCount + at]!;
    }
    sums.set(sketchOf(values), i * sketchSize);
  });
  valueHeads(spec).forEach((head, i) => {
    const values = new Float32Array(rowCount);
    for (let row = 0; row < rowCount; row++) {
      const label = labels[row * heads + head]!;
      values[row] = label === 0 || weights[row * heads + head] === 0 ? NaN : label;
    }
    sums.set(sketchOf(values), (scaled.length + i) * sketchSize);
  });
  return sums;
}

/** Takes in what a batch says, in place. */
export function scaleStep(scales: Float32Array, sums: Float32Array): void {
  for (let at = 0; at < scales.length; at += sketchSize)
    mixSketch(scales.subarray(at, at + sketchSize), sums.subarray(at, at + sketchSize), rowsMax);
}

/** Dense features as the network sees them. What nothing is known of yet is 0, and so is what is missing. */
export function scaledDense(
  { rowCount, dense }: Numbers,
  spec: Scaled,
  scales: Float32Array,
): Float32Array {
  const { denseCount, scaled = [] } = spec;
  if (scaled.length === 0) return dense;
  const seen = dense.slice();
  scaleColumns(seen, { rowCount, denseCount, scaled: sketched(scaled) }, scales);
  return seen;
}

/** A scaled column, and which of the sketches is its own. */
export interface SketchedColumn extends ScaledColumn {
  readonly sketch: number;
}

export function sketched(scaled: readonly ScaledColumn[]): SketchedColumn[] {
  return scaled.map((column, sketch) => ({ ...column, sketch }));
}

/** In place. @param dense f32 [rowCount × denseCount], of which some are scaled. */
export function scaleColumns(
  dense: Float32Array,
  {
    rowCount,
    denseCount,
    scaled,
  }: { rowCount: number; denseCount: number; scaled: readonly SketchedColumn[] },
  scales: Float32Array,
): void {
  for (const { at, missingAt, sketch: i } of scaled) {
    const sketch = scales.subarray(i * sketchSize, (i + 1) * sketchSize);
    const isKnown = sketch.length > 0 && sketch[0]! > 0;
    for (let start = 0; start < rowCount * denseCount; start += denseCount) {
      const isMissing = missingAt !== undefined && dense[start + missingAt] === 1;
      dense[start + at] = isKnown && !isMissing ? 2 * rankIn(sketch, dense[start + at]!) - 1 : 0;
    }
  }
}

/**
 * Values beyond what others are are cut to that, in place; as long as too few are known to tell, their rows are without weight.
 * @param sums what the batch itself says: its values are known too.
 */
export function cutValues(
  { labels, weights }: Labels,
  spec: Scaled,
  scales: Float32Array,
  sums: Float32Array,
  transforms: readonly ('log1p' | 'none' | undefined)[],
): void {
  const { heads, scaled = [] } = spec;
  valueHeads(spec).forEach((head, i) => {
    const at = (scaled.length + i) * sketchSize;
    const sketch = scales.slice(at, at + sketchSize);
    mixSketch(sketch, sums.subarray(at, at + sketchSize), rowsMax);
    const isKnown = sketch[0]! >= valuesMin;
    const [low, high] = [quantile(sketch, 1 / 4), quantile(sketch, 3 / 4)];
    // Where most are the same, something beyond is no wild one yet.
    const spread = Math.max(high - low, Math.abs(high) / 4);
    const reach = spreads[transforms[head] ?? 'log1p'] * spread;
    for (let cell = head; cell < labels.length; cell += heads) {
      if (labels[cell] === 0) continue;
      if (isKnown) labels[cell] = Math.min(high + reach, Math.max(low - reach, labels[cell]!));
      else weights[cell] = 0;
    }
  });
}

function valueHeads({ losses = [] }: Scaled): number[] {
  return [...losses.keys()].filter((head) => losses[head] === 'squared');
}
