/**
 * Times of a wall clock, as files have them that name no zone. Where clocks are put back an hour comes twice, and which of
 * the two is meant nobody can tell: the earlier is taken, and told. Where they are put forward, a time that no clock showed
 * is taken by the offset that was in force before.
 */
export interface LocalTime {
  /** Since 1970. */
  readonly seconds: number;
  /** Whether the clock showed it twice. */
  readonly twice: boolean;
}

export const isZone = (name: string): boolean => {
  try {
    new Intl.DateTimeFormat('en-US', { timeZone: name });
    return true;
  } catch {
    return false; // A RangeError: there is no other way to ask.
  }
};

/** @param timezone of IANA, as Europe/Berlin. @returns what finds a time by its wall clock, given as if it were of UTC. */
export function localClock(timezone: string): (wallSeconds: number) => LocalTime {
  const offsetAt = offsets(timezone);
  return (wall) => {
    // No zone changes twice within two days; what holds a day before and after are all offsets that can be.
    const before = offsetAt(wall - 86_400);
    const after = offsetAt(wall + 86_400);
    const found = [...new Set([before, after])]
      .filter((offset) => offsetAt(wall - offset) === offset)
      .map((offset) => wall - offset)
      .sort((a, b) => a - b);
    return { seconds: found[0] ?? wall - before, twice: found.length > 1 };
  };
}

/** Seconds that a zone is ahead of UTC. Kept by quarter of an hour, in which no zone changes: asking takes 5 µs. */
function offsets(timezone: string): (seconds: number) => number {
  const parts = new Intl.DateTimeFormat('en-US', {
    ...{ timeZone: timezone, hourCycle: 'h23', year: 'numeric', month: 'numeric' },
    ...{ day: 'numeric', hour: 'numeric', minute: 'numeric', second: 'numeric' },
  });
  const known = new Map<number, number>();
  return (seconds) => {
    const quarter = Math.floor(seconds / 900);
    const kept = known.get(quarter);
    if (kept !== undefined) return kept;
    const atMs = quarter * 900_000;
    const shown = new Map(
      parts.formatToParts(atMs).map(({ type, value }) => [type, Number(value)]),
    );
    const of = (type: Intl.DateTimeFormatPartTypes): number => shown.get(type)!;
    const wallMs = Date.UTC(
      ...([
        of('year'),
        of('month') - 1,
        of('day'),
        of('hour'),
        of('minute'),
        of('second'),
      ] as const),
    );
    const offset = (wallMs - atMs) / 1000;
    known.set(quarter, offset);
    return offset;
  };
}
