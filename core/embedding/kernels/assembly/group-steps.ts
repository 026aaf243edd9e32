// optimizers/group-steps.ts. Norms of rows are sums in double precision, coordinate after coordinate.
import { floats, setFloats } from './lanes';
import { at } from './memory';

/** Below any square root that is not 0, so that 0 / 0 is 0. */
const tiny: f32 = 1.1754943508222875e-38;

@inline
function soften(z: v128, l1: v128): v128 {
  return f32x4.pmax(f32x4.sub(f32x4.abs(z), l1), f32x4.splat(0));
}

@inline
function accumulate(w: usize, s: usize, g: usize, rate: v128, whole: bool): void {
  const gradient = floats(g, whole);
  const before = floats(w + 2 * s, whole);
  const square = f32x4.mul(gradient, gradient);
  const after = f32x4.add(before, square);
  setFloats(w + 2 * s, after, whole);
  const roots = f32x4.add(f32x4.sqrt(after), f32x4.sqrt(before));
  const sigma = f32x4.div(square, f32x4.pmax(f32x4.mul(roots, rate), f32x4.splat(tiny)));
  const change = f32x4.sub(gradient, f32x4.mul(sigma, floats(w, whole)));
  setFloats(w + s, f32x4.add(floats(w + s, whole), change), whole);
}

@inline
function weigh(
  w: usize,
  s: usize,
  rate: v128,
  beta: v128,
  l1: v128,
  l2: v128,
  share: v128,
  whole: bool,
): void {
  const z = floats(w + s, whole);
  const root = f32x4.add(beta, f32x4.sqrt(floats(w + 2 * s, whole)));
  const divisor = f32x4.pmax(f32x4.add(f32x4.div(root, rate), l2), f32x4.splat(tiny));
  const size = f32x4.div(f32x4.mul(soften(z, l1), share), divisor);
  const isPositive = f32x4.gt(z, f32x4.splat(0));
  setFloats(w, v128.bitselect(f32x4.sub(f32x4.splat(0), size), size, isPositive), whole);
}

@inline
function softNorm(z: usize, dim: u32, l1: f32): f64 {
  let squares: f64 = 0;
  for (let d: u32 = 0; d < dim; d++) {
    const soft = <f64>max<f32>(abs<f32>(load<f32>(at(z, d))) - l1, 0);
    squares += soft * soft;
  }
  return sqrt(squares);
}

/** threshold: λ₂₁·√dim. */
export function stepFtrl(
  places: usize,
  count: u32,
  dim: u32,
  grads: usize,
  rate: f32,
  beta: f32,
  l1: f32,
  l2: f32,
  threshold: f64,
): void {
  const bytes = <usize>dim << 2;
  const vectors = bytes & ~15;
  const rates = f32x4.splat(rate);
  const betas = f32x4.splat(beta);
  const l1s = f32x4.splat(l1);
  const l2s = f32x4.splat(l2);
  for (let i: u32 = 0; i < count; i++) {
    const w = <usize>load<u32>(at(places, i));
    const g = grads + <usize>i * bytes;
    let b: usize = 0;
    for (; b < vectors; b += 16) accumulate(w + b, bytes, g + b, rates, true);
    for (; b < bytes; b += 4) accumulate(w + b, bytes, g + b, rates, false);
    let share: f32 = 1;
    if (threshold != 0) share = <f32>max<f64>(0, 1 - threshold / softNorm(w + bytes, dim, l1));
    const shares = f32x4.splat(share);
    b = 0;
    for (; b < vectors; b += 16) weigh(w + b, bytes, rates, betas, l1s, l2s, shares, true);
    for (; b < bytes; b += 4) weigh(w + b, bytes, rates, betas, l1s, l2s, shares, false);
  }
}

@inline
function sumOfSquares(list: usize, dim: u32): f64 {
  let squares: f64 = 0;
  for (let d: u32 = 0; d < dim; d++) {
    const value = <f64>load<f32>(at(list, d));
    squares += value * value;
  }
  return squares;
}

/** threshold: λ·√dim. */
export function stepGroupAdagrad(
  places: usize,
  count: u32,
  dim: u32,
  grads: usize,
  rate: f64,
  beta: f64,
  threshold: f64,
): void {
  const bytes = <usize>dim << 2;
  for (let i: u32 = 0; i < count; i++) {
    const w = <usize>load<u32>(at(places, i));
    const g = grads + <usize>i * bytes;
    const sum = <f32>(<f64>load<f32>(w + bytes) + sumOfSquares(g, dim) / <f64>dim);
    store<f32>(w + bytes, sum);
    const divisor = sqrt<f64>(<f64>sum) + beta;
    if (divisor == 0) continue;
    const rowRate = rate / divisor;
    const rowRate32 = <f32>rowRate;
    for (let b: usize = 0; b < bytes; b += 4)
      store<f32>(w + b, load<f32>(w + b) - rowRate32 * load<f32>(g + b));
    if (threshold == 0) continue;
    const norm = sqrt<f64>(sumOfSquares(w, dim));
    const cut: f32 = norm == 0 ? 1 : <f32>min<f64>(1, (rowRate * threshold) / norm);
    for (let b: usize = 0; b < bytes; b += 4) {
      const weight = load<f32>(w + b);
      store<f32>(w + b, weight - cut * weight);
    }
  }
}
