// Between rows [w, v₁ … v_k] and what a network sees of them: weights [n × slots] and vectors [n × slots · k].

import { zeros } from './lanes';

/** Of pooled rows [n · slots × (1 + k)]. */
export function split(
  pooled: usize,
  n: u32,
  slots: u32,
  k: u32,
  weights: usize,
  ldw: u32,
  vectors: usize,
  ldv: u32,
): void {
  const vectorBytes = k << 2;
  for (let i: u32 = 0; i < n; i++, weights += <usize>ldw << 2, vectors += <usize>ldv << 2)
    for (let s: u32 = 0; s < slots; s++, pooled += vectorBytes + 4) {
      store<f32>(weights + (s << 2), load<f32>(pooled));
      copy(vectors + s * vectorBytes, pooled + 4, k);
    }
}

/** Its inverse, of gradients. */
export function join(
  weights: usize,
  ldw: u32,
  vectors: usize,
  ldv: u32,
  n: u32,
  slots: u32,
  k: u32,
  pooled: usize,
): void {
  const vectorBytes = k << 2;
  for (let i: u32 = 0; i < n; i++, weights += <usize>ldw << 2, vectors += <usize>ldv << 2)
    for (let s: u32 = 0; s < slots; s++, pooled += vectorBytes + 4) {
      store<f32>(pooled, load<f32>(weights + (s << 2)));
      copy(pooled + 4, vectors + s * vectorBytes, k);
    }
}

/**
 * Pools rows as row-gather.ts does, with the same bits. inverse: u32 by occurrence, its row; offsets: u32 [n · slots + 1], its
 * cells; means: u32 by slot, 1 where it is the mean.
 */
export function pool(
  rows: usize,
  inverse: usize,
  offsets: usize,
  means: usize,
  n: u32,
  slots: u32,
  k: u32,
  weights: usize,
  ldw: u32,
  vectors: usize,
  ldv: u32,
): void {
  const rowBytes = <usize>(k + 1) << 2;
  const vectorBytes = <usize>k << 2;
  let end = load<u32>(offsets);
  for (let i: u32 = 0; i < n; i++, weights += <usize>ldw << 2, vectors += <usize>ldv << 2)
    for (let s: u32 = 0; s < slots; s++) {
      const start = end;
      offsets += 4;
      end = load<u32>(offsets);
      const weight = weights + (s << 2);
      const vector = vectors + <usize>s * vectorBytes;
      if (start == end) {
        store<f32>(weight, 0);
        memory.fill(vector, 0, vectorBytes);
        continue;
      }
      const first = rows + <usize>load<u32>(inverse + (<usize>start << 2)) * rowBytes;
      // As a sum that begins with 0 has it: never −0.
      store<f32>(weight, load<f32>(first) + 0);
      copy(vector, first + 4, k);
      if (end - start == 1) continue;
      for (let o = start + 1; o < end; o++) {
        const row = rows + <usize>load<u32>(inverse + (<usize>o << 2)) * rowBytes;
        store<f32>(weight, load<f32>(weight) + load<f32>(row));
        add(vector, row + 4, k);
      }
      if (load<u32>(means + (s << 2)) == 0) continue;
      const scale: f64 = 1 / <f64>(end - start);
      store<f32>(weight, <f32>(<f64>load<f32>(weight) * scale));
      for (let at = vector; at < vector + vectorBytes; at += 4)
        store<f32>(at, <f32>(<f64>load<f32>(at) * scale));
    }
}

/**
 * The transpose of `pool`: out [unique × (1 + k)], zeroed by the caller, has added to each row what its places learned, and
 * squares, where it is not 0, the squares of that. occurrences: u32 [slots × 3], or 0: of slots whose rows the network looks at one by
 * one the address of what each of them learned, the stride of that, and where those of each example begin; 0 of others.
 */
