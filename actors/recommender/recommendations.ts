import { codeOf, type ErrorCode } from '../../core/base/errors.js';
import type { ClusterConfig } from '../../core/config/schema.js';
import type { RawFeatures } from '../../core/features/raw-features.js';
import type { Catalog } from '../../core/retrieval/catalog.js';
import type { ItemRow } from '../../core/retrieval/item-row.js';
import { chooseSlate } from '../../core/retrieval/slate.js';
import { personIn, type RecommendRequest } from '../../messages/public.js';
import { versionField } from '../../messages/ranking.js';
import type { Deadline } from '../../runtime/deadline.js';
import { warningsOf } from './answer-warnings.js';
import type { LatelyDone } from './lately-done.js';
import type { CandidateScores, Scored } from './candidate-scores.js';
import type { ItemFilters, RequestFilter } from './item-filters.js';
import type { ShownAttributes } from './shown-attributes.js';
import type { SliceTurns } from './slice-turns.js';

export interface RecommendationsOptions {
  readonly catalog: Pick<Catalog, 'walk' | 'offers' | 'size'>;
  readonly filters: Pick<ItemFilters, 'of'>;
  readonly attributes: Pick<ShownAttributes, 'of'>;
  readonly turns: Pick<SliceTurns, 'run'>;
  /** Since 1970. */
  readonly nowMs: () => number;
  readonly scores: Pick<CandidateScores, 'scoreAll' | 'show'>;
  readonly lately: Pick<LatelyDone, 'itemsOf'>;
  readonly serving: Pick<
    ClusterConfig['serving'],
    'candidatesMax' | 'popularItems' | 'recentItems' | 'exploration'
  >;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly newId: () => string;
  /** The id of a request of ours, by which its impressions are found. */
  readonly placed: (id: string, user: string) => string;
  /** Where items are told, for who asks before there are any. */
  readonly itemsSubject: string;
}

interface RecommendedItem {
  readonly item: string;
  readonly score: number;
  /** Probabilities, where there are several outcomes. */
  readonly outcomes?: Readonly<Record<string, number>>;
  /** Those that were asked for, as far as they are known. */
  readonly attributes?: RawFeatures;
}

export interface Recommendation {
  readonly items: RecommendedItem[];
  readonly requestId: string;
  readonly modelVersion: number;
  readonly degraded: boolean;
  /** Of the settings that the scores are of; left out where all is as configured. */
  readonly settingsVersion?: number;
  /** What became of candidates, where there was a filter. */
  readonly stages?: {
    /** Items that the filter was asked about. */
    readonly candidates: number;
    readonly filtered: number;
    /** Comparisons that were false as a value is missing, by attribute. */
    readonly missing?: Readonly<Record<string, number>>;
  };
  /** Why there is nothing, or less than there will be. */
  readonly warnings: readonly string[];
}

/** Of the time that is left, and at most, for looking at items. Too low: a filter that few fit finds less than there is. Too high: no time is left to score. */
const walkShare = 1 / 2;
const walkMsMax = 2_000;
/** Of rankers that have no network yet, where there is no ranker, and where none answers in time. */
const unranked: readonly ErrorCode[] = [
  ...(['NOT_READY', 'NO_RESPONDERS', 'UNAVAILABLE', 'TIMEOUT', 'OVERLOADED'] as const),
];

/** From a request to a slate: candidates, scores, choice, and the scores of what was chosen as it was logged. */
export class Recommendations {
  readonly #options: RecommendationsOptions;
  /** Rows rerouted: of requests whose rows came from another data center. */
  readonly counts = { recommended: 0, degraded: 0, rowsRerouted: 0 };

  constructor(options: RecommendationsOptions) {
    this.#options = options;
  }

