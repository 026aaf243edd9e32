/**
 * Beta calibration (Kull, Silva Filho, Flach, 2017): logit′ = b·softplus(z) − a·softplus(−z) + c, three numbers for each head,
 * with a, b > 0, so that it orders nothing anew; a = b = 1, c = 0 leaves a logit z as it is. A network that learns a stream once is too sure
 * of rows that it has seen a few times. What it said of a batch before it learned it is as good as a score that was served, so
 * the three are fitted to those, by Newton's method over the last rows, and the network is not trained through them.
 *
 * f32 [heads × 10], behind the parameters of the network:
 *
 *   | a b c | second derivatives: aa ab ac bb bc cc, of the rows that count still | how many rows there were |
 *
 * What a batch says is as long: first derivatives, second derivatives, rows.
 */
const width = 10;
const factors = 3;
const rowsAt = 9;

/** Rows of which the last ones count. Too few: it follows their chance. Too many: it trails the network. */
const memoryRows = 8_000;
/** Added to the second derivatives: what says next to nothing moves it next to nowhere. */
const damping = 5;
/**
 * Rows until it counts in full; before, so much less. A network that has just begun says nearly the same of all, and something
 * else soon. Too few: scores of then are ordered by chance. Too many: they are no rates for longer.
 */
const warmRows = 10_000;
const identity = [1, 1, 0] as const;
const slopeMin = 0.02;
const slopeMax = 20;

export function calibrationSize(heads: number): number {
  return width * heads;
}

/** Nothing is changed by it. */
export function initialCalibration(heads: number): Float32Array {
  const values = new Float32Array(calibrationSize(heads));
  for (let at = 0; at < values.length; at += width) values.set(identity, at);
  return values;
}

/** @param values of all heads; empty: none is calibrated. */
export function calibratedLogit(logit: number, values: Float32Array, head: number): number {
  if (values.length === 0) return logit;
  const at = width * head;
  const fitted =
    values[at + 1]! * softplus(logit) - values[at]! * softplus(-logit) + values[at + 2]!;
  const share = Math.min(1, values[at + rowsAt]! / warmRows);
  return share * fitted + (1 - share) * logit;
}

export interface JudgedRows {
  /** f32 [rows × heads], before any of them was learned. */
  readonly logits: Float32Array;
  /** f32 [rows × heads] */
  readonly labels: Float32Array;
  readonly weights: Float32Array;
  /** Whether it was shown, by row: others are never served. */
  readonly counts: (row: number) => boolean;
}

/** What rows say of the calibration. @param isChance by head: values are not calibrated. */
export function calibrationSums(
  { logits, labels, weights, counts }: JudgedRows,
  values: Float32Array,
  isChance: readonly boolean[],
): Float32Array {
  const heads = isChance.length;
  const sums = new Float64Array(calibrationSize(heads));
  for (let row = 0; row * heads < logits.length; row++) {
    if (!counts(row)) continue;
    for (let head = 0; head < heads; head++) {
      const i = row * heads + head;
      if (isChance[head] && weights[i]! > 0)
        addTo(sums, width * head, logits[i]!, labels[i]!, weights[i]!, values);
    }
  }
  return Float32Array.from(sums);
}

function addTo(
  sums: Float64Array,
  at: number,
  logit: number,
  label: number,
  weight: number,
  values: Float32Array,
): void {
  const a = -softplus(-logit);
  const b = softplus(logit);
  const p = 1 / (1 + Math.exp(-(values[at]! * a + values[at + 1]! * b + values[at + 2]!)));
  const first = weight * (p - label);
  const second = weight * p * (1 - p);
  sums[at]! += first * a;
  sums[at + 1]! += first * b;
  sums[at + 2]! += first;
  sums[at + 3]! += second * a * a;
  sums[at + 4]! += second * a * b;
  sums[at + 5]! += second * a;
  sums[at + 6]! += second * b * b;
  sums[at + 7]! += second * b;
  sums[at + 8]! += second;
  sums[at + rowsAt]! += 1;
}

/** Takes in what a batch says, in place. Sums that are not finite change nothing. */
export function calibrationStep(values: Float32Array, sums: Float32Array): void {
  for (let at = 0; at < values.length; at += width) {
    const rows = sums[at + rowsAt]!;
    if (rows === 0 || !sums.subarray(at, at + width).every(Number.isFinite)) continue;
    const kept = Math.exp(-rows / memoryRows);
    for (let i = factors; i < rowsAt; i++) values[at + i] = kept * values[at + i]! + sums[at + i]!;
    values[at + rowsAt] = Math.min(warmRows, values[at + rowsAt]! + rows);
    const [a, b, c] = newtonStep(values.subarray(at, at + width), sums.subarray(at, at + factors));
    values[at] = within(values[at]! - a, slopeMin, slopeMax);
    values[at + 1] = within(values[at + 1]! - b, slopeMin, slopeMax);
    values[at + 2] = within(values[at + 2]! - c, -slopeMax, slopeMax);
  }
}

/** (H + damping)⁻¹·g by Cholesky: H is a sum of squares. */
function newtonStep(values: Float32Array, g: Float32Array): readonly [number, number, number] {
  const [aa, ab, ac, bb, bc, cc] = [3, 4, 5, 6, 7, 8].map((i) => values[i]!) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const l00 = Math.sqrt(aa + damping);
  const l10 = ab / l00;
  const l20 = ac / l00;
  const l11 = Math.sqrt(bb + damping - l10 * l10);
  const l21 = (bc - l20 * l10) / l11;
  const l22 = Math.sqrt(cc + damping - l20 * l20 - l21 * l21);
  const y0 = g[0]! / l00;
  const y1 = (g[1]! - l10 * y0) / l11;
  const y2 = (g[2]! - l20 * y0 - l21 * y1) / l22;
  const c = y2 / l22;
  const b = (y1 - l21 * c) / l11;
  const a = (y0 - l10 * b - l20 * c) / l00;
  return [a, b, c];
}

/** ln(1 + e^x) without overflow. */
function softplus(x: number): number {
  return Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
}

function within(value: number, min: number, max: number): number {
  return Math.min(max, Math.max(min, value));
}
