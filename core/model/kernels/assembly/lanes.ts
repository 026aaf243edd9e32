// Four numbers at a time. One source, two modules: with relaxed SIMD a product and a sum are one instruction, rounded once.

/** a · b + c */
@inline
export function madd(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(a, b, c);
  return f32x4.add(f32x4.mul(a, b), c);
}

/** (a₀ + a₂) + (a₁ + a₃) */
@inline
export function sum(a: v128): f32 {
  const pairs = f32x4.add(a, v128.shuffle<f32>(a, a, 2, 3, 0, 1));
  return f32x4.extract_lane(pairs, 0) + f32x4.extract_lane(pairs, 1);
}

@inline
export function zeros(): v128 {
  return f32x4.splat(0);
}

/** max(0, a); NaN stays, so that a network that has come apart says so. */
@inline
export function relu(a: v128): v128 {
  return f32x4.pmax(a, zeros());
}

/** a where y > 0, else 0. */
@inline
export function gate(a: v128, y: v128): v128 {
  return v128.and(a, f32x4.gt(y, zeros()));
}

/** e^x to about 2 ulp (Cephes, expf): x = n·ln 2 + r, a polynomial in r, times 2^n. */
@inline
export function exponential(value: v128): v128 {
  // As one instruction each; NaN stays, too.
  const x = f32x4.pmin(f32x4.pmax(value, f32x4.splat(-87.3)), f32x4.splat(88.0));
  // 1.5 · 2^23: what is added to it is rounded to a whole number, which its lowest bits are.
  const whole = f32x4.splat(12582912);
  const shifted = f32x4.add(f32x4.mul(x, f32x4.splat(1.44269504088896341)), whole);
  const n = f32x4.sub(shifted, whole);
  let r = f32x4.sub(x, f32x4.mul(n, f32x4.splat(0.693359375)));
  r = f32x4.add(r, f32x4.mul(n, f32x4.splat(2.12194440e-4)));
  let y = f32x4.splat(1.9875691500e-4);
  y = f32x4.add(f32x4.mul(y, r), f32x4.splat(1.3981999507e-3));
  y = f32x4.add(f32x4.mul(y, r), f32x4.splat(8.3334519073e-3));
  y = f32x4.add(f32x4.mul(y, r), f32x4.splat(4.1665795894e-2));
  y = f32x4.add(f32x4.mul(y, r), f32x4.splat(1.6666665459e-1));
  y = f32x4.add(f32x4.mul(y, r), f32x4.splat(5.0000001201e-1));
  y = f32x4.add(f32x4.add(f32x4.mul(y, f32x4.mul(r, r)), r), f32x4.splat(1));
  const power = i32x4.shl(i32x4.add(shifted, i32x4.splat(127)), 23);
  return f32x4.mul(y, power);
}

/** ln(1 + e) of 0 ≤ e ≤ 1: 2·artanh(e / (2 + e)), whose series has ratio 1/9 at most. */
@inline
export function log1p(e: v128): v128 {
  const s = f32x4.div(e, f32x4.add(e, f32x4.splat(2)));
  const q = f32x4.mul(s, s);
  let y = f32x4.splat(1.0 / 13.0);
  y = f32x4.add(f32x4.mul(y, q), f32x4.splat(1.0 / 11.0));
  y = f32x4.add(f32x4.mul(y, q), f32x4.splat(1.0 / 9.0));
  y = f32x4.add(f32x4.mul(y, q), f32x4.splat(1.0 / 7.0));
  y = f32x4.add(f32x4.mul(y, q), f32x4.splat(1.0 / 5.0));
  y = f32x4.add(f32x4.mul(y, q), f32x4.splat(1.0 / 3.0));
  y = f32x4.add(f32x4.mul(y, q), f32x4.splat(1));
  return f32x4.mul(f32x4.add(s, s), y);
}
