import { StarlingError } from '../../core/base/errors.js';

/** Clocks of machines that are kept right differ by less. Too high: one that is wrong ends the windows of everybody's impressions. */
const aheadMsMax = 2_000;
/** Whose clocks are wrong. Too few: those of a fleet push each other out. Too many: whoever makes names up fills the memory. */
const namesMax = 100;
/** Told of in each heartbeat. */
const toldMax = 5;

/** What a wrong clock has done. */
export interface TimesPutBack {
  /** Events. */
  readonly putBack: number;
  /** The furthest of them. */
  readonly putBackMsMax: number;
  /** Whose they were, the furthest first: how many, and how far ahead the furthest was. */
  readonly putBackBy: Readonly<Record<string, PutBackOf>>;
}

type PutBackOf = Readonly<Record<'events' | 'aheadMsMax', number>>;

/**
 * Times of events, no later than a moment after their acceptance, whatever door they came by. The joiner goes by the newest
 * time that it has seen, so one event from the future would make everybody else's late.
 */
export class EventTimes {
  readonly #names = new Map<string, PutBackOf>();
  #putBack = 0;
  #aheadMsMax = 0;

  /**
   * Puts back those that are ahead.
   * @param nameOf whose an event is, by its row.
   * @returns how many.
   */
  limit(atMs: Float64Array, acceptedAtMs: number, nameOf: (row: number) => string): number {
    const before = this.#putBack;
    const latestMs = acceptedAtMs + aheadMsMax;
    for (let row = 0; row < atMs.length; row++) {
      const aheadMs = atMs[row]! - acceptedAtMs;
      if (!(atMs[row]! > latestMs)) continue;
      atMs[row] = latestMs;
      this.#note(nameOf(row), Math.min(Math.round(aheadMs), Number.MAX_SAFE_INTEGER));
    }
    return this.#putBack - before;
  }

  get counts(): TimesPutBack {
    const furthest = [...this.#names].sort(([, a], [, b]) => b.aheadMsMax - a.aheadMsMax);
    return {
      putBack: this.#putBack,
      putBackMsMax: this.#aheadMsMax,
      putBackBy: Object.fromEntries(furthest.slice(0, toldMax)),
    };
  }

  #note(name: string, aheadMs: number): void {
    this.#putBack++;
    this.#aheadMsMax = Math.max(this.#aheadMsMax, aheadMs);
    const known = this.#names.get(name) ?? { events: 0, aheadMsMax: 0 };
    const noted = { events: known.events + 1, aheadMsMax: Math.max(known.aheadMsMax, aheadMs) };
    this.#names.set(name, noted);
    if (this.#names.size > namesMax) this.#forgetNearest();
  }

  #forgetNearest(): void {
    let nearest: readonly [string, PutBackOf] | undefined;
    for (const each of this.#names)
      if (!nearest || each[1].aheadMsMax < nearest[1].aheadMsMax) nearest = each;
    this.#names.delete(nearest![0]);
  }
}

/**
 * How far ahead of its acceptance an event may claim to be, to be put back to it. Wall clocks of the world are up to 26 hours
 * apart, so who takes one zone for another is never further off. Too high: a date that stands for none is taken for a clock.
 */
const refusedMsMax = 26 * 3_600_000;

/**
 * Milliseconds since 1970. @param timestamp seconds; undefined: when it was accepted.
 *
 * @throws StarlingError BAD_EVENT
 */
export function eventTime(timestamp: number | undefined, acceptedAtMs: number): number {
  const atMs = timestamp === undefined ? acceptedAtMs : timestamp * 1000;
  if (atMs > acceptedAtMs + refusedMsMax) {
    throw new StarlingError(
      'BAD_EVENT',
      `timestamp: ${timestamp} is ${Math.round((atMs - acceptedAtMs) / 1000)} s in the future; expected when it happened.`,
      { field: 'timestamp' },
    );
  }
  return atMs;
}
