// optimizers/prepared-gradients.ts: the parts that read rows. places: where each row begins.
import { floats, setFloats } from './lanes';
import { at } from './memory';

/** to ← to + factor · from, over [dim]. */
@inline
function addScaled(to: usize, from: usize, factor: v128, bytes: usize): void {
  const vectors = bytes & ~15;
  let b: usize = 0;
  for (; b < vectors; b += 16)
    setFloats(to + b, f32x4.add(floats(to + b, true), f32x4.mul(factor, floats(from + b, true))), true);
  for (; b < bytes; b += 4)
    setFloats(to + b, f32x4.add(floats(to + b, false), f32x4.mul(factor, floats(from + b, false))), false);
}

/** Of the gradients: g ← g + l2 · w. */
export function addWeights(places: usize, count: u32, dim: u32, grads: usize, l2: f32): void {
  const bytes = <usize>dim << 2;
  const factor = f32x4.splat(l2);
  for (let i: u32 = 0; i < count; i++)
    addScaled(grads + <usize>i * bytes, <usize>load<u32>(at(places, i)), factor, bytes);
}

/** w ← w − decay · w, which to the bit is w + (−decay) · w. */
export function decayWeights(places: usize, count: u32, dim: u32, decay: f32): void {
  const bytes = <usize>dim << 2;
  const factor = f32x4.splat(-decay);
  for (let i: u32 = 0; i < count; i++) {
    const w = <usize>load<u32>(at(places, i));
    addScaled(w, w, factor, bytes);
  }
}
