import type { GatherPlan } from './row-gather.js';

/**
 * Which rows of a plan the batch reads more than once, of the slots that ask: what single examples say of such a row differs from what
 * the batch says of it.
 *
 * @param slots by slot, whether it asks.
 * @returns u8 [uniqueCount], 0 or 1; undefined where no slot asks. O(fids of the batch).
 */
export function repeatedRows(plan: GatherPlan, slots: readonly boolean[]): Uint8Array | undefined {
  if (!slots.includes(true)) return undefined;
  const { inverse, counts, slotCount, uniqueCount } = plan;
  const seen = new Uint8Array(uniqueCount);
  for (let i = 0; i < inverse.length; i++) {
    const row = inverse[i]!;
    if (seen[row]! < 2) seen[row]!++;
  }
  let row = 0;
  for (let group = 0; group < counts.length; group++) {
    const asks = slots[group % slotCount]! ? 1 : 0;
    for (const end = row + counts[group]!; row < end; row++) seen[row] = (seen[row]! >>> 1) & asks;
  }
  return seen;
}
