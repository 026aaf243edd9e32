// NaN is not the largest of any, but what it is taken from is NaN, and so are all shares.

import { exponential, madd, sum, zeros } from './lanes';

/** y [count] = e^x / Σ e^x, of numbers beside one another; in place, too. */
export function softmax(x: usize, count: u32, y: usize): void {
  const quads = count & ~3;
  let most = f32x4.splat(-f32.MAX_VALUE);
  let j: u32 = 0;
  for (; j < quads; j += 4) most = f32x4.pmax(most, v128.load(x + (j << 2)));
  for (; j < count; j++) most = f32x4.pmax(most, v128.load32_splat(x + (j << 2)));
  most = f32x4.pmax(most, v128.shuffle<f32>(most, most, 2, 3, 0, 1));
  most = f32x4.pmax(most, v128.shuffle<f32>(most, most, 1, 0, 3, 2));
  let lanes = zeros();
  for (j = 0; j < quads; j += 4) {
    const e = exponential(f32x4.sub(v128.load(x + (j << 2)), most));
    v128.store(y + (j << 2), e);
    lanes = f32x4.add(lanes, e);
  }
  let total = sum(lanes);
  for (; j < count; j++) {
    const lane = exponential(f32x4.sub(v128.load32_splat(x + (j << 2)), most));
    const e = f32x4.extract_lane(lane, 0);
    store<f32>(y + (j << 2), e);
    total += e;
  }
  const totals = f32x4.splat(total);
  for (j = 0; j < quads; j += 4)
    v128.store(y + (j << 2), f32x4.div(v128.load(y + (j << 2)), totals));
  for (; j < count; j++) store<f32>(y + (j << 2), load<f32>(y + (j << 2)) / total);
}

/** dx = y · (d − Σ d·y) · scale, or dx + it. */
export function softmaxBack(
  d: usize,
  y: usize,
  count: u32,
  scale: f32,
  accumulate: bool,
  dx: usize,
): void {
  const quads = count & ~3;
  let lanes = zeros();
  let j: u32 = 0;
  for (; j < quads; j += 4)
    lanes = madd(v128.load(d + (j << 2)), v128.load(y + (j << 2)), lanes);
  let along = sum(lanes);
  for (; j < count; j++) along += load<f32>(d + (j << 2)) * load<f32>(y + (j << 2));
  const all = f32x4.splat(along);
  const scales = f32x4.splat(scale);
  for (j = 0; j < quads; j += 4) {
    const at = dx + (j << 2);
    const share = f32x4.mul(v128.load(y + (j << 2)), scales);
    const before = accumulate ? v128.load(at) : zeros();
    v128.store(at, madd(share, f32x4.sub(v128.load(d + (j << 2)), all), before));
  }
  for (; j < count; j++) {
    const at = dx + (j << 2);
    const value = load<f32>(y + (j << 2)) * scale * (load<f32>(d + (j << 2)) - along);
    store<f32>(at, accumulate ? load<f32>(at) + value : value);
  }
}

/** Of numbers `inBytes` and `outBytes` apart, four columns at once. */
export function softmaxColumns(
  x: usize,
  inBytes: usize,
  count: u32,
  y: usize,
  outBytes: usize,
): void {
  let most = f32x4.splat(-f32.MAX_VALUE);
  for (let o: u32 = 0; o < count; o++) most = f32x4.pmax(most, v128.load(x + <usize>o * inBytes));
  let total = zeros();
  for (let o: u32 = 0; o < count; o++) {
    const e = exponential(f32x4.sub(v128.load(x + <usize>o * inBytes), most));
    v128.store(y + <usize>o * outBytes, e);
    total = f32x4.add(total, e);
  }
  for (let o: u32 = 0; o < count; o++) {
    const at = y + <usize>o * outBytes;
    v128.store(at, f32x4.div(v128.load(at), total));
  }
}
