import { halfMax, toHalf } from './half-float.js';

/**
 * One row of weights into a page, by form; see compression.ts for layouts and bounds. Offsets count elements of the
 * page. Each returns how many weights did not fit and were changed.
 */

/** What int8 can hold: with more, the scale times 127 could round to Infinity. */
const int8WeightMax = 2 ** 127;
const levels = 127;

export function encodeFp32(
  weights: Float32Array,
  start: number,
  count: number,
  page: Float32Array,
  offset: number,
): number {
  let saturated = 0;
  for (let i = 0; i < count; i++) {
    const weight = weights[start + i]!;
    if (Number.isFinite(weight)) {
      page[offset + i] = weight;
      continue;
    }
    page[offset + i] = finiteOf(weight);
    saturated++;
  }
  return saturated;
}

export function encodeFp16(
  weights: Float32Array,
  start: number,
  count: number,
  page: Uint16Array,
  offset: number,
): number {
  let saturated = 0;
  for (let i = 0; i < count; i++) {
    const weight = weights[start + i]!;
    // 65504 … 65520 rounds down to 65504 and is within the bound.
    if (Math.abs(weight) < 65520) page[offset + i] = toHalf(weight);
    else {
      page[offset + i] = toHalf(finiteOf(weight));
      saturated++;
    }
  }
  return saturated;
}

/** `offset` counts bytes and is a multiple of 4; `floats` and `bytes` are views of one page. */
export function encodeInt8(
  weights: Float32Array,
  start: number,
  dim: number,
  fp32Prefix: number,
  floats: Float32Array,
  bytes: Int8Array,
  offset: number,
): number {
  const scaleAt = offset >>> 2;
  let saturated = encodeFp32(weights, start, fp32Prefix, floats, scaleAt + 1);
  let largest = 0;
  for (let i = start + fp32Prefix; i < start + dim; i++) {
    const magnitude = Math.abs(weights[i]!);
    if (magnitude <= int8WeightMax) largest = Math.max(largest, magnitude);
    else {
      largest = Math.max(largest, Math.abs(int8WeightOf(weights[i]!)));
      saturated++;
    }
  }
  const scale = scaleFor(largest);
  floats[scaleAt] = scale;
  const target = offset + 4 + 3 * fp32Prefix;
  const inverse = scale === 0 ? 0 : 1 / scale;
  for (let i = fp32Prefix; i < dim; i++) {
    bytes[target + i] = Math.round(int8WeightOf(weights[start + i]!) * inverse);
  }
  return saturated;
}

/**
 * largest / 127 as f32. Among denormal ones that may round so far down that the largest weight would need a level
 * beyond 127; then the next f32.
 */
function scaleFor(largest: number): number {
  if (largest === 0) return 0;
  const scale = Math.fround(largest / levels);
  return largest < scale * (levels + 0.5) ? scale : nextUp(scale);
}

const scratch = new Float32Array(1);
const scratchBits = new Int32Array(scratch.buffer);

/** The next f32 above one that is positive or 0, and finite. */
function nextUp(value: number): number {
  scratch[0] = value;
  scratchBits[0]!++;
  return scratch[0];
}

function int8WeightOf(weight: number): number {
  if (Math.abs(weight) <= int8WeightMax) return weight;
  return Number.isFinite(weight) ? Math.sign(weight) * int8WeightMax : finiteOf(weight);
}

/** NaN → 0, ±Infinity → ±65504 whatever the form, so that a model behaves alike in all of them. */
function finiteOf(weight: number): number {
  if (Number.isFinite(weight)) return weight;
  return Number.isNaN(weight) ? 0 : Math.sign(weight) * halfMax;
}
