// optimizers/steps.ts: single precision, each operation rounded as Math.fround rounds it there; what is of a row and not of
// a coordinate is in double precision and rounded once. places: where each row begins. grads: row-major [count × dim].
import { floats, setFloats } from './lanes';
import { at } from './memory';

@inline
function sgd(w: usize, g: usize, rate: v128, whole: bool): void {
  setFloats(w, f32x4.sub(floats(w, whole), f32x4.mul(rate, floats(g, whole))), whole);
}

export function stepSgd(places: usize, count: u32, dim: u32, grads: usize, rate: f32): void {
  const bytes = <usize>dim << 2;
  const vectors = bytes & ~15;
  const rates = f32x4.splat(rate);
  for (let i: u32 = 0; i < count; i++) {
    const w = <usize>load<u32>(at(places, i));
    const g = grads + <usize>i * bytes;
    let b: usize = 0;
    for (; b < vectors; b += 16) sgd(w + b, g + b, rates, true);
    for (; b < bytes; b += 4) sgd(w + b, g + b, rates, false);
  }
}

@inline
function momentum(w: usize, s: usize, g: usize, rate: v128, mu: v128, nesterov: bool, whole: bool): void {
  const gradient = floats(g, whole);
  const m = f32x4.add(f32x4.mul(mu, floats(w + s, whole)), gradient);
  setFloats(w + s, m, whole);
  const move = nesterov ? f32x4.add(gradient, f32x4.mul(mu, m)) : m;
  setFloats(w, f32x4.sub(floats(w, whole), f32x4.mul(rate, move)), whole);
}

export function stepMomentum(
  places: usize,
  count: u32,
  dim: u32,
  grads: usize,
  rate: f32,
  mu: f32,
  nesterov: bool,
): void {
  const bytes = <usize>dim << 2;
  const vectors = bytes & ~15;
  const rates = f32x4.splat(rate);
  const mus = f32x4.splat(mu);
  for (let i: u32 = 0; i < count; i++) {
    const w = <usize>load<u32>(at(places, i));
    const g = grads + <usize>i * bytes;
    let b: usize = 0;
    for (; b < vectors; b += 16) momentum(w + b, bytes, g + b, rates, mus, nesterov, true);
    for (; b < bytes; b += 4) momentum(w + b, bytes, g + b, rates, mus, nesterov, false);
  }
}

/** optimizers/steps.ts, leastShare. */
const leastShare: f32 = 1.0 / 16.0;

/** q: where the squares to be added are; 0: they are those of the gradient. */
@inline
function adagrad(w: usize, s: usize, g: usize, q: usize, rate: v128, epsilon: v128, whole: bool): void {
  const gradient = floats(g, whole);
  let square = f32x4.mul(gradient, gradient);
  if (q != 0) square = f32x4.pmax(floats(q, whole), f32x4.mul(square, f32x4.splat(leastShare)));
  const sum = f32x4.add(floats(w + s, whole), square);
  setFloats(w + s, sum, whole);
  const move = f32x4.div(f32x4.mul(rate, gradient), f32x4.sqrt(f32x4.add(sum, epsilon)));
  setFloats(w, f32x4.sub(floats(w, whole), move), whole);
}

export function stepAdagrad(
  places: usize,
  count: u32,
  dim: u32,
  grads: usize,
  rate: f32,
  epsilon: f32,
  firstRate: f32,
  squares: usize,
): void {
  const bytes = <usize>dim << 2;
  const vectors = bytes & ~15;
  const rates = f32x4.splat(rate);
  const firstRates = f32x4.replace_lane(rates, 0, firstRate);
  const epsilons = f32x4.splat(epsilon);
  for (let i: u32 = 0; i < count; i++) {
    const w = <usize>load<u32>(at(places, i));
    const offset = <usize>i * bytes;
    const g = grads + offset;
    const q = squares == 0 ? squares : squares + offset;
    let b: usize = 0;
    let now = firstRates;
    for (; b < vectors; b += 16) {
      adagrad(w + b, bytes, g + b, q == 0 ? q : q + b, now, epsilons, true);
      now = rates;
    }
    for (; b < bytes; b += 4) {
      adagrad(w + b, bytes, g + b, q == 0 ? q : q + b, now, epsilons, false);
      now = rates;
    }
  }
}

/** optimizers/steps.ts, powerOf: by squaring, so that the bits do not depend on whose `pow` it is. */
@inline
function powerOf(base: f64, exponent: u32): f64 {
  let power: f64 = 1;
  for (let left = exponent; left > 0; left >>= 1) {
    if (left & 1) power *= base;
    base *= base;
  }
  return power;
}

@inline
function adam(
  w: usize,
  s: usize,
  g: usize,
  rate: v128,
  correction: v128,
  beta1: v128,
  rest1: v128,
  beta2: v128,
  rest2: v128,
  epsilon: v128,
  largest: bool,
  whole: bool,
): void {
  const gradient = floats(g, whole);
  const m = f32x4.add(f32x4.mul(beta1, floats(w + s, whole)), f32x4.mul(rest1, gradient));
  setFloats(w + s, m, whole);
  const squares = f32x4.mul(f32x4.mul(rest2, gradient), gradient);
  let v = f32x4.add(f32x4.mul(beta2, floats(w + 2 * s, whole)), squares);
  setFloats(w + 2 * s, v, whole);
  if (largest) {
    v = f32x4.pmax(v, floats(w + 3 * s, whole));
    setFloats(w + 3 * s, v, whole);
  }
  const divisor = f32x4.add(f32x4.sqrt(f32x4.mul(v, correction)), epsilon);
  const move = f32x4.div(f32x4.mul(rate, m), divisor);
  setFloats(w, f32x4.sub(floats(w, whole), move), whole);
}

