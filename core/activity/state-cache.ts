import type { ActivityState } from './activity-state.js';
import { emptyState } from './activity-state.js';

/** States in memory, in front of a store: those that changed since they were stored stay. */
export class StateCache {
  readonly #stored: (key: string) => ActivityState | undefined;
  readonly #statesMax: number;
  /** Undefined: known to be absent. */
  readonly #states = new Map<string, ActivityState | undefined>();
  #unstored = new Set<string>();
  /** Given to the store, which may not have it yet. */
  #storing = new Set<string>();

  /** @param statesMax Too low: what is busy is read again and again. Too high: memory. */
  constructor(stored: (key: string) => ActivityState | undefined, statesMax: number) {
    this.#stored = stored;
    this.#statesMax = statesMax;
  }

  get(key: string): ActivityState | undefined {
    if (this.#states.has(key)) return this.#states.get(key);
    const state = this.#stored(key);
    this.#states.set(key, state);
    this.#limit();
    return state;
  }

  /** To be changed; made where there is none. */
  change(key: string): ActivityState {
    this.#unstored.add(key);
    const state = this.get(key) ?? emptyState();
    this.#states.set(key, state);
    return state;
  }

  remove(key: string): void {
    this.#unstored.add(key);
    this.#states.set(key, undefined);
  }

  takeUnstored(): Map<string, ActivityState | undefined> {
    this.#storing = this.#unstored;
    this.#unstored = new Set();
    return new Map([...this.#storing].map((key) => [key, this.#states.get(key)]));
  }

  /** What was taken is in the store, or is not after all. */
  settle(isStored: boolean): void {
    if (!isStored) for (const key of this.#storing) this.#unstored.add(key);
    this.#storing = new Set();
  }

  clear(): void {
    this.#states.clear();
    this.#unstored.clear();
    this.#storing.clear();
  }

  #limit(): void {
    if (this.#states.size <= this.#statesMax) return;
    for (const key of this.#states.keys()) {
      if (!this.#unstored.has(key) && !this.#storing.has(key)) this.#states.delete(key);
      if (this.#states.size <= this.#statesMax / 2) return;
    }
  }
}
