import { assert } from '../base/assert.js';
import { StarlingError } from '../base/errors.js';
import { hashPair, mix32 } from '../base/hash.js';

interface ZeroPrefix {
  /** The first coordinates that start at 0: a DeepFM row is [w, v1 … vk], and its w must not start at random. */
  readonly zeroPrefix?: number;
}

export type InitializerSpec = ZeroPrefix &
  (
    | { readonly kind: 'zeros' }
    | { readonly kind: 'constant'; readonly value: number }
    /** Uniform in [minimum, maximum). */
    | { readonly kind: 'uniform'; readonly minimum: number; readonly maximum: number }
    | { readonly kind: 'normal'; readonly mean?: number; readonly stddev: number }
    /** Draws beyond two standard deviations are drawn again; what is left has 0.88 of the spread. */
    | { readonly kind: 'truncated-normal'; readonly mean?: number; readonly stddev: number }
    /**
     * Glorot & Bengio (2010) with fan-in 1, as an id is a one-hot input, and fan-out the drawn coordinates of the row:
     * uniform in ±√(6 / (1 + fan-out)), or normal with variance 2 / (1 + fan-out).
     */
    | { readonly kind: 'xavier'; readonly distribution: 'uniform' | 'normal' }
  );

/**
 * The value a row has before anything was learned. It is a function of slot, key and seed alone, so a pull need not
 * insert, and a trainer, a follower and a table that was split in two all see the same row.
 *
 * Two hashes of the key feed each coordinate: with one 32-bit hash, thousands of pairs among 4 M keys would share a row.
 */
export class RowInitializer {
  readonly #draws: Draws;
  readonly #zeroPrefix: number;
  readonly #base: number;
  readonly #scale: number;
  readonly #seedA: number;
  readonly #seedB: number;

  constructor(spec: InitializerSpec, slot: number, seed: number, dim: number) {
    this.#draws = drawsOf(spec);
    this.#zeroPrefix = spec.zeroPrefix ?? 0;
    [this.#base, this.#scale] = baseAndScale(spec, Math.max(1, dim - this.#zeroPrefix));
    if (!(this.#zeroPrefix >= 0) || !Number.isFinite(this.#base) || !Number.isFinite(this.#scale)) {
      throw new StarlingError(
        'CONFIG_INVALID',
        `initializer of slot ${slot}: ${JSON.stringify(spec)} needs finite figures and zeroPrefix >= 0`,
      );
    }
    const slotSeed = mix32(seed ^ Math.imul(slot + 1, 0x9e3779b1));
    this.#seedA = mix32(slotSeed ^ 0x452821e6);
    this.#seedB = mix32(slotSeed ^ 0x38d01377);
  }

  /** Writes the row of a key to out[start … start + dim]. */
  write(low: number, high: number, out: Float32Array, start: number, dim: number): void {
    assert(start + dim <= out.length, 'the row fits the output');
    const prefixEnd = start + Math.min(this.#zeroPrefix, dim);
    const end = start + dim;
    for (let i = start; i < prefixEnd; i++) out[i] = 0;
    if (this.#draws === 'none') {
      for (let i = prefixEnd; i < end; i++) out[i] = this.#base;
      return;
    }
    const a = hashPair(low, high, this.#seedA);
    const b = hashPair(low, high, this.#seedB);
    if (this.#draws === 'uniform') writeUniform(out, prefixEnd, end, a, b, this.#base, this.#scale);
    else if (this.#draws === 'normal')
      writeNormal(out, prefixEnd, end, a, b, this.#base, this.#scale);
    else writeTruncatedNormal(out, prefixEnd, end, a, b, this.#base, this.#scale);
  }
}

type Draws = 'none' | 'uniform' | 'normal' | 'truncated-normal';

function drawsOf(spec: InitializerSpec): Draws {
  if (spec.kind === 'zeros' || spec.kind === 'constant') return 'none';
  return spec.kind === 'xavier' ? spec.distribution : spec.kind;
}

/** Minimum and range of uniform draws, mean and spread of normal ones. */
function baseAndScale(spec: InitializerSpec, fanOut: number): [number, number] {
  switch (spec.kind) {
    case 'zeros':
      return [0, 0];
    case 'constant':
      return [spec.value, 0];
    case 'uniform':
      return [spec.minimum, spec.maximum - spec.minimum];
    case 'normal':
    case 'truncated-normal':
      return [spec.mean ?? 0, spec.stddev];
    case 'xavier': {
      const limit = Math.sqrt(6 / (1 + fanOut));
      return spec.distribution === 'uniform'
        ? [-limit, 2 * limit]
        : [0, Math.sqrt(2 / (1 + fanOut))];
    }
  }
}

/**
 * The n-th draw of a key: u32. A Weyl sequence that starts at one hash of the key and goes on by the other, made odd so
 * that it takes all values, then mixed: one mixing per draw, and keys share a row only if they share 63 bits of hash.
 */
function draw(a: number, b: number, n: number): number {
  return mix32((a + Math.imul(n + 1, b | 1)) | 0);
}

function writeUniform(
  out: Float32Array,
  start: number,
  end: number,
  a: number,
  b: number,
  minimum: number,
  range: number,
): void {
  // Two coordinates to a draw: 65,536 levels are plenty for a value that the first gradient moves.
  const scale = range / 65536;
  for (let i = start, n = 0; i < end; i += 2, n++) {
    const bits = draw(a, b, n);
    out[i] = minimum + (bits & 0xffff) * scale;
    if (i + 1 < end) out[i + 1] = minimum + (bits >>> 16) * scale;
  }
}

/** Box–Muller, one cosine per coordinate. Math.log and Math.cos are computed in software by V8: alike on every host. */
function normal(a: number, b: number, n: number): number {
  const radius = Math.sqrt(-2 * Math.log((draw(a, b, n) + 0.5) / 4294967296));
  return radius * Math.cos((draw(a, b, n + 1) / 4294967296) * 2 * Math.PI);
}

function writeNormal(
  out: Float32Array,
  start: number,
  end: number,
  a: number,
  b: number,
  mean: number,
  stddev: number,
): void {
  for (let i = start; i < end; i++) out[i] = mean + stddev * normal(a, b, 2 * (i - start));
}

/** One draw in 22 is drawn again. Coordinates take their draws far apart, so that one's second is not another's first. */
const drawsApart = 64;

function writeTruncatedNormal(
  out: Float32Array,
  start: number,
  end: number,
  a: number,
  b: number,
  mean: number,
  stddev: number,
): void {
  for (let i = start; i < end; i++) {
    let n = drawsApart * (i - start);
    let value = normal(a, b, n);
    // Thirty draws in a row are beyond two deviations once in 10^40.
    for (let again = 0; again < 30 && Math.abs(value) > 2; again++) value = normal(a, b, (n += 2));
    out[i] = mean + stddev * Math.max(-2, Math.min(2, value));
  }
}
