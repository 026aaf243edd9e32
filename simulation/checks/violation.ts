/** Something that must never be, was. */
export interface Violation {
  /** Name of the check. */
  readonly check: string;
  readonly text: string;
  /** Milliseconds since the beginning. */
  readonly atMs: number;
}

/** Takes down the first one: what comes after it may follow from it. */
export class Violations {
  readonly #nowMs: () => number;
  #first: Violation | undefined;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  get first(): Violation | undefined {
    return this.#first;
  }

  readonly report = (check: string, text: string): void => {
    this.#first ??= { check, text, atMs: this.#nowMs() };
  };
}

export type Report = Violations['report'];
