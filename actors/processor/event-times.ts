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
