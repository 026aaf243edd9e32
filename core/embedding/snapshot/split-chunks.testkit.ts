import { chunkBytesLimit, chunkHeaderBytes, corrupt, declaredLength } from './format.js';

/**
 * Finds chunks in a stream of bytes that was cut anywhere, such as a file read in blocks. A store that keeps chunks
 * apart does not need it.
 *
 * A chunk that lies in one piece comes out as a view of it; only one that lies across pieces is copied, and only once
 * all its bytes are there, so a false length never allocates. Pieces are kept until their chunk is complete: don't
 * reuse their memory.
 */
export class ChunkSplitter {
  readonly #chunkBytesMax: number;
  #pieces: Uint8Array[] = [];
  #bytesHeld = 0;
  #chunks = 0;
  /** Length of the next chunk, once its header is there. */
  #length: number | undefined;

  constructor(chunkBytesMax = chunkBytesLimit) {
    this.#chunkBytesMax = chunkBytesMax;
  }

  /**
   * The chunks that this piece completes.
   * @throws StarlingError SNAPSHOT_CORRUPT when no chunk can begin where one must.
   */
  *push(piece: Uint8Array): Generator<Uint8Array> {
    if (piece.length === 0) return;
    this.#pieces.push(piece);
    this.#bytesHeld += piece.length;
    for (;;) {
      if (this.#length === undefined && this.#bytesHeld >= chunkHeaderBytes) {
        const header = this.#firstBytes(chunkHeaderBytes);
        this.#length = declaredLength(header, this.#chunks, this.#chunkBytesMax);
      }
      if (this.#length === undefined || this.#bytesHeld < this.#length) return;
      const chunk = this.#takeBytes(this.#length);
      this.#length = undefined;
      this.#chunks++;
      yield chunk;
    }
  }

  /** @throws StarlingError SNAPSHOT_CORRUPT when the stream ended within a chunk. */
  end(): void {
    if (this.#bytesHeld === 0) return;
    throw corrupt(
      this.#chunks,
      `ends after ${this.#bytesHeld} of ${this.#length ?? `at least ${chunkHeaderBytes}`} bytes`,
    );
  }

  /** The first `count` bytes held, copied only if they lie across pieces. */
  #firstBytes(count: number): Uint8Array {
    if (this.#pieces[0]!.length >= count) return this.#pieces[0]!.subarray(0, count);
    const joined = new Uint8Array(count);
    let filled = 0;
    for (const piece of this.#pieces) {
      if (filled === count) break;
      const part = piece.subarray(0, count - filled);
      joined.set(part, filled);
      filled += part.length;
    }
    return joined;
  }

  #takeBytes(count: number): Uint8Array {
    const taken = this.#firstBytes(count);
    this.#bytesHeld -= count;
    let left = count;
    let used = 0;
    while (left > 0 && this.#pieces[used]!.length <= left) left -= this.#pieces[used++]!.length;
    if (used > 0) this.#pieces = this.#pieces.slice(used);
    if (left > 0) this.#pieces[0] = this.#pieces[0]!.subarray(left);
    return taken;
  }
}
