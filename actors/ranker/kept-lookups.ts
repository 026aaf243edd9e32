import type { Clock } from '../../core/base/clock.js';
import type { RowChangesSince } from '../../messages/parameters.js';
import type { Deadline } from '../../runtime/deadline.js';
import type { PlanGroups, ShardShare } from '../shared/partition-map.js';
import { KeptRows } from './kept-rows.js';
import type { FoundRows, RowLookups, ShardAnswer } from './row-lookups.js';

/**
 * So long ago a shard was heard of, rows are used as they were then; those that have changed since come with the next request. Too short: a busy
 * ranker asks twice for each. Too long: what was learned is seen later.
 */
const freshMs = 250;
/** And so long ago, nobody is asked at all where no row is missing. Too short: each request is one of a shard, too. */
const quietMs = 50;

const unheard: RowChangesSince = { life: '', at: 0 };

interface Heard extends RowChangesSince {
  readonly atMs: number;
  readonly through: number;
}

export interface KeptLookupsOptions {
  readonly lookups: Pick<RowLookups, 'find'>;
  readonly dim: number;
  readonly dataCenter: string;
  readonly shardCount: number;
  readonly clock: Pick<Clock, 'nowMs'>;
}

/**
 * Rows that are kept here, with those that are not from their shards. Each answer of a shard says which rows changed since it was heard of before, so nothing
 * has to be followed, and who asks rarely is not told of what he does not need.
 *
 *   asked for what is missing, since 7 ──▶ rows, changed 8…9 ──▶ those of 8…9 that are kept are not current any more
 *
 * What is used is as it was when the shard was heard of last, at most a moment ago; else it is asked again for what changed meanwhile. An
 * answer that was overtaken by a newer one, be it to the same request, is used, and its rows are not kept: they may have changed between the two.
 * Nor are those that were kept before where an answer says what changed since later than that, as it can where another came late.
 */
export class KeptLookups {
  readonly #options: KeptLookupsOptions;
  readonly kept: KeptRows;
  readonly #heard = new Map<number, Heard>();

  constructor(options: KeptLookupsOptions) {
    this.#options = options;
    this.kept = new KeptRows(options.dim);
  }

  /**
   * What is kept, and is not asked for: as of when, and whether it may be used as it is. Without shards that were heard of there is nothing.
   * @returns `through` as of `find`, of all that is kept.
   */
  standing(): { readonly isFresh: boolean; readonly through: number } {
    const nowMs = this.#options.clock.nowMs();
    const heard = [...this.#heard.values()];
    const isFresh = heard.length > 0 && heard.every(({ atMs }) => nowMs - atMs <= freshMs);
    return { isFresh, through: Math.min(...heard.map(({ through }) => through)) };
  }

  async find(plan: PlanGroups, deadline: Pick<Deadline, 'share'>): Promise<FoundRows> {
    const { dim } = this.#options;
    const rows = new Float32Array((plan.fids.length / 2) * dim);
    const { isFresh, through: knew } = this.standing();
    const first = this.#missingOf(plan, rows);
    if (first.groups.fids.length === 0 && this.#isQuiet())
      return { rows, through: knew, degraded: false, rerouted: false, answers: [] };
    const found = await this.#ask(first, rows, deadline);
    if (first.groups.fids.length === plan.fids.length) return { ...found, rows };
    if (isFresh || found.degraded)
      return { ...found, rows, through: Math.min(found.through, knew) };
    const second = this.#missingOf(plan, rows);
    if (second.groups.fids.length === 0) return { ...found, rows };
    const again = await this.#ask(second, rows, deadline);
    // Where nobody answers now, rows are still those of before.
    const through = again.degraded ? Math.min(found.through, knew) : found.through;
    return {
      ...again,
      rows,
      // What changed in between is newer than it says.
      through: Math.min(through, again.through),
      rerouted: found.rerouted || again.rerouted,
    };
  }

  /** Whether all that were asked before were heard of just now. */
  #isQuiet(): boolean {
    const { shardCount, clock } = this.#options;
    const nowMs = clock.nowMs();
    if (this.#heard.size < shardCount) return false;
    for (const { atMs } of this.#heard.values()) if (nowMs - atMs > quietMs) return false;
    return true;
  }

  async #ask(
    { groups, places }: Missing,
    rows: Float32Array,
    deadline: Pick<Deadline, 'share'>,
  ): Promise<FoundRows> {
    const { lookups, dim, clock } = this.#options;
    const sinceOf = (shard: number): RowChangesSince => {
      const { life, at } = this.#heard.get(shard) ?? unheard;
      return { life, at };
    };
    // What is in the answer is not older than that, however long it takes.
    const atMs = clock.nowMs();
    const found = await lookups.find(groups, deadline, sinceOf);
    // Nothing is copied of who did not answer: there may be a row already.
    for (const { share, reply } of found.answers) copyShare(share, reply.rows, rows, places, dim);
    for (const answer of found.answers) this.#hear(answer, atMs);
    for (const answer of found.answers) if (this.#isNewest(answer)) this.#keep(answer);
    return found;
  }

  #hear({ share: { shard }, since, reply }: ShardAnswer, atMs: number): void {
    const { changed, dataCenter, through } = reply;
    // Of another data center, or of an earlier release: what is kept can't be told from what has changed.
    if (!changed || dataCenter !== this.#options.dataCenter) {
      this.#forget();
      return;
    }
    const before = this.#heard.get(shard);
    if (before?.life === changed.life && changed.at < before.at) return;
    const isSeamless =
      before?.life === changed.life && since?.life === before.life && since.at <= before.at;
    if (isSeamless && changed.keys) this.kept.changed(changed.keys);
    else this.kept.clear();
    const { life, at } = changed;
    this.#heard.set(shard, { life, at, through, atMs });
  }

  /** Whether its rows are as of what was heard of the shard last. */
  #isNewest({ share: { shard }, reply: { changed } }: ShardAnswer): boolean {
    const heard = this.#heard.get(shard);
    return heard !== undefined && heard.life === changed?.life && heard.at === changed.at;
  }

  #forget(): void {
    this.kept.clear();
    this.#heard.clear();
  }

