import { entropy, logloss } from '../model/metrics.js';

/** Of logits: what is beyond counts as the last of them. */
const logitMax = 16;
/** 512 kB each. Fewer: more pairs within one bucket. More: memory that tells nothing. */
const bucketCount = 65_536;

/** A figure that is not exact, and within which ends it is for certain. */
export interface Bounded {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

/**
 * Judges probabilities of any number of rows in constant memory (1 MiB). Log loss, entropy and calibration are exact; orders are of buckets of
 * logits, so the figures have bounds: from the worst order within each bucket to the best. They are far apart only where most
 * scores share a few buckets, as those of a table of a few rates do; then they are ties in truth.
 */
export class ScoreHistogram {
  readonly #happened = new Float64Array(bucketCount);
  readonly #not = new Float64Array(bucketCount);
  #rows = 0;
  #weight = 0;
  #came = 0;
  #predicted = 0;
  #loss = 0;

  /** @param p in [0, 1]. */
  add(p: number, label: number, weight = 1): void {
    const logit = Math.log(p) - Math.log1p(-p);
    const place = Math.floor(((logit + logitMax) / (2 * logitMax)) * bucketCount);
    const bucket = Math.max(0, Math.min(bucketCount - 1, place));
    if (label === 1) this.#happened[bucket]! += weight;
    else this.#not[bucket]! += weight;
    this.#rows++;
    this.#weight += weight;
    this.#came += weight * label;
    this.#predicted += weight * p;
    this.#loss += weight * logloss(p, label);
  }

  get rows(): number {
    return this.#rows;
  }

  get rate(): number {
    return this.#came / this.#weight;
  }

  get logloss(): number {
    return this.#loss / this.#weight;
  }

  get normalisedEntropy(): number {
    return this.logloss / entropy(this.rate);
  }

  get calibration(): number {
    return this.#predicted / this.#came;
  }

  /** By weight; pairs within a bucket count half. */
  get auc(): Bounded {
    let [below, pairs, within, positives] = [0, 0, 0, 0];
    for (let i = 0; i < bucketCount; i++) {
      const [happened, not] = [this.#happened[i]!, this.#not[i]!];
      pairs += happened * below;
      within += happened * not;
      below += not;
      positives += happened;
    }
    const all = positives * below;
    return { low: pairs / all, value: (pairs + within / 2) / all, high: (pairs + within) / all };
  }

  /** Average precision, by weight; rows of a bucket count as equal scores. */
  get averagePrecision(): Bounded {
    let [above, below, low, value, high] = [0, 0, 0, 0, 0];
    for (let i = bucketCount - 1; i >= 0; i--) {
      const [happened, not] = [this.#happened[i]!, this.#not[i]!];
      if (happened > 0) {
        // One by one behind all others of the bucket; at once with them; at once before them.
        low += precisions(happened, above, below + not);
        value += (happened * (above + happened)) / (above + happened + below + not);
        high += (happened * (above + happened)) / (above + happened + below);
      }
      above += happened;
      below += not;
    }
    return { low: low / above, value: value / above, high: high / above };
  }
}

/** ∫ (above + x) / (above + x + below) dx over the weight that happened: its rows come one after the other, each a small part of it. */
function precisions(happened: number, above: number, below: number): number {
  if (below === 0) return happened;
  return happened - below * Math.log((above + happened + below) / (above + below));
}
