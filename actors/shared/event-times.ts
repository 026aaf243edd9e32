import { StarlingError } from '../../core/base/errors.js';

/** Clocks of machines that are kept right differ by less. Too high: one that is wrong ends the windows of everybody's impressions. */
const aheadMsMax = 2_000;

/** What a wrong clock has done. */
export interface TimesPutBack {
  /** Events. */
  putBack: number;
  /** The furthest of them: whose it was, and how far it was ahead. */
  putBackMsMax: number;
  putBackOf: string;
}

/**
 * Times of events, no later than a moment after their acceptance, whatever door they came by. The joiner goes by the newest
 * time that it has seen, so one event from the future would make everybody else's late.
 */
export class EventTimes {
  readonly counts: TimesPutBack = { putBack: 0, putBackMsMax: 0, putBackOf: '' };

  /**
   * Puts back those that are ahead.
   * @param nameOf whose an event is, by its row.
   */
  limit(atMs: Float64Array, acceptedAtMs: number, nameOf: (row: number) => string): void {
    const { counts } = this;
    const latestMs = acceptedAtMs + aheadMsMax;
    for (let row = 0; row < atMs.length; row++) {
      const aheadMs = atMs[row]! - acceptedAtMs;
      if (!(atMs[row]! > latestMs)) continue;
      atMs[row] = latestMs;
      counts.putBack++;
      if (aheadMs <= counts.putBackMsMax) continue;
      counts.putBackMsMax = Math.round(aheadMs);
      counts.putBackOf = nameOf(row);
    }
  }
}

/** How far ahead of its acceptance an event may claim to be, to be put back to it. A wrong unit differs by years. */
const refusedMsMax = 3_600_000;

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
