/**
 * `base` to a whole power of at least 0, by squaring. `**` is another number in the last bit from one release of V8 to the next,
 * so what is computed with it would differ between two hosts, and between two runs of one seed.
 */
export function integerPower(base: number, exponent: number): number {
  let power = 1;
  for (let factor = base, left = exponent; left > 0; left = Math.floor(left / 2)) {
    if (left % 2 === 1) power *= factor;
    factor *= factor;
  }
  return power;
}
