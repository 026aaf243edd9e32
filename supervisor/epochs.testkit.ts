import type { EpochStore } from './epochs.js';

/** Epochs that live as long as this process; for tests. */
export class MemoryEpochStore implements EpochStore {
  readonly #last = new Map<string, number>();

  async next(address: string): Promise<number> {
    const epoch = (this.#last.get(address) ?? 0) + 1;
    this.#last.set(address, epoch);
    return epoch;
  }
}
