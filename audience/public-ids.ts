/** Users are u1, u2, … and items i1, i2, …; the first user is the most active. */
export function userId(index: number): string {
  return `u${index + 1}`;
}

export function itemId(index: number): string {
  return `i${index + 1}`;
}

/** Undefined for an item that is not one of the first `count`. */
export function itemIndex(id: string, count: number): number | undefined {
  const index = /^i[1-9]\d{0,14}$/.test(id) ? Number(id.slice(1)) - 1 : count;
  return index < count ? index : undefined;
}