  /** @throws StarlingError what a ranker says that no other would. */
  async recommend(
    request: RecommendRequest,
    deadline: Pick<Deadline, 'share'>,
  ): Promise<Recommendation> {
    const { scores, lately, attributes, serving, random, newId, placed } = this.#options;
    const filter = await this.#options.filters.of(request, deadline);
    const found = await this.#candidatesFor(request, filter, deadline);
    const { candidates, stages } = found;
    const { idempotencyKey = newId() } = request;
    // What nobody logs nobody can answer.
    const requestId =
      request.log === false ? '' : (request.requestId ?? placed(idempotencyKey, personIn(request)));
    // Also where no items are known yet: that is nothing to recommend, and nothing to try again for.
    const none = { items: [], requestId, modelVersion: 0, degraded: found.degraded };
    const warnings = this.#warningsOn(request, candidates.length, stages.stages?.filtered ?? 0);
    if (candidates.length === 0) return { ...none, ...stages, warnings: warnings(0) };
    const [scored, done] = await Promise.all([
      this.#scoresOf(request, candidates, deadline),
      lately.itemsOf(request, deadline),
    ]);
    const { exploration } = serving;
    const { k } = request;
    const without = done.items.size > 0 ? done.items : undefined;
    const slate = chooseSlate({
      candidates,
      scores: scored.scores,
      k,
      exploration,
      random,
      without,
    });
    if (slate.length === 0) return { ...none, ...stages, warnings: warnings(0) };
    const items = slate.map((i) => candidates[i]!);
    const chosen = {
      ...scored,
      scores: Float32Array.from(slate, (i) => scored.scores[i]!),
      predictions: Object.fromEntries(
        Object.entries(scored.predictions).map(([name, column]) => [
          name,
          Float32Array.from(slate, (i) => column[i]!),
        ]),
      ),
    };
    const [logged, known] = await Promise.all([
      request.log === false || !scored.isRanked
        ? chosen
        : scores.show(request, requestId, items, deadline),
      attributes.of(items, request.attributes ?? [], deadline),
    ]);
    const shown = logged ?? { ...chosen, degraded: true };
    const degraded =
      [scored, shown, done, none].some((each) => each.degraded) || known === undefined;
    this.counts.recommended += items.length;
    if (degraded) this.counts.degraded++;
    if (shown.rerouted) this.counts.rowsRerouted++;
    return {
      items: items.map((item, i) => ({
        ...{ item, score: shown.scores[i]! },
        ...outcomesAt(shown.predictions, i),
        ...(known && request.attributes ? { attributes: known[i]! } : {}),
      })),
      // What is not logged has no id of ours: an event that names it would be of a slate that nobody knows of.
      requestId: scored.isRanked ? requestId : (request.requestId ?? ''),
      modelVersion: shown.denseVersion,
      degraded,
      ...versionField(shown.settingsVersion),
      ...stages,
      warnings: warnings(items.length, scored.isRanked ? shown.denseVersion : undefined),
    };
  }

  #warningsOn(request: RecommendRequest, candidateCount: number, filtered: number) {
    const { catalog, itemsSubject } = this.#options;
    const facts = { request, itemCount: catalog.size, candidateCount, filtered, itemsSubject };
    return (answered: number, modelVersion?: number): string[] =>
      warningsOf({ ...facts, answered, modelVersion });
  }

  /**
   * Where there is no network yet, nobody who has it, or nobody who answers in time, candidates keep their order: popular, then new
   * ones; an error would be one on a page of the shop. That is not logged, as nothing could be said of the scores, and so
   * teaches nothing; what is clicked on is learned from as an event of its own accord.
   */
  async #scoresOf(
    request: RecommendRequest,
    candidates: readonly string[],
    deadline: Pick<Deadline, 'share'>,
  ): Promise<Scored & { readonly isRanked: boolean }> {
    try {
      const scored = await this.#options.scores.scoreAll(request, candidates, deadline);
      return { ...scored, isRanked: true };
    } catch (error) {
      if (!unranked.includes(codeOf(error))) throw error;
      const scores = new Float32Array(candidates.length);
      const none = { predictions: {}, denseVersion: 0, settingsVersion: 0, rerouted: false };
      return { ...none, scores, degraded: true, isRanked: false };
    }
  }

  /** Degraded where too little is known of the user, or not all items could be looked at in time. */
  async #candidatesFor(
    request: RecommendRequest,
    filter: RequestFilter | undefined,
    deadline: Pick<Deadline, 'share'>,
  ) {
    const { catalog, turns, serving, random, nowMs } = this.#options;
    let filtered = 0;
    const fits = (id: string, row: ItemRow): boolean => {
      const isFit = filter!.fits(id, row);
      if (!isFit) filtered++;
      return isFit;
    };
    const wanted = {
      exclude: new Set(request.exclude.items),
      fits: filter && fits,
      nowMs: nowMs(),
    };
    const { candidatesMax, popularItems, recentItems } = serving;
    const limits = { max: candidatesMax, popular: popularItems, recent: recentItems };
    const named = request.candidates && [...new Set(request.candidates)];
    const { items: candidates, isWhole } = named
      ? { items: named.filter((id) => catalog.offers(id, wanted)), isWhole: true }
      : await turns.run(
          catalog.walk(wanted, { ...limits, start: random() }),
          deadline.share(walkShare, walkMsMax),
        );
    const degraded = !isWhole || filter?.degraded === true;
    if (!filter) return { candidates, degraded, stages: {} };
    const missing = filter.missing.size > 0 ? { missing: Object.fromEntries(filter.missing) } : {};
    const stages = { candidates: candidates.length + filtered, filtered, ...missing };
    return { candidates, degraded, stages: { stages } };
  }
}

function outcomesAt(predictions: Scored['predictions'], i: number) {
  const named = Object.entries(predictions).map(([name, column]) => [name, column[i]!] as const);
  return named.length === 0 ? {} : { outcomes: Object.fromEntries(named) };
}
