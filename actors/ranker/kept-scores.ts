import { assert } from '../../core/base/assert.js';
import type { Clock } from '../../core/base/clock.js';
import { StarlingError } from '../../core/base/errors.js';
import type { ExampleBatch } from '../../core/features/example-batch.js';
import type { OwnSide } from '../../core/features/side-rows.js';
import { sideRows } from '../../core/features/side-rows.js';
import type { EncodedEntity, Transform } from '../../core/features/transform.js';
import { poolRows, type Pooling } from '../../core/model/row-gather.js';
import type { SideRows, SplitScorer } from '../../core/model/split-scorer.js';
import type { TwoSides } from '../../core/model/two-sides.js';
import type { DenseVersion } from '../../messages/network-state.js';
import type { ItemPlaces } from '../../messages/ranking.js';
import type { Deadline } from '../../runtime/deadline.js';
import type { FeatureSource, Hurry } from '../shared/feature-source.js';
import type { DenseFollower } from './dense-follower.js';
import { ItemBoard } from './item-board.js';
import type { RowSource, RowsToScore } from './row-source.js';

export interface KeptScoresOptions {
  readonly clock: Pick<Clock, 'nowMs' | 'soon'>;
  readonly transform: Pick<Transform, 'spec' | 'pairsOf'>;
  readonly features: Pick<FeatureSource, 'get'>;
  readonly rows: Pick<RowSource, 'find' | 'kept'>;
  readonly versions: Pick<DenseFollower, 'versionFor'>;
  /** Of the network, with nothing kept. */
  readonly newScorer: () => SplitScorer;
  readonly sides: TwoSides;
  readonly shape: {
    readonly dim: number;
    readonly poolings: readonly Pooling[];
    readonly rowsOf: ArrayLike<number>;
  };
}

/** A request of one person, for some items. */
export interface Asked {
  readonly user: string;
  readonly items: readonly string[];
  /** Of the items, in the catalog of who asks. */
  readonly places?: ItemPlaces | undefined;
  readonly context: EncodedEntity;
  readonly deadline: Deadline;
  readonly hurry: Hurry;
}

export interface KeptScored {
  /** f32 [items × heads] */
  readonly logits: Float32Array;
  readonly user: EncodedEntity;
  /** As they were scored. */
  readonly items: readonly EncodedEntity[];
  readonly version: DenseVersion;
  readonly through: number;
  readonly degraded: boolean;
  readonly rerouted: boolean;
}

/** Items that are kept, at most. Too few: a large catalog is assembled again and again. Too many: memory, a few hundred bytes each. */
export const itemsMax = 2 ** 15;
/** A round that has taken so long is not waited for. Too short: what two of them lack is fetched twice. Too long: one shard that is silent holds up all. */
const roundMsMax = 25;

/** A request whose features are known, on its way to a round. */
interface Waiting {
  readonly board: Board;
  readonly asked: Asked;
  readonly places: Uint32Array;
  readonly own: OwnSide;
  readonly degraded: boolean;
  readonly take: (scored: KeptScored) => void;
  readonly fail: (error: unknown) => void;
}

/**
 * Scores of what is kept of items (item-board.ts, split-scorer.ts). Requests that come in the same moment make a round: what they lack is
 * fetched once, and what a new version of the network makes of items is computed once.
 *
 *   features ──▶ ┌ rows that somebody lacks ──▶ items that changed, derived ──▶ scores, one request after the other ┐
 */
export class KeptScores {
  readonly #options: KeptScoresOptions;
  #board: Board;
  #waiting: Waiting[] = [];
  #isDue = false;
  /** When the round on its way began; −∞: none is. */
  #sinceMs = -Infinity;

  constructor(options: KeptScoresOptions) {
    this.#options = options;
    this.#board = this.#newBoard();
  }