  #keep({ share: { partitions, counts, fids }, reply: { rows } }: ShardAnswer): void {
    const { dim } = this.#options;
    const slotCount = counts.length / partitions.length;
    let row = 0;
    for (let group = 0; group < counts.length; group++)
      for (let n = counts[group]!; n > 0; n--, row++)
        this.kept.keep(group % slotCount, fids[2 * row]!, fids[2 * row + 1]!, rows, row * dim);
  }

  /** Copies what is kept to `rows`; the rest is a plan of its own. */
  #missingOf({ partitionCount, slotCount, counts, fids }: PlanGroups, rows: Float32Array): Missing {
    const { dim } = this.#options;
    const missingCounts = new Uint32Array(counts.length);
    const missing = new Uint32Array(fids.length);
    const places = new Uint32Array(fids.length / 2);
    let row = 0;
    let count = 0;
    for (let group = 0; group < partitionCount * slotCount; group++) {
      for (let n = counts[group]!; n > 0; n--, row++) {
        const [low, high] = [fids[2 * row]!, fids[2 * row + 1]!];
        if (this.kept.read(group % slotCount, low, high, rows, row * dim)) continue;
        missing[2 * count] = low;
        missing[2 * count + 1] = high;
        places[count++] = row;
        missingCounts[group]!++;
      }
    }
    const groups = { partitionCount, slotCount, counts: missingCounts };
    return {
      groups: { ...groups, fids: missing.slice(0, 2 * count) },
      places: places.subarray(0, count),
    };
  }
}

interface Missing {
  readonly groups: PlanGroups;
  /** Which row of the whole plan each row is. */
  readonly places: Uint32Array;
}

/** @param places of rows of the plan that the share is of, in `target`. */
function copyShare(
  { starts, lengths }: ShardShare,
  source: Float32Array,
  target: Float32Array,
  places: Uint32Array,
  dim: number,
): void {
  let from = 0;
  for (let i = 0; i < starts.length; i++) {
    for (let row = starts[i]!; row < starts[i]! + lengths[i]!; row++) {
      const to = places[row]! * dim;
      for (let d = 0; d < dim; d++) target[to + d] = source[from++]!;
    }
  }
}
