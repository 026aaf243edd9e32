/** Four coordinates, or one where `whole` is false: rows need not be whole vectors, and one rule serves both. */
@inline
export function floats(address: usize, whole: bool): v128 {
  return whole ? v128.load(address) : v128.load32_zero(address);
}

@inline
export function setFloats(address: usize, value: v128, whole: bool): void {
  if (whole) v128.store(address, value);
  else v128.store32_lane(address, value, 0);
}
