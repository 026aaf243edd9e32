import { hashPair, mix32 } from '../core/base/hash.js';

/**
 * Randomness without a state: the value at (seed, a, b) is a hash of them, so it can be read in any order, again and
 * again, and nothing has to be stored for users that nobody looks at.
 */
const range = 4294967296;

/** Uniform in [0, 1). */
export function uniformAt(seed: number, a: number, b: number): number {
  return hashPair(a, b, seed) / range;
}

/** Standard normal, by Box and Muller (1958). */
export function gaussianAt(seed: number, a: number, b: number): number {
  const radius = Math.sqrt(-2 * Math.log((hashPair(a, b, seed) + 0.5) / range));
  return radius * Math.cos(2 * Math.PI * uniformAt(mix32(seed ^ 0x5bd1e995), a, b));
}

/** A seed of its own for one purpose, so that two purposes never share their noise. */
export function seedFor(seed: number, purpose: number): number {
  return mix32(mix32(seed + 0x9e3779b9) ^ Math.imul(purpose + 1, 0x85ebca6b));
}

/** A sequence of uniform numbers in [0, 1), the same for the same seed. */
export function uniformSequence(seed: number): () => number {
  let at = 0;
  return () => {
    at++;
    return uniformAt(seed, at, Math.floor(at / range));
  };
}