export function scatter(
  weights: usize,
  ldw: u32,
  vectors: usize,
  ldv: u32,
  inverse: usize,
  offsets: usize,
  means: usize,
  n: u32,
  slots: u32,
  k: u32,
  occurrences: usize,
  out: usize,
  squares: usize,
): void {
  const rowBytes = <usize>(k + 1) << 2;
  const vectorBytes = <usize>k << 2;
  const quads = k & ~3;
  let end = load<u32>(offsets);
  for (let i: u32 = 0; i < n; i++, weights += <usize>ldw << 2, vectors += <usize>ldv << 2)
    for (let s: u32 = 0; s < slots; s++) {
      const start = end;
      offsets += 4;
      end = load<u32>(offsets);
      const vector = vectors + <usize>s * vectorBytes;
      const isMean = end - start > 1 && load<u32>(means + (s << 2)) == 1;
      const scale: f32 = isMean ? <f32>(1 / <f64>(end - start)) : 1;
      const weight = load<f32>(weights + (s << 2)) * scale;
      const scales = f32x4.splat(scale);
      if (occurrences != 0) {
        const entry = occurrences + <usize>s * 12;
        const learned = load<u32>(entry);
        if (learned != 0) {
          const ldl = load<u32>(entry, 4);
          let own = learned + ((load<u32>(load<u32>(entry, 8) + (i << 2)) * ldl) << 2);
          for (let o = start; o < end; o++, own += ldl << 2) {
            const at = <usize>load<u32>(inverse + (<usize>o << 2)) * rowBytes;
            scatterBoth(weight, vector, scale, own, k, out + at, squares == 0 ? 0 : squares + at);
          }
          continue;
        }
      }
      for (let o = start; o < end; o++) {
        const row = out + <usize>load<u32>(inverse + (<usize>o << 2)) * rowBytes;
        store<f32>(row, load<f32>(row) + weight);
        let f: u32 = 0;
        for (; f < quads; f += 4) {
          const at = row + (f << 2);
          const step = f32x4.mul(v128.load(vector + (f << 2)), scales);
          v128.store(at, f32x4.add(v128.load(at, 4), step), 4);
        }
        for (; f < k; f++) {
          const at = row + (f << 2);
          store<f32>(at, load<f32>(at, 4) + load<f32>(vector + (f << 2)) * scale, 4);
        }
        if (squares == 0) continue;
        const square = squares + <usize>load<u32>(inverse + (<usize>o << 2)) * rowBytes;
        store<f32>(square, load<f32>(square) + weight * weight);
        for (f = 0; f < k; f++) {
          const at = square + (f << 2);
          const step = load<f32>(vector + (f << 2)) * scale;
          store<f32>(at, load<f32>(at, 4) + step * step, 4);
        }
      }
    }
}

/** Of one place: what its cell learned, and what it learned itself. */
function scatterBoth(
  weight: f32,
  vector: usize,
  scale: f32,
  own: usize,
  k: u32,
  row: usize,
  square: usize,
): void {
  weight += load<f32>(own);
  store<f32>(row, load<f32>(row) + weight);
  if (square != 0) store<f32>(square, load<f32>(square) + weight * weight);
  for (let f: u32 = 0; f < k; f++) {
    const at = f << 2;
    const step = load<f32>(vector + at) * scale + load<f32>(own + at, 4);
    store<f32>(row + at, load<f32>(row + at, 4) + step, 4);
    if (square != 0) store<f32>(square + at, load<f32>(square + at, 4) + step * step, 4);
  }
}

/** Rows from `first` to before `last` become 0. */
export function clearRows(x: usize, ldx: u32, first: u32, last: u32, c: u32): void {
  for (let row = first; row < last; row++) {
    const at = x + ((<usize>row * ldx) << 2);
    if (c == 1) store<f32>(at, 0);
    else for (let j: u32 = 0; j < c; j += 4) v128.store(at + (j << 2), zeros());
  }
}

@inline
export function copy(target: usize, source: usize, count: u32): void {
  const quads = count & ~3;
  let i: u32 = 0;
  for (; i < quads; i += 4) v128.store(target + (i << 2), v128.load(source + (i << 2)));
  for (; i < count; i++) store<f32>(target + (i << 2), load<f32>(source + (i << 2)));
}

@inline
function add(target: usize, source: usize, count: u32): void {
  const quads = count & ~3;
  let i: u32 = 0;
  for (; i < quads; i += 4) {
    const at = target + (i << 2);
    v128.store(at, f32x4.add(v128.load(at), v128.load(source + (i << 2))));
  }
  for (; i < count; i++) {
    const at = target + (i << 2);
    store<f32>(at, load<f32>(at) + load<f32>(source + (i << 2)));
  }
}
