/**
 * Negative sampling keeps a share r of the negatives, so the network learns odds that are 1/r too high. They are put
 * right in exactly one place, when a probability is shown: logit + ln(r) (He et al., 2014, section 6.3, in logit
 * form). AUC can't see a missing or doubled correction; calibration (metrics.ts) does.
 */

/** 1 / (1 + e^-x) without overflow at either end. */
export function sigmoid(logit: number): number {
  if (logit >= 0) return 1 / (1 + Math.exp(-logit));
  const e = Math.exp(logit);
  return e / (1 + e);
}

/**
 * @param logit the network's output, trained on sampled negatives.
 * @param negativeSamplingRate share of negatives that were kept, in (0, 1]; 1 = all, no correction.
 * @returns the probability in the unsampled world.
 */
export function correctedProbability(logit: number, negativeSamplingRate: number): number {
  return sigmoid(logit + Math.log(negativeSamplingRate));
}
