import { crc32c } from './crc32c.js';

/** CRC-32C of a sequence of words. */
export class RunningChecksum {
  value = 0;
  readonly #word = new Uint32Array(1);
  readonly #bytes = new Uint8Array(this.#word.buffer);

  add(checksum: number): void {
    this.#word[0] = checksum;
    this.value = crc32c(this.#bytes, 0, 4, this.value);
  }
}
