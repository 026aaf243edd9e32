import { mix32 } from '../../core/base/hash.js';

/**
 * Which events were seen where: request id and item as a fingerprint of 64 bits, with a byte of flags. An event takes
 * 9 bytes, 12 to 24 with the room of the table. Two of n events share a fingerprint with odds of about n² / 2^65: one
 * in three million for ten million events; that would hide a loss, or call one event twice sampled.
 */
export class KeyTable {
  #fingerprints = new Uint32Array(2 * 1024);
  #flags = new Uint8Array(1024);
  #count = 0;
  readonly #words = new Uint32Array(2);

  get count(): number {
    return this.#count;
  }

  /** Sets flags; returns those that were set before. */
  mark(requestId: string, item: string, flags: number): number {
    fingerprint(requestId, item, this.#words);
    return this.add(this.#words[0]!, this.#words[1]!, flags);
  }

  /** The same by fingerprint. */
  add(low: number, high: number, flags: number): number {
    const before = this.flagsAt(low, high);
    this.put(low, high, before | flags);
    return before;
  }

  /** The event has these flags and no others. */
  put(low: number, high: number, flags: number): void {
    if (4 * this.#count >= 3 * this.#flags.length) this.#grow();
    const at = this.#find(low, high);
    if (this.#flags[at] === 0) {
      this.#fingerprints[2 * at] = low;
      this.#fingerprints[2 * at + 1] = high;
      this.#count++;
    }
    this.#flags[at] = flags;
  }

  flagsOf(requestId: string, item: string): number {
    fingerprint(requestId, item, this.#words);
    return this.flagsAt(this.#words[0]!, this.#words[1]!);
  }

  flagsAt(low: number, high: number): number {
    return this.#flags[this.#find(low, high)]!;
  }

  forEach(visit: (low: number, high: number, flags: number) => void): void {
    for (let i = 0; i < this.#flags.length; i++) {
      if (this.#flags[i] !== 0)
        visit(this.#fingerprints[2 * i]!, this.#fingerprints[2 * i + 1]!, this.#flags[i]!);
    }
  }

  /** How many events have flags of which `holds` is true. */
  countWhere(holds: (flags: number) => boolean): number {
    let count = 0;
    for (const flags of this.#flags) if (flags !== 0 && holds(flags)) count++;
    return count;
  }

  #find(low: number, high: number): number {
    const mask = this.#flags.length - 1;
    for (let at = low & mask; ; at = (at + 1) & mask) {
      if (this.#flags[at] === 0) return at;
      if (this.#fingerprints[2 * at] === low && this.#fingerprints[2 * at + 1] === high) return at;
    }
  }

  #grow(): void {
    const fingerprints = this.#fingerprints;
    const flags = this.#flags;
    this.#fingerprints = new Uint32Array(2 * fingerprints.length);
    this.#flags = new Uint8Array(2 * flags.length);
    for (let i = 0; i < flags.length; i++) {
      if (flags[i] === 0) continue;
      const at = this.#find(fingerprints[2 * i]!, fingerprints[2 * i + 1]!);
      this.#fingerprints[2 * at] = fingerprints[2 * i]!;
      this.#fingerprints[2 * at + 1] = fingerprints[2 * i + 1]!;
      this.#flags[at] = flags[i]!;
    }
  }
}

/** Two independent hashes of 32 bits over both texts, with a mark between them. */
export function fingerprint(requestId: string, item: string, words: Uint32Array): void {
  let a = 0x811c9dc5 | 0;
  let b = 0x9e3779b9 | 0;
  const take = (code: number): void => {
    a = Math.imul(a ^ code, 0x01000193);
    b = Math.imul((b ^ code) + (a >>> 15), 0x85ebca6b);
    b ^= b >>> 13;
  };
  for (let i = 0; i < requestId.length; i++) take(requestId.charCodeAt(i));
  take(0x10000);
  for (let i = 0; i < item.length; i++) take(item.charCodeAt(i));
  words[0] = mix32(a ^ mix32(b));
  words[1] = mix32(b ^ mix32(a + 0x27d4eb2f));
}
