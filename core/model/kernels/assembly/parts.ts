// Shares among parts of a row: a number of each part, `c` columns apart. Parts and columns are few, so one number at a time.

import { exponential } from './lanes';

/** y = e^x / Σ e^x, over `count` parts of c columns. */
export function softmaxParts(
  x: usize,
  ldx: u32,
  n: u32,
  count: u32,
  c: u32,
  y: usize,
  ldy: u32,
): void {
  const step: u32 = c << 2;
  for (let i: u32 = 0; i < n; i++, x += <usize>ldx << 2, y += <usize>ldy << 2)
    for (let j: u32 = 0; j < c; j++) {
      const from = x + (j << 2);
      const to = y + (j << 2);
      // NaN is not the largest of any, but what it is taken from is NaN, and so are all shares.
      let most: f32 = -f32.MAX_VALUE;
      for (let part: u32 = 0; part < count; part++) {
        const value = load<f32>(from + part * step);
        if (value > most) most = value;
      }
      let total: f32 = 0;
      for (let part: u32 = 0; part < count; part++) {
        const value = load<f32>(from + part * step) - most;
        const e = f32x4.extract_lane(exponential(f32x4.splat(value)), 0);
        store<f32>(to + part * step, e);
        total += e;
      }
      for (let part: u32 = 0; part < count; part++)
        store<f32>(to + part * step, load<f32>(to + part * step) / total);
    }
}

/** dx = y · (d − Σ d·y), or dx + it. */
export function softmaxPartsBack(
  d: usize,
  ldd: u32,
  y: usize,
  ldy: u32,
  n: u32,
  count: u32,
  c: u32,
  accumulate: bool,
  dx: usize,
  lddx: u32,
): void {
  const step: u32 = c << 2;
  for (let i: u32 = 0; i < n; i++) {
    for (let j: u32 = 0; j < c; j++) {
      const at = j << 2;
      let along: f32 = 0;
      for (let part: u32 = 0; part < count; part++)
        along += load<f32>(d + at + part * step) * load<f32>(y + at + part * step);
      for (let part: u32 = 0; part < count; part++) {
        const to = dx + at + part * step;
        const value = load<f32>(y + at + part * step) * (load<f32>(d + at + part * step) - along);
        store<f32>(to, accumulate ? load<f32>(to) + value : value);
      }
    }
    d += <usize>ldd << 2;
    y += <usize>ldy << 2;
    dx += <usize>lddx << 2;
  }
}
