import type { RowChangesSince, RowsChanged } from '../../messages/parameters.js';

/** Keys that are remembered. Too few: who asks once a second is told to forget everything. Too many: memory, 8 bytes each. */
const keysMax = 2 ** 15;
/** In one answer; beyond it is cheaper to ask anew for what is needed. */
const toldMax = 2 ** 13;

/** Which rows of a shard changed of late, for who keeps some: of the newest, in the order in which they changed. */
export class RowChanges {
  readonly #newId: () => string;
  readonly #keys = new Uint32Array(2 * keysMax);
  #life: string;
  /** Changes since this life began. */
  #at = 0;

  constructor(newId: () => string) {
    this.#newId = newId;
    this.#life = newId();
  }

  /** @param keys u32 pairs (low, high). */
  note(keys: Uint32Array): void {
    for (let i = 0; i < keys.length; i += 2, this.#at++) {
      const place = 2 * (this.#at % keysMax);
      this.#keys[place] = keys[i]!;
      this.#keys[place + 1] = keys[i + 1]!;
    }
  }

  /** All may be other rows now, as of a snapshot. */
  noteAll(): void {
    this.#life = this.#newId();
    this.#at = 0;
  }

  /** What changed since; `keys` are left out where that is not known any more, or is nearly everything. */
  since({ life, at }: RowChangesSince): RowsChanged {
    const now = { life: this.#life, at: this.#at };
    const count = this.#at - at;
    if (life !== this.#life || count < 0 || count > Math.min(toldMax, keysMax)) return now;
    const keys = new Uint32Array(2 * count);
    for (let i = 0; i < count; i++) {
      const place = 2 * ((at + i) % keysMax);
      keys[2 * i] = this.#keys[place]!;
      keys[2 * i + 1] = this.#keys[place + 1]!;
    }
    return { ...now, keys };
  }
}
