/** Scales on which values are predicted. Money is spread over magnitudes: on its own scale one order of ten thousand outweighs all. */
export type ValueTransform = 'none' | 'log1p';

/** Beyond it no value is of use, and an untrained head must not answer ∞. */
const logMax = 30;

/** Of both signs, as refunds may come to more than what was bought. */
export function transformValue(transform: ValueTransform, value: number): number {
  return transform === 'none' ? value : Math.sign(value) * Math.log1p(Math.abs(value));
}

/** The value at a prediction: with `log1p` nearer to the median than to the mean, which large values move. */
export function valueAt(transform: ValueTransform, predicted: number): number {
  if (transform === 'none') return predicted;
  return Math.sign(predicted) * Math.expm1(Math.min(Math.abs(predicted), logMax));
}
