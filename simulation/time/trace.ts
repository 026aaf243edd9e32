import { createHash } from 'node:crypto';

/** The newest entries are kept in words, for who wants to know what led to a failure. */
const keptMax = 400;

/**
 * What happened in a run, as a hash: two runs that did the same have the same. Everything that the servers do goes in, byte by
 * byte, with its time.
 */
export class Trace {
  readonly #hash = createHash('sha256');
  readonly #kept: string[] = [];
  #entries = 0;

  get entries(): number {
    return this.#entries;
  }

  note(atMs: number, what: string, bytes?: Uint8Array): void {
    const line = `${atMs.toFixed(3)} ${what}`;
    this.#entries++;
    this.#hash.update(line).update('\n');
    if (bytes) this.#hash.update(bytes);
    this.#kept.push(line);
    if (this.#kept.length > 2 * keptMax) this.#kept.splice(0, keptMax);
  }

  /** The newest last. */
  get newest(): readonly string[] {
    return this.#kept.slice(-keptMax);
  }

  /** So far; more may be noted. */
  digest(): string {
    return this.#hash.copy().digest('hex').slice(0, 16);
  }
}
