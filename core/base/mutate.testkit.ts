import { mix32 } from './hash.js';

/**
 * Damaged copies of good inputs, for fuzzing decoders: what a decoder trusts wrongly is rarely found by random bytes,
 * which fail at the first check, and often by good ones with a length, a count or a tag changed. The same seed gives
 * the same inputs.
 */
const wordsOfInterest = [0, 1, 0x7f, 0xff, 0x7fff, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff];
/** Heads of CBOR values with 4 or 8 bytes of length, tags that decoders obey, a bracket. */
const bytesOfInterest = [0x5a, 0x7a, 0x9a, 0xba, 0x9b, 0xc2, 0xd8, 0xd9, 0xda, 0x1b, 0xfb, 0x5b];
const changesMax = 4;

export class Mutator {
  #counter: number;

  constructor(seed: number) {
    this.#counter = mix32(seed);
  }

  /** An integer below `bound`. */
  below(bound: number): number {
    this.#counter = (this.#counter + 0x9e3779b9) | 0;
    return Math.floor((mix32(this.#counter) / 2 ** 32) * bound);
  }

  /**
   * A copy of one of the samples with 1 to 4 changes, some of which put in a part of one of `foreign`. Each change makes
   * it at most as much longer as its longest input is.
   */
  mutate(samples: readonly Uint8Array[], foreign = samples): Uint8Array {
    // Not `slice`, which on a Buffer is a view.
    let bytes: Uint8Array = new Uint8Array(samples[this.below(samples.length)]!);
    for (let left = 1 + this.below(changesMax); left > 0; left--) {
      bytes = this.#change(bytes, foreign[this.below(foreign.length)]!);
    }
    return bytes;
  }

  #change(bytes: Uint8Array, other: Uint8Array): Uint8Array {
    if (bytes.length === 0) return new Uint8Array(other);
    const at = this.below(bytes.length);
    const span = 1 + this.below(Math.min(64, bytes.length - at));
    switch (this.below(9)) {
      case 0:
        bytes[at]! ^= 1 << this.below(8);
        return bytes;
      case 1:
        bytes[at] = this.below(256);
        return bytes;
      case 2:
        bytes[at] = bytesOfInterest[this.below(bytesOfInterest.length)]!;
        return bytes;
      case 3:
        if (bytes.length < 4) return bytes;
        new DataView(bytes.buffer, bytes.byteOffset).setUint32(
          this.below(bytes.length - 3),
          wordsOfInterest[this.below(wordsOfInterest.length)]!,
          this.below(2) === 0,
        );
        return bytes;
      case 4:
        return bytes.subarray(0, at);
      case 5: // take a part out
        return joined(bytes.subarray(0, at), bytes.subarray(at + span));
      case 6: // double a part
        return joined(bytes.subarray(0, at + span), bytes.subarray(at));
      case 7: // go on with another
        return joined(bytes.subarray(0, at), other.subarray(this.below(other.length)));
      default: // put another in
        return joined(joined(bytes.subarray(0, at), other), bytes.subarray(at + span));
    }
  }
}

function joined(head: Uint8Array, tail: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(head.length + tail.length);
  bytes.set(head);
  bytes.set(tail, head.length);
  return bytes;
}
