import { hashPair, hashString } from '../base/hash.js';

/** Any constant will do, but a change makes a replay keep other negatives than the first run did. */
const samplingSeed = 0x6e656761;

/**
 * Whether a negative is kept at rate `rate`. A function of the identity alone: a redelivered or replayed impression
 * gets the same answer on every joiner, and what a lower rate keeps, a higher one keeps too.
 *
 * @param rate 0 keeps none, 1 all.
 */
export function keepsNegative(requestId: string, item: string, rate: number): boolean {
  if (rate >= 1) return true;
  const hash = hashPair(
    hashString(requestId, samplingSeed),
    hashString(item, samplingSeed),
    samplingSeed,
  );
  return hash / 4294967296 < rate;
}
