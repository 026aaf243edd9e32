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
}

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
    const entry = this.#entries.get(id);
    if (!entry || this.#isOld(entry, nowMs)) return false;
    return reaches(entry.sequences, entry.noticed);
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
    if (!before && this.#entries.size >= this.#options.entriesMax) this.#dropOldest();
    this.#entries.set(id, { value, sequences, fetchedAtMs: nowMs, noticed });
  }

  /** @param log which of them. */
  notice(id: string, sequence: number, log = 0): void {
    const entry = this.#entries.get(id);
    const told = this.#floor.map((_unused, i) => (i === log ? sequence : 0));
    if (entry) entry.noticed = newest(entry.noticed, told);
    else this.#remember(id, told);
  }

  #isOld({ fetchedAtMs }: Entry<T>, nowMs: number): boolean {
    return nowMs - fetchedAtMs > this.#options.ageMsMax;
  }

  #remember(id: string, told: Sequences): void {
    const before = this.#notices.get(id);
    this.#notices.set(id, before ? newest(before, told) : told);
    if (this.#notices.size <= this.#options.noticesMax) return;
    const [oldest, noticed] = this.#notices.entries().next().value!;
    this.#notices.delete(oldest);
    this.#floor = newest(this.#floor, noticed);
  }

  /** By insertion: cheap, and good enough for a cache whose misses are cheap too. */
  #dropOldest(): void {
    const [id, { noticed }] = this.#entries.entries().next().value!;
    this.#entries.delete(id);
    if (!reaches(this.#floor, noticed)) this.#remember(id, noticed);
  }
}

function reaches(sequences: Sequences, others: Sequences): boolean {
  return others.every((other, log) => sequences[log]! >= other);
}

function newest(a: Sequences, b: Sequences): Sequences {
  return a.map((each, log) => Math.max(each, b[log]!));
}
