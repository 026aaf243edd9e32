import { RememberedKeys, type RememberedSegment } from './remembered-keys.js';

export interface EventIdsOptions {
  /** Two events with one id that are no further apart, in event time, are one. */
  readonly apartMsMax: number;
  /** How far behind the watermarks an event may come and still be told exactly. */
  readonly behindMsMax: number;
  readonly bucketMs: number;
  readonly lanes: number;
}

/** An event, as far as it is told from others. */
export interface IdentifiedEvent {
  /** '': it brings none, and is not known by it. */
  readonly id: string;
  readonly lane: number;
  readonly atMs: number;
}

const notPassed = 0;
const isPassed = 1;

/**
 * Which events have come, by id. An event is a copy of one that came where they have an id in common and are no further apart than
 * `apartMsMax`: by the times of both, not by what happens to be forgotten when it comes (docs/decisions/0054). Ids are remembered for
 * `behindMsMax` beyond that, so that what was forgotten could be a copy only of what comes later still; that is a new one. An event that
 * is over when it comes is not remembered at all, not even for its neighbours, since who these are is by how rows are cut into records.
 *
 * What is stored is when an event was, so that other rules of a window know the same events, for longer or for less long.
 *
 * Of several events with one id, each too far from the others to be a copy, the newest of a lane is remembered.
 */
export class EventIds {
  readonly #apartMsMax: number;
  readonly #keepMs: number;
  /**
   * Each until the time of its event, by a clock that is behind that of the lane for as long as ids are kept. By lane: an event of one
   * takes the place of none of another, whose time is another.
   */
  readonly #lanes: readonly RememberedKeys[];

  constructor({ apartMsMax, behindMsMax, bucketMs, lanes }: EventIdsOptions) {
    this.#apartMsMax = apartMsMax;
    this.#keepMs = apartMsMax + behindMsMax;
    this.#lanes = Array.from({ length: lanes }, () => new RememberedKeys(bucketMs, lanes));
  }

  /** @param isSent by another partition, or this one: what was passed on from here may have come back. */
  isKnown({ id, atMs }: IdentifiedEvent, isSent: boolean): boolean {
    for (const keys of this.#lanes) {
      const known = keys.entryOf(id);
      if (!known || (isSent && known.value === isPassed)) continue;
      if (Math.abs(known.untilMs - atMs) <= this.#apartMsMax) return true;
    }
    return false;
  }

  /** It stays here. */
  remember(event: IdentifiedEvent): void {
    this.#set(event, notPassed);
  }

  /** It goes to where its person is, which may be here. */
  rememberPassed(event: IdentifiedEvent): void {
    this.#set(event, isPassed);
  }

  forget(lane: number, watermarkMs: number): void {
    this.#lanes[lane]!.forget(lane, watermarkMs - this.#keepMs);
  }

  takeFresh(): RememberedSegment[] {
    return this.#lanes.flatMap((keys) => keys.takeFresh());
  }

  seal(number: number, segment: RememberedSegment): void {
    this.#lanes[segment.lane]!.seal(number, segment);
  }

  restore(number: number, segment: RememberedSegment): void {
    this.#lanes[segment.lane]!.restore(number, segment);
  }

  takeEmpty(watermarksMs: readonly number[]): number[] {
    const behindMs = watermarksMs.map((watermarkMs) => watermarkMs - this.#keepMs);
    return this.#lanes.flatMap((keys) => keys.takeEmpty(behindMs));
  }

  #set({ id, lane, atMs }: IdentifiedEvent, how: number): void {
    if (id === '') return;
    const keys = this.#lanes[lane]!;
    const knownMs = keys.entryOf(id)?.untilMs ?? -Infinity;
    if (knownMs - atMs > this.#apartMsMax) return;
    const newestMs = Math.max(knownMs, atMs);
    if (!keys.isPast(lane, newestMs)) keys.set(id, how, lane, newestMs);
  }
}