const countedStepsMax: f32 = 16777216;

export function stepAdam(
  places: usize,
  count: u32,
  dim: u32,
  grads: usize,
  rate: f64,
  beta1: f32,
  beta2: f32,
  epsilon: f32,
  largest: bool,
): void {
  const bytes = <usize>dim << 2;
  const vectors = bytes & ~15;
  const stepsAt = <usize>(largest ? 4 : 3) * bytes;
  const beta1s = f32x4.splat(beta1);
  const rest1s = f32x4.splat(1 - beta1);
  const beta2s = f32x4.splat(beta2);
  const rest2s = f32x4.splat(1 - beta2);
  const epsilons = f32x4.splat(epsilon);
  for (let i: u32 = 0; i < count; i++) {
    const w = <usize>load<u32>(at(places, i));
    const g = grads + <usize>i * bytes;
    const steps = min<f32>(load<f32>(w + stepsAt) + 1, countedStepsMax);
    store<f32>(w + stepsAt, steps);
    const rates = f32x4.splat(<f32>(rate / (1 - powerOf(beta1, <u32>steps))));
    const corrections = f32x4.splat(<f32>(1 / (1 - powerOf(beta2, <u32>steps))));
    let b: usize = 0;
    for (; b < vectors; b += 16)
      adam(w + b, bytes, g + b, rates, corrections, beta1s, rest1s, beta2s, rest2s, epsilons, largest, true);
    for (; b < bytes; b += 4)
      adam(w + b, bytes, g + b, rates, corrections, beta1s, rest1s, beta2s, rest2s, epsilons, largest, false);
  }
}

@inline
function rmsprop(
  w: usize,
  s: usize,
  g: usize,
  rate: v128,
  rho: v128,
  rest: v128,
  mu: v128,
  epsilon: v128,
  moves: bool,
  whole: bool,
): void {
  const gradient = floats(g, whole);
  const squares = f32x4.mul(f32x4.mul(rest, gradient), gradient);
  const square = f32x4.add(f32x4.mul(rho, floats(w + s, whole)), squares);
  setFloats(w + s, square, whole);
  let move = f32x4.div(f32x4.mul(rate, gradient), f32x4.sqrt(f32x4.add(square, epsilon)));
  if (moves) {
    move = f32x4.add(move, f32x4.mul(mu, floats(w + 2 * s, whole)));
    setFloats(w + 2 * s, move, whole);
  }
  setFloats(w, f32x4.sub(floats(w, whole), move), whole);
}

export function stepRmsprop(
  places: usize,
  count: u32,
  dim: u32,
  grads: usize,
  rate: f32,
  rho: f32,
  mu: f32,
  epsilon: f32,
): void {
  const bytes = <usize>dim << 2;
  const vectors = bytes & ~15;
  const rates = f32x4.splat(rate);
  const rhos = f32x4.splat(rho);
  const rests = f32x4.splat(1 - rho);
  const mus = f32x4.splat(mu);
  const epsilons = f32x4.splat(epsilon);
  const moves = mu > 0;
  for (let i: u32 = 0; i < count; i++) {
    const w = <usize>load<u32>(at(places, i));
    const g = grads + <usize>i * bytes;
    let b: usize = 0;
    for (; b < vectors; b += 16)
      rmsprop(w + b, bytes, g + b, rates, rhos, rests, mus, epsilons, moves, true);
    for (; b < bytes; b += 4)
      rmsprop(w + b, bytes, g + b, rates, rhos, rests, mus, epsilons, moves, false);
  }
}

@inline
function adadelta(
  w: usize,
  s: usize,
  g: usize,
  rate: v128,
  rho: v128,
  rest: v128,
  epsilon: v128,
  whole: bool,
): void {
  const gradient = floats(g, whole);
  const squares = f32x4.mul(f32x4.mul(rest, gradient), gradient);
  const square = f32x4.add(f32x4.mul(rho, floats(w + s, whole)), squares);
  setFloats(w + s, square, whole);
  const moved = floats(w + 2 * s, whole);
  const scaled = f32x4.mul(gradient, f32x4.sqrt(f32x4.add(moved, epsilon)));
  const move = f32x4.div(scaled, f32x4.sqrt(f32x4.add(square, epsilon)));
  const moves = f32x4.mul(f32x4.mul(rest, move), move);
  setFloats(w + 2 * s, f32x4.add(f32x4.mul(rho, moved), moves), whole);
  setFloats(w, f32x4.sub(floats(w, whole), f32x4.mul(rate, move)), whole);
}

export function stepAdadelta(
  places: usize,
  count: u32,
  dim: u32,
  grads: usize,
  rate: f32,
  rho: f32,
  epsilon: f32,
): void {
  const bytes = <usize>dim << 2;
  const vectors = bytes & ~15;
  const rates = f32x4.splat(rate);
  const rhos = f32x4.splat(rho);
  const rests = f32x4.splat(1 - rho);
  const epsilons = f32x4.splat(epsilon);
  for (let i: u32 = 0; i < count; i++) {
    const w = <usize>load<u32>(at(places, i));
    const g = grads + <usize>i * bytes;
    let b: usize = 0;
    for (; b < vectors; b += 16) adadelta(w + b, bytes, g + b, rates, rhos, rests, epsilons, true);
    for (; b < bytes; b += 4) adadelta(w + b, bytes, g + b, rates, rhos, rests, epsilons, false);
  }
}
