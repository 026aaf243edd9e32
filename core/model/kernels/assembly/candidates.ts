// One request beside many items, of which what the network makes of them alone is kept in tables. places: u32, rows of the table.
// Strides are in floats; columns are read and written up to a multiple of 4.

import { madd, relu, sum, zeros } from './lanes';

/**
 * y [n × c] = table[places] + own + pairs [n × pairCount] · weights [pairCount × ldw]; then max(0, ·).
 * own [c] and the rows of weights have zeros up to a multiple of 4.
 */
export function gatherLayer(
  table: usize,
  ldt: u32,
  places: usize,
  n: u32,
  c: u32,
  own: usize,
  pairs: usize,
  pairCount: u32,
  weights: usize,
  ldw: u32,
  rectify: bool,
  y: usize,
  ldy: u32,
): void {
  for (let i: u32 = 0; i < n; i++, y += <usize>ldy << 2, pairs += <usize>pairCount << 2) {
    const row = table + ((<usize>load<u32>(places + (i << 2)) * ldt) << 2);
    for (let j: u32 = 0; j < c; j += 4) {
      const at = <usize>j << 2;
      let value = f32x4.add(v128.load(row + at), v128.load(own + at));
      let weight = weights + at;
      for (let p: u32 = 0; p < pairCount; p++, weight += <usize>ldw << 2)
        value = madd(v128.load32_splat(pairs + (p << 2)), v128.load(weight), value);
      v128.store(y + at, rectify ? relu(value) : value);
    }
  }
}

/** y [n] = table[places] · own, over c columns, which are zeros up to a multiple of 4. */
export function gatherDot(
  table: usize,
  ldt: u32,
  places: usize,
  n: u32,
  c: u32,
  own: usize,
  y: usize,
): void {
  for (let i: u32 = 0; i < n; i++, y += 4) {
    const row = table + ((<usize>load<u32>(places + (i << 2)) * ldt) << 2);
    let lanes = zeros();
    for (let j: u32 = 0; j < c; j += 4) {
      const at = <usize>j << 2;
      lanes = madd(v128.load(row + at), v128.load(own + at), lanes);
    }
    store<f32>(y, sum(lanes));
  }
}
