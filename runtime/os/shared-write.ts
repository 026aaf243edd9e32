/** Writes of a whole file, one at a time. Calls that come while one is under way share the next. */
export class SharedWrite {
  readonly #write: () => Promise<void>;
  #current: Promise<void> = Promise.resolve();
  #next: Promise<void> | undefined;

  constructor(write: () => Promise<void>) {
    this.#write = write;
  }

  /** Resolves after a write that began no earlier than this call; rejects with what that write met. */
  run(): Promise<void> {
    this.#next ??= this.#current
      // The failure of that write was given to those who waited for it.
      .catch(() => undefined)
      .then(() => {
        this.#next = undefined;
        this.#current = this.#write();
        return this.#current;
      });
    return this.#next;
  }

  /** Resolves when nothing is being written any more. */
  async settled(): Promise<void> {
    await (this.#next ?? this.#current).catch(() => undefined); // As above.
  }
}
