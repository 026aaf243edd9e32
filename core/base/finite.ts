/**
 * What a number of a gradient is at most. Optimizers keep squares in single precision, which end at 3e38: a number beyond 1.8e19
 * makes its square infinite, and its row never learns again. Healthy ones are around 1.
 */
const gradientMax = 1e15;
/** And of a square of one. */
export const squareMax = gradientMax ** 2;

/** The first place of a number that no optimizer may see: not finite, or beyond `max`; −1: there is none. */
export function unusableAt(values: Float32Array, max = gradientMax): number {
  // Half of the time of a comparison for each.
  if (normOf(values) <= max) return -1;
  for (let i = 0; i < values.length; i++) if (!(Math.abs(values[i]!) <= max)) return i;
  return -1;
}

/** √Σx². Not finite where one of them is not. In four sums, which do not wait for each other. */
export function normOf(values: Float32Array): number {
  let [a, b, c, d] = [0, 0, 0, 0];
  const whole = values.length - (values.length % 4);
  for (let i = 0; i < whole; i += 4) {
    a += values[i]! * values[i]!;
    b += values[i + 1]! * values[i + 1]!;
    c += values[i + 2]! * values[i + 2]!;
    d += values[i + 3]! * values[i + 3]!;
  }
  for (let i = whole; i < values.length; i++) a += values[i]! * values[i]!;
  return Math.sqrt(a + b + c + d);
}
