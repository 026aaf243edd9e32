/**
 * What is known of the distribution of a number, in 34 floats: how many values count, and 33 quantiles, of which the first and the last
 * are the least and the largest. Between them it is taken to be linear; equal quantiles are a value that many have.
 *
 *   | rows | q₀ q₁ … q₃₂ |
 *
 * Two values that are wild move the outermost quantiles, and none of the others. Mixing two sketches adds their distributions,
 * weighted by their rows, and takes the quantiles of the sum.
 */
const segments = 32;
const knots = segments + 1;

export const sketchSize = 1 + knots;

/** Of values in any order; what is not finite is left out. */
export function sketchOf(all: Float32Array): Float32Array {
  const sketch = new Float32Array(sketchSize);
  const values = all.filter(Number.isFinite).sort();
  const rows = values.length;
  if (rows === 0) return sketch;
  sketch[0] = rows;
  for (let j = 0; j < knots; j++) {
    const place = (j / segments) * (rows - 1);
    const below = Math.floor(place);
    const above = Math.min(rows - 1, below + 1);
    sketch[1 + j] = values[below]! + (place - below) * (values[above]! - values[below]!);
  }
  return sketch;
}

/**
 * Takes `added` into `sketch`, in place. What is not finite changes nothing.
 *
 * @param rowsMax that count: the older ones fade.
 */
export function mixSketch(sketch: Float32Array, added: Float32Array, rowsMax: number): void {
  const [before, more] = [sketch[0]!, added[0]!];
  if (!(more > 0) || !added.every(Number.isFinite)) return;
  if (before === 0) sketch.set(added);
  else sketch.set(mixedQuantiles(sketch.subarray(1), before, added.subarray(1), more), 1);
  sketch[0] = Math.min(rowsMax, before + more);
}

/** Where a value stands among all, 0 … 1: the middle of those that are equal to it. */
export function rankIn(sketch: Float32Array, value: number): number {
  return (placeBefore(sketch, 1, value) + placeUpTo(sketch, 1, value)) / 2 / segments;
}

/** The quantile p. */
export function quantile(sketch: Float32Array, p: number): number {
  const place = p * segments;
  const below = Math.min(segments - 1, Math.floor(place));
  const [low, high] = [sketch[1 + below]!, sketch[2 + below]!];
  return low + (place - below) * (high - low);
}

function mixedQuantiles(
  a: Float32Array,
  aRows: number,
  b: Float32Array,
  bRows: number,
): Float32Array {
  const values = new Float32Array(2 * knots);
  values.set(a);
  values.set(b, knots);
  values.sort();
  const share = (ofA: number, ofB: number) =>
    (aRows * ofA + bRows * ofB) / ((aRows + bRows) * segments);
  const mixed = new Float32Array(knots);
  let [last, lastShare] = [values[0]!, 0];
  let j = 0;
  for (const value of values) {
    const before = share(placeBefore(a, 0, value), placeBefore(b, 0, value));
    const upTo = share(placeUpTo(a, 0, value), placeUpTo(b, 0, value));
    for (; j < knots && j / segments <= before; j++) {
      const part = before > lastShare ? (j / segments - lastShare) / (before - lastShare) : 1;
      mixed[j] = last + Math.max(0, part) * (value - last);
    }
    for (; j < knots && j / segments <= upTo; j++) mixed[j] = value;
    [last, lastShare] = [value, upTo];
  }
  // Rounding may leave the last one.
  mixed.fill(values.at(-1)!, j);
  return mixed;
}

/** How many segments are below the value, of quantiles from `start` on. */
function placeBefore(sketch: Float32Array, start: number, value: number): number {
  let low = 0;
  let high = knots;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sketch[start + middle]! < value) low = middle + 1;
    else high = middle;
  }
  if (low === knots) return segments;
  return low === 0 || sketch[start + low] === value
    ? low
    : between(sketch, start + low, value) + low;
}

/** How many are not above it. */
function placeUpTo(sketch: Float32Array, start: number, value: number): number {
  let low = 0;
  let high = knots;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sketch[start + middle]! <= value) low = middle + 1;
    else high = middle;
  }
  if (low === 0) return 0;
  if (low === knots) return segments;
  return sketch[start + low - 1] === value ? low - 1 : between(sketch, start + low, value) + low;
}

/** −1 … 0, between the quantile before `at` and the one there. */
function between(sketch: Float32Array, at: number, value: number): number {
  const [low, high] = [sketch[at - 1]!, sketch[at]!];
  return (value - low) / (high - low) - 1;
}