  /** @throws StarlingError NOT_READY before the first network has come; TIMEOUT when it is too late for an answer. */
  async score(asked: Asked): Promise<KeptScored> {
    const { clock, features } = this.#options;
    assert(asked.items.length <= itemsMax, 'a request has no more items than are kept');
    if (this.#board.items.count + asked.items.length > itemsMax) this.#board = this.#newBoard();
    const board = this.#board;
    const { items } = board;
    const places = items.placesOf(asked.items, asked.places);
    const nowMs = clock.nowMs();
    const unchecked = items.unchecked(places, nowMs);
    const ids = Array.from(unchecked, (place) => items.idAt(place));
    const found = await features.get([asked.user], ids, asked.hurry);
    unchecked.forEach((place, i) =>
      items.putFeatures(place, found.items[i]!, found.degraded ? NaN : nowMs),
    );
    const own = { user: found.users[0]!, context: asked.context };
    const { degraded } = found;
    return new Promise<KeptScored>((take, fail) => {
      this.#waiting.push({ board, asked, places, own, degraded, take, fail });
      this.#come();
    });
  }

  /** Once those of the same moment are there, and those before are done. */
  #come(): void {
    const { clock } = this.#options;
    if (this.#isDue || this.#waiting.length === 0) return;
    if (clock.nowMs() - this.#sinceMs <= roundMsMax) return;
    this.#isDue = true;
    clock.soon(() => {
      this.#isDue = false;
      void this.#round(this.#waiting.splice(0));
    });
  }

  async #round(all: readonly Waiting[]): Promise<void> {
    const sinceMs = this.#options.clock.nowMs();
    this.#sinceMs = sinceMs;
    try {
      // Mostly it is one.
      for (const board of new Set(all.map((each) => each.board)))
        await this.#roundOf(board, all.filter((each) => each.board === board)); // prettier-ignore
    } catch (error) {
      for (const each of all) each.fail(error);
    } finally {
      if (this.#sinceMs === sinceMs) this.#sinceMs = -Infinity;
      this.#come();
    }
  }

  async #roundOf(board: Board, all: readonly Waiting[]): Promise<void> {
    const { rows, versions } = this.#options;
    const union = board.unionOf(all.map(({ places }) => places));
    const owns = all.map(({ own }) => own);
    const latest = all.reduce((a, b) => (b.asked.deadline.leftMs > a.asked.deadline.leftMs ? b : a)); // prettier-ignore
    const { deadline } = latest.asked;
    const { isFresh, through: knew } = rows.kept.standing();
    const first = await this.#fetch(board, owns, board.items.lacking(union), deadline);
    let { through, degraded, rerouted } = first;
    if (isFresh || degraded) through = Math.min(through, knew);
    else {
      // What is kept is as of long ago; now it is known what has changed.
      const changed = board.items.lacking(union);
      if (changed.length > 0) {
        const second = await this.#fetch(board, [], changed, deadline);
        through = Math.min(through, second.through);
        degraded = second.degraded;
        rerouted ||= second.rerouted;
      }
    }
    const version = versions.versionFor(through);
    if (!version)
      throw new StarlingError('NOT_READY', 'no dense version has reached this data center yet.');
    if (!board.derive(union, version)) degraded = true;
    for (const [row, each] of all.entries()) {
      try {
        // What comes too late is shown to nobody, and must not be logged as if it were.
        each.asked.deadline.require('rank');
        const scored = this.#scored(each, this.#ownRows(first.pooled, row, each.own));
        each.take({
          ...{ ...scored, version, through, rerouted },
          degraded: degraded || each.degraded,
        });
      } catch (error) {
        each.fail(error);
      }
    }
  }

  /**
   * Rows of people, and those that items lack: one of a genre that has changed once, however many items have it. Of items that lack some
   * still, as an answer was overtaken by a newer one, rows are fetched whole, and used once.
   */
  async #fetch(
    board: Board,
    owns: readonly OwnSide[],
    lacking: Uint32Array,
    deadline: Deadline,
  ): Promise<Fetched> {
    const { transform } = this.#options;
    const { items } = board;
    const some = lacking.length > 0 ? [items.lackingRows(lacking)] : [];
    const batch = sideRows(transform.spec, owns, some);
    const found = await this.#pooled(batch, deadline);
    const still = items.lacking(lacking);
    if (still.length === 0) return found;
    if (found.degraded) {
      still.forEach((place) => items.poolAnyway(place));
      return found;
    }
    const again = await this.#fetchWhole(board, still, deadline);
    return {
      pooled: found.pooled,
      through: Math.min(found.through, again.through),
      degraded: again.degraded,
      rerouted: found.rerouted || again.rerouted,
    };
  }

