import { sigmoid } from './calibration.js';

/**
 * Outcomes that take days, learned before they are over. A sample is told as a negative early, and once more, as a positive, where it happens
 * after all; so of what is observed, negatives are too many. Each label is weighed by how likely it is in truth over how likely it is observed
 * (fake negative weighted loss: Ktena et al., "Addressing Delayed Feedback for Continuous Training with Neural Networks in CTR
 * Prediction", RecSys 2019, which tells all as negatives first, d = 1):
 *
 *   w(1) = 1 + d·f        w(0) = (1 − f)·(1 + d·f) / (1 − f + d·f)
 *
 * f is what the model says of the sample, taken as it is and not learned through, and d the share of positives that come after they were told as
 * negatives, counted as they come. The one point where nothing moves is f = the rate of the whole window. Of negatives that are sampled
 * the fake ones are sampled alike, so f is corrected for it and the weights are the same.
 */
export interface DelayedRows {
  /** f32 [rows × heads] */
  readonly labels: Float32Array;
  readonly weights: Float32Array;
  /** Whether it was shown, by row: events of their own accord are known at once. */
  readonly counts: (row: number) => boolean;
}

/** Positives that count. Fewer: d is chance. More: it trails a shop whose customers take longer now. */
const positivesMax = 10_000;

export class DelayedFeedback {
  /** By head, whether it is told early. */
  readonly #isEarly: readonly boolean[];
  readonly #late: Float64Array;
  readonly #positives: Float64Array;

  constructor(isEarly: readonly boolean[]) {
    this.#isEarly = isEarly;
    this.#late = new Float64Array(isEarly.length);
    this.#positives = new Float64Array(isEarly.length);
  }

  /** Share of positives that come late; a half before there is any. */
  shareOf(head: number): number {
    return (this.#late[head]! + 1) / (this.#positives[head]! + 2);
  }

  /** Whether there is anything to weigh. */
  concerns({ weights, counts }: DelayedRows): boolean {
    const heads = this.#isEarly.length;
    return this.#isEarly.some((isEarly, head) => {
      if (!isEarly) return false;
      for (let i = head; i < weights.length; i += heads)
        if (weights[i]! > 0 && counts((i - head) / heads)) return true;
      return false;
    });
  }

  /** Counts positives. @param isLate whether one was told as a negative before. */
  observe(
    { labels, weights, counts }: DelayedRows,
    isLate: (row: number, head: number) => boolean,
  ): void {
    const heads = this.#isEarly.length;
    this.#isEarly.forEach((isEarly, head) => {
      if (!isEarly) return;
      for (let row = 0; row * heads < labels.length; row++) {
        const i = row * heads + head;
        if (labels[i] !== 1 || !(weights[i]! > 0) || !counts(row)) continue;
        this.#positives[head]!++;
        if (isLate(row, head)) this.#late[head]!++;
      }
      if (this.#positives[head]! <= positivesMax) return;
      this.#positives[head]! /= 2;
      this.#late[head]! /= 2;
    });
  }

  /**
   * Weights as they are to be learned by; those of other heads as they are.
   * @param logitOf what is believed of a cell of `logits`, in the world where no negatives are left out.
   */
  weigh(
    { labels, weights, counts }: DelayedRows,
    logitOf: (cell: number, head: number) => number,
  ): Float32Array {
    const heads = this.#isEarly.length;
    const weighed = weights.slice();
    this.#isEarly.forEach((isEarly, head) => {
      if (!isEarly) return;
      const d = this.shareOf(head);
      for (let row = 0; row * heads < weighed.length; row++) {
        const i = row * heads + head;
        if (!(weights[i]! > 0) || !counts(row)) continue;
        const f = sigmoid(logitOf(i, head));
        const late = d * f;
        weighed[i]! *= labels[i] === 1 ? 1 + late : ((1 - f) * (1 + late)) / (1 - f + late);
      }
    });
    return weighed;
  }
}
