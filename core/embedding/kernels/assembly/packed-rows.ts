// serving/decode-rows.ts: rows of the compressed forms to f32, out is row-major [count × dim]; zeros for row -1.
import { at, keep } from './memory';
import { touchBlock } from './rows';

/**
 * A half is brought to a float by its bits, with an exponent 112 too low, and multiplied by 2^112: exact, subnormals
 * included. Infinities and NaN are never stored.
 */
@inline
function widen(halves: v128): v128 {
  const sign = v128.and(halves, i32x4.splat(0x8000));
  const rest = v128.and(halves, i32x4.splat(0x7fff));
  const scale = f32x4.splat(5192296858534827628530496329220096.0);
  const size = f32x4.mul(i32x4.shl(rest, 13), scale);
  return v128.or(size, i32x4.shl(sign, 16));
}

export function gatherFp16(
  directory: usize,
  pageShift: u32,
  rowBytes: u32,
  rows: usize,
  count: u32,
  dim: u32,
  out: usize,
  scratch: usize,
): void {
  const places = scratch + 64;
  const quads = dim & ~3;
  keep(scratch, touchBlock(directory, pageShift, rowBytes, rows, count, 0, rowBytes, places));
  for (let i: u32 = 0; i < count; i++) {
    const source = <usize>load<u32>(at(places, i));
    const target = out + <usize>i * <usize>(dim << 2);
    if (source == 0) {
      memory.fill(target, 0, dim << 2);
      continue;
    }
    let d: u32 = 0;
    for (; d < quads; d += 4)
      v128.store(at(target, d), widen(v128.load_ext<u16>(source + (<usize>d << 1))));
    for (; d < dim; d++) {
      const half = i32x4.splat(load<u16>(source + (<usize>d << 1)));
      v128.store32_lane(at(target, d), widen(half), 0);
    }
  }
}

/** prefix: leading weights that are f32. */
export function gatherInt8(
  directory: usize,
  pageShift: u32,
  rowBytes: u32,
  rows: usize,
  count: u32,
  dim: u32,
  prefix: u32,
  out: usize,
  scratch: usize,
): void {
  const places = scratch + 64;
  keep(scratch, touchBlock(directory, pageShift, rowBytes, rows, count, 0, rowBytes, places));
  for (let i: u32 = 0; i < count; i++) {
    const source = <usize>load<u32>(at(places, i));
    const target = out + <usize>i * <usize>(dim << 2);
    if (source == 0) {
      memory.fill(target, 0, dim << 2);
      continue;
    }
    const scale = load<f32>(source);
    for (let d: u32 = 0; d < prefix; d++)
      store<f32>(at(target, d), load<f32>(at(source + 4, d)));
    const bytes = source + 4 + 3 * <usize>prefix;
    const scales = f32x4.splat(scale);
    const quads = prefix + ((dim - prefix) & ~3);
    let d = prefix;
    for (; d < quads; d += 4) {
      const words = i32x4.extend_low_i16x8_s(
        i16x8.extend_low_i8x16_s(v128.load32_zero(bytes + <usize>d)),
      );
      v128.store(at(target, d), f32x4.mul(f32x4.convert_i32x4_s(words), scales));
    }
    for (; d < dim; d++) store<f32>(at(target, d), <f32>load<i8>(bytes + <usize>d) * scale);
  }
}