  async #fetchWhole({ items }: Board, places: Uint32Array, deadline: Deadline) {
    const { transform, sides, shape } = this.#options;
    const entities = Array.from(places, (place) => items.entityAt(place));
    const batch = sideRows(transform.spec, [], entities);
    const found = await this.#pooled(batch, deadline);
    const still = new Set(items.lacking(places));
    const width = transform.spec.slots.length * shape.dim;
    places.forEach((place, i) => {
      if (!still.has(place) || items.entityAt(place) !== entities[i]) return;
      const end = (i + 1) * width - sides.behind * shape.dim;
      items.putPooled(place, found.pooled.subarray(i * width + sides.before * shape.dim, end));
    });
    return found;
  }

  async #pooled(batch: ExampleBatch, deadline: Deadline): Promise<Fetched> {
    const found = await this.#options.rows.find(batch, deadline, { isKept: true });
    return { ...found, pooled: poolRows(found.pooling, found.rows) };
  }

  #ownRows(pooled: Float32Array, row: number, { user, context }: OwnSide): SideRows {
    const { transform, sides, shape } = this.#options;
    const width = transform.spec.slots.length * shape.dim;
    const [before, behind] = [sides.before * shape.dim, sides.behind * shape.dim];
    const own = new Float32Array(before + behind);
    own.set(pooled.subarray(row * width, row * width + before));
    own.set(pooled.subarray((row + 1) * width - behind, (row + 1) * width), before);
    const dense = new Float32Array(user.dense.length + context.dense.length);
    dense.set(user.dense);
    dense.set(context.dense, user.dense.length);
    return { pooled: own, dense };
  }

  #scored({ board, places, own }: Waiting, ownRows: SideRows) {
    const { transform } = this.#options;
    const items = new Array<EncodedEntity>(places.length);
    for (let i = 0; i < places.length; i++) items[i] = board.items.entityAt(places[i]!);
    const pairs = transform.pairsOf(own.user, items);
    return { logits: board.scorer.score(ownRows, places, pairs), user: own.user, items };
  }

  #newBoard(): Board {
    const { transform, rows, sides, shape, newScorer } = this.#options;
    const end = transform.spec.slots.length - sides.behind;
    const slots = shape.poolings.slice(sides.before, end).map((pooling, i) => ({
      ...{ pooling, rowsOf: shape.rowsOf[sides.before + i]! },
    }));
    const { denseBefore, denseBehind, pairs } = sides;
    const denseCount = transform.spec.denseWidth - denseBefore - denseBehind - pairs;
    const { kept } = rows.kept;
    const items = new ItemBoard({ kept, dim: shape.dim, slots });
    return new Board(items, newScorer(), { width: slots.length * shape.dim, denseCount });
  }
}

interface Fetched extends Pick<RowsToScore, 'through' | 'degraded' | 'rerouted'> {
  /** f32 [rows of the batch × slots × dim] */
  readonly pooled: Float32Array;
}

/** Items, and what the network makes of them. */
class Board {
  readonly items: ItemBoard;
  readonly scorer: SplitScorer;
  readonly #width: number;
  readonly #denseCount: number;
  /** Serials of what was derived; those of another version don't count. */
  #derived = new Float64Array(0);
  #marks = new Uint32Array(0);
  #rounds = 0;

  constructor(items: ItemBoard, scorer: SplitScorer, row: { width: number; denseCount: number }) {
    this.items = items;
    this.scorer = scorer;
    this.#width = row.width;
    this.#denseCount = row.denseCount;
  }

  /** Each once. */
  unionOf(all: readonly Uint32Array[]): Uint32Array {
    if (all.length === 1) return all[0]!;
    const { count } = this.items;
    if (this.#marks.length < count) this.#marks = new Uint32Array(2 * count);
    const mark = ++this.#rounds;
    const union = new Uint32Array(count);
    let size = 0;
    for (const places of all)
      for (let i = 0; i < places.length; i++) {
        const place = places[i]!;
        if (this.#marks[place] === mark) continue;
        this.#marks[place] = mark;
        union[size++] = place;
      }
    return union.subarray(0, size);
  }

  /**
   * What has changed of them, or all that the version was not asked about yet.
   * @returns false where rows of some are not known.
   */
  derive(places: Uint32Array, { denseVersion, parameters }: DenseVersion): boolean {
    const isWhole = this.items.settle(places) === 0;
    if (this.#derived.length < this.items.count) {
      const before = this.#derived;
      this.#derived = new Float64Array(2 * this.items.count).fill(NaN);
      this.#derived.set(before);
    }
    const derived = this.#derived;
    if (this.scorer.load({ version: denseVersion, values: parameters })) derived.fill(NaN);
    const stale = places.filter((place) => derived[place] !== this.items.serialAt(place));
    if (stale.length === 0) return isWhole;
    const pooled = new Float32Array(stale.length * this.#width);
    const dense = new Float32Array(stale.length * this.#denseCount);
    stale.forEach((place, i) => {
      this.items.copyPooled(place, pooled, i * this.#width);
      const own = this.items.entityAt(place).dense;
      for (let d = 0; d < own.length; d++) dense[i * this.#denseCount + d] = own[d]!;
      derived[place] = this.items.serialAt(place);
    });
    this.scorer.derive(stale, { pooled, dense });
    return isWhole;
  }
}
