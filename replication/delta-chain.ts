/**
 * The order of a partition's log, as each follower sees it. A delta has a number, one more than the one before whoever
 * wrote it, and the epoch of its writer; it may travel in parts, and counts whole or not at all:
 *
 *   7.0   7.1 (last)   8.0 (last)   9.0   9.1   9.2 (last)
 *
 * An owner that was taken over from may leave parts of a delta that it never finished. The first delta of the next
 * owner has a higher epoch and the number after the last finished one, and takes their place.
 */
export interface DeltaPart {
  readonly epoch: number;
  readonly deltaNumber: number;
  readonly part: number;
  readonly last: boolean;
}

/** The newest delta that is in the rows. */
export interface DeltaPosition {
  readonly epoch: number;
  readonly deltaNumber: number;
}

export const logStart: DeltaPosition = { epoch: 0, deltaNumber: 0 };

/**
 * `held`: more parts are to come. `complete`: `parts` has the delta. `stale`: it is in already, or a fenced owner wrote
 * it. `gap`: something before it was missed, so that nothing after it means anything.
 */
export type Verdict = 'held' | 'complete' | 'stale' | 'gap';

export class DeltaChain<Part extends DeltaPart> {
  #position: DeltaPosition;
  #epoch = 0;
  #open: Part[] = [];
  #complete: readonly Part[] = [];

  constructor(position: DeltaPosition) {
    this.#position = position;
  }

  get position(): DeltaPosition {
    return this.#position;
  }

  /** Of the newest complete delta, in order; empty before the first. */
  get parts(): readonly Part[] {
    return this.#complete;
  }

  take(part: Part): Verdict {
    const { epoch, deltaNumber } = part;
    if (epoch < this.#position.epoch || deltaNumber <= this.#position.deltaNumber) return 'stale';
    if (deltaNumber !== this.#position.deltaNumber + 1) return 'gap';
    if (epoch < this.#epoch) return 'stale';
    if (epoch > this.#epoch) this.#open = [];
    this.#epoch = epoch;
    if (part.part < this.#open.length) return 'stale';
    if (part.part > this.#open.length) return 'gap';
    this.#open.push(part);
    if (!part.last) return 'held';
    this.#complete = this.#open;
    this.#open = [];
    this.#position = { epoch, deltaNumber };
    return 'complete';
  }
}
