import { dropOldest } from '../../core/base/oldest.js';

/**
 * What was fetched from a follower of a log, kept until somebody says that it changed.
 *
 * Two messages tell of a change, on ways of different lengths: a notice, which crosses a gateway at once, and the record
 * itself, by way of the copy of the log that the follower reads. Whoever forgets an entry at the notice and fetches it
 * again may get what was there before, and keep it. So both carry a sequence of the log: a reply that is older than the
 * newest notice of its entry answers the request that fetched it, and the next one fetches again. Notices and replies may
 * come in any order, and replies of several followers, one behind the other.
 *
 *   notice 7 ──▶ entry needs 7        reply 6 ──▶ used, not current        reply 8 ──▶ current until a notice beyond 8
 *
 * A notice may be lost: an entry is fetched again after `ageMsMax` whatever happens.
 *
 * What comes of several logs has a sequence of each, and is current where it lacks nothing of any.
 *
 * Who is in a hurry may use for a moment what is not current, and have it fetched behind: how old that may be is up to him.
 */
export interface NoticedCacheOptions {
  /** Too low: busy entries are fetched again and again. Too high: memory. */
  readonly entriesMax: number;
  readonly ageMsMax: number;
  /**
   * Notices kept of what is not in the cache. The ones beyond are kept as one number: no reply older than that counts as
   * current, of whatever entry. Too low: while a lot changes, much is fetched twice. Too high: memory.
   */
  readonly noticesMax: number;
  /** That an entry comes of; one if left out. */
  readonly logs?: number;
  /**
   * Of them, the first that a reply says exactly how far it is in; all if left out. One that is behind in those is not kept. In
   * the others it may be behind a newer one of another follower, and is only not current.
   */
  readonly exactLogs?: number;
}

/** One of each log. */
type Sequences = readonly number[];

interface Entry<T> {
  readonly value: T;
  /** All of the logs up to here is in the value. */
  readonly sequences: Sequences;
  readonly fetchedAtMs: number;
  /** The newest changes that somebody told of. */
  noticed: Sequences;
  /** Since when it lacks a change that was told of; NaN: it lacks none. */
  lacksSinceMs: number;
}

/** `refresh`: it may be used, and should be fetched behind. `fetch`: there is none, or one that is too old. */
export type Standing = 'current' | 'refresh' | 'fetch';

/** In units of `ageMsMax`: so old, one that nobody told a change of is used no more, as notices may have been lost. */
const agesMax = 2;

export class NoticedCache<T> {
  readonly #options: NoticedCacheOptions;
  readonly #entries = new Map<string, Entry<T>>();
  readonly #notices = new Map<string, Sequences>();
  #floor: Sequences;

  constructor(options: NoticedCacheOptions) {
    this.#options = options;
    this.#floor = new Array<number>(options.logs ?? 1).fill(0);
  }

  /** Whether there is a value that need not be fetched again. */
  isCurrent(id: string, nowMs: number): boolean {
    return this.standing(id, nowMs, 0) === 'current';
  }

  /** @param lackMsMax so long since a change was told of may an entry be used that lacks it. */
  standing(id: string, nowMs: number, lackMsMax: number): Standing {
    const entry = this.#entries.get(id);
    if (!entry) return 'fetch';
    const lacks = !Number.isNaN(entry.lacksSinceMs);
    if (!lacks && !this.#isOld(entry, nowMs)) return 'current';
    if (lackMsMax === 0) return 'fetch';
    const isTooOld = nowMs - entry.fetchedAtMs > agesMax * this.#options.ageMsMax;
    return isTooOld || (lacks && nowMs - entry.lacksSinceMs > lackMsMax) ? 'fetch' : 'refresh';
  }

  /** The newest there is, current or not. */
  newest(id: string): T | undefined {
    return this.#entries.get(id)?.value;
  }

  /** @param sequences up to which the logs are in the reply. */
  keep(id: string, value: T, sequences: Sequences, nowMs: number): void {
    const before = this.#entries.get(id);
    // A reply that took its time, or of a follower that is behind. An old entry gives way: its log may have begun anew.
    const { logs = 1, exactLogs = logs } = this.#options;
    const exact = before?.sequences.slice(0, exactLogs) ?? [];
    if (before && !reaches(sequences, exact) && !this.#isOld(before, nowMs)) return;
    const noticed = before?.noticed ?? this.#notices.get(id) ?? this.#floor;
    this.#notices.delete(id);
    const sinceMs = before && !Number.isNaN(before.lacksSinceMs) ? before.lacksSinceMs : nowMs;
    const lacksSinceMs = reaches(sequences, noticed) ? NaN : sinceMs;
    this.#entries.set(id, { value, sequences, fetchedAtMs: nowMs, noticed, lacksSinceMs });
    // By insertion: cheap, and good enough for a cache whose misses are cheap too.
    dropOldest(this.#entries, this.#options.entriesMax, (dropped, entry) => {
      if (!reaches(this.#floor, entry.noticed)) this.#remember(dropped, entry.noticed);
    });
  }

  /** @param log which of them. */
  notice(id: string, sequence: number, log = 0, nowMs = -Infinity): void {
    const entry = this.#entries.get(id);
    const told = this.#floor.map((_unused, i) => (i === log ? sequence : 0));
    if (!entry) return this.#remember(id, told);
    entry.noticed = newest(entry.noticed, told);
    if (Number.isNaN(entry.lacksSinceMs) && !reaches(entry.sequences, entry.noticed))
      entry.lacksSinceMs = nowMs;
  }

  #isOld({ fetchedAtMs }: Entry<T>, nowMs: number): boolean {
    return nowMs - fetchedAtMs > this.#options.ageMsMax;
  }

  #remember(id: string, told: Sequences): void {
    const before = this.#notices.get(id);
    this.#notices.set(id, before ? newest(before, told) : told);
    dropOldest(this.#notices, this.#options.noticesMax, (_id, noticed) => {
      this.#floor = newest(this.#floor, noticed);
    });
  }
}

function reaches(sequences: Sequences, others: Sequences): boolean {
  return others.every((other, log) => sequences[log]! >= other);
}

function newest(a: Sequences, b: Sequences): Sequences {
  return a.map((each, log) => Math.max(each, b[log]!));
}
