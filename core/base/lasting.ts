/** Whether something is so: yes, no, or between the two bounds, where it stays what it was; undefined: nobody knows. */
export type Evidence = 'bad' | 'between' | 'good' | undefined;

export interface Patience {
  /** How long it must be bad before it counts. 0: at once. */
  readonly raiseAfterMs: number;
  /** How long it must be good again. */
  readonly clearAfterMs: number;
}

/** Says that something is wrong once it has been for a while, and that it is right again once it has been for a while: what flickers says nothing. */
export class Lasting {
  readonly #patience: Patience;
  #isRaised: boolean;
  /** Since when the evidence has been against what is said. */
  #againstSinceMs: number | undefined;

  constructor(patience: Patience, isRaised = false) {
    this.#patience = patience;
    this.#isRaised = isRaised;
  }

  get isRaised(): boolean {
    return this.#isRaised;
  }

  /** @returns whether what is said has changed. */
  observe(evidence: Evidence, atMs: number): boolean {
    if (evidence !== (this.#isRaised ? 'good' : 'bad')) {
      // Without evidence time stands still; with any other it begins anew.
      if (evidence !== undefined) this.#againstSinceMs = undefined;
      return false;
    }
    this.#againstSinceMs ??= atMs;
    const { raiseAfterMs, clearAfterMs } = this.#patience;
    if (atMs - this.#againstSinceMs < (this.#isRaised ? clearAfterMs : raiseAfterMs)) return false;
    this.#isRaised = !this.#isRaised;
    this.#againstSinceMs = undefined;
    return true;
  }
}
