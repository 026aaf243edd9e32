// Looked up once: where tests run, each look at a global costs more than the multiplication.
const { imul } = Math;

/**
 * 32-bit integer mixing. `mix32` is the finaliser of MurmurHash3 (Appleby, public domain): a bijection on u32 in
 * which every input bit reaches every output bit. `hashPair` folds two words under a seed; different seeds give
 * hashes that are independent for our purposes (bucket choice, partition choice, initial values).
 */
export function mix32(value: number): number {
  let h = value | 0;
  h ^= h >>> 16;
  h = imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = imul(h, 0xc2b2ae35);
  h ^= h >>> 16;
  return h >>> 0;
}

export function hashPair(low: number, high: number, seed: number): number {
  let h = mix32(low ^ seed);
  h = mix32((h + imul(high | 0, 0x9e3779b1)) ^ (seed << 1));
  return h >>> 0;
}

/** One u32 hash of a string's UTF-16 code units; for placement, not for identity. */
export function hashString(text: string, seed: number): number {
  let h = seed | 0;
  for (let i = 0; i < text.length; i++) h = imul(h ^ text.charCodeAt(i), 0x01000193);
  return mix32(h ^ text.length);
}
