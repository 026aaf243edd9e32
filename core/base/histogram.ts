import { assert } from './assert.js';
import { StarlingError } from './errors.js';
import { integerPower } from './integer-power.js';

/**
 * Latencies in logarithmic buckets, as HdrHistogram does: the relative error is the same at 0.1 ms and at 10 minutes,
 * the size is fixed (4.5 kB), recording allocates nothing, and histograms of many actors add up exactly.
 *
 * Bucket b covers [lowestMs · growth^b, lowestMs · growth^(b+1)) and stands for its geometric middle, so a value is off
 * by at most √growth − 1 = 1.8 %. A larger growth is coarser; at 1.01 the table would be four times as large for a
 * precision that no latency measurement has. Values outside 0.01 ms … 1 h count in the first or last bucket; count,
 * mean and max stay exact.
 */
const lowestMs = 0.01;
const highestMs = 3_600_000;
const growth = 1.036;
const bucketsPerLog = 1 / Math.log(growth);
const bucketCount = Math.ceil(Math.log(highestMs / lowestMs) * bucketsPerLog);
const middleOfBucket = lowestMs * Math.sqrt(growth);

/** Position of the parts of the encoded form: the totals, then (bucket, count) pairs. */
const headerLength = 2;

export class LatencyHistogram {
  readonly #counts = new Float64Array(bucketCount);
  #count = 0;
  #sumMs = 0;
  #maxMs = 0;

  /** Adds `count` latencies of `ms`. Negative ones (clocks of two hosts differ) count as 0. */
  record(ms: number, count = 1): void {
    assert(ms === ms && count >= 0, 'a latency is a number and its count is not negative');
    if (count === 0) return;
    const value = ms > 0 ? Math.min(ms, Number.MAX_SAFE_INTEGER) : 0;
    const bucket = bucketOf(value);
    this.#counts[bucket] = this.#counts[bucket]! + count;
    this.#count += count;
    this.#sumMs += value * count;
    if (value > this.#maxMs) this.#maxMs = value;
  }

  get count(): number {
    return this.#count;
  }

  /** The largest recorded latency in ms, exact; 0 if there is none. */
  get max(): number {
    return this.#maxMs;
  }

  /** The mean in ms, exact; NaN if there is none. */
  get mean(): number {
    return this.#sumMs / this.#count;
  }

  /**
   * The latency in ms that a share `q` of the records does not exceed (nearest rank), within 2 %. NaN without records.
   *
   * @param q 0 … 1; 1 gives the exact maximum.
   */
  quantile(q: number): number {
    assert(q >= 0 && q <= 1, `the quantile ${q} is within 0 … 1`);
    if (this.#count === 0) return NaN;
    if (q === 1) return this.#maxMs;
    const rank = Math.max(1, Math.ceil(q * this.#count));
    let seen = 0;
    for (let bucket = 0; bucket < bucketCount; bucket++) {
      seen += this.#counts[bucket]!;
      if (seen >= rank) return Math.min(middleOfBucket * integerPower(growth, bucket), this.#maxMs);
    }
    return this.#maxMs;
  }

  /** Adds every record of `other`. */
  merge(other: LatencyHistogram): void {
    for (let b = 0; b < bucketCount; b++) this.#counts[b] = this.#counts[b]! + other.#counts[b]!;
    this.#count += other.#count;
    this.#sumMs += other.#sumMs;
    this.#maxMs = Math.max(this.#maxMs, other.#maxMs);
  }

  /** [sum in ms, max in ms, bucket, count, bucket, count, …], the non-empty buckets ascending. */
  encode(): Float64Array {
    let used = 0;
    for (let b = 0; b < bucketCount; b++) if (this.#counts[b]! > 0) used++;
    const data = new Float64Array(headerLength + 2 * used);
    data[0] = this.#sumMs;
    data[1] = this.#maxMs;
    let at = headerLength;
    for (let b = 0; b < bucketCount; b++) {
      if (this.#counts[b]! === 0) continue;
      data[at++] = b;
      data[at++] = this.#counts[b]!;
    }
    return data;
  }

  /** The histogram that `encode` wrote. Throws CORRUPT on anything that `encode` can't have written. */
  static decode(data: Float64Array): LatencyHistogram {
    const sumMs = data[0] ?? NaN;
    const maxMs = data[1] ?? NaN;
    if (data.length % 2 !== 0 || !(sumMs >= 0) || !(maxMs >= 0)) {
      throw new StarlingError('CORRUPT', `not a histogram: ${data.length} numbers, sum ${sumMs}`);
    }
    const histogram = new LatencyHistogram();
    let previous = -1;
    for (let at = headerLength; at < data.length; at += 2) {
      const bucket = data[at]!;
      const count = data[at + 1]!;
      const inOrder = Number.isInteger(bucket) && bucket > previous && bucket < bucketCount;
      if (!inOrder || !(count > 0 && count < Infinity)) {
        throw new StarlingError('CORRUPT', `not a histogram: bucket ${bucket}, count ${count}`);
      }
      histogram.#counts[bucket] = count;
      histogram.#count += count;
      previous = bucket;
    }
    histogram.#sumMs = sumMs;
    histogram.#maxMs = maxMs;
    return histogram;
  }
}

function bucketOf(ms: number): number {
  if (ms <= lowestMs) return 0;
  const bucket = Math.floor(Math.log(ms / lowestMs) * bucketsPerLog);
  return bucket < bucketCount ? bucket : bucketCount - 1;
}
