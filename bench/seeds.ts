/** What a figure is over seeds: its mean, and how far the mean may be off. */
export interface Spread {
  readonly mean: number;
  /** Half the width of the 95 % interval of the mean; NaN of a single value. */
  readonly half: number;
}

/** Student's t at 97.5 %, by degrees of freedom from 1 on. */
const t975 = [
  12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145,
  2.131, 2.12, 2.11, 2.101, 2.093, 2.086, 2.08, 2.074, 2.069, 2.064, 2.06, 2.056, 2.052, 2.048,
  2.045, 2.042,
];
const normal975 = 1.96;

/** Seeds move the fourth: further ones say nothing. */
const digits = 4;

/** The mean of the values ± t · s / √n (Student, 1908), s of n − 1. */
export function spreadOf(values: readonly number[]): Spread {
  const count = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / count;
  if (count < 2) return { mean, half: NaN };
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (count - 1);
  const t = t975[count - 2] ?? normal975;
  return { mean, half: t * Math.sqrt(variance / count) };
}

/** `+0.0012 ±0.0004`; without the part behind where there is one value. */
export function signedSpread({ mean, half }: Spread): string {
  const sign = mean < 0 ? '−' : '+';
  return `${sign}${Math.abs(mean).toFixed(digits)}${plusMinus(half)}`;
}

export function plainSpread({ mean, half }: Spread): string {
  return `${mean.toFixed(digits)}${plusMinus(half)}`;
}

function plusMinus(half: number): string {
  return Number.isNaN(half) ? '' : ` ±${half.toFixed(digits)}`;
}
