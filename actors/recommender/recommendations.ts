import type { ClusterConfig } from '../../core/config/schema.js';
import type { RawFeatures } from '../../core/features/raw-features.js';
import type { Catalog } from '../../core/retrieval/catalog.js';
import type { ItemRow } from '../../core/retrieval/item-row.js';
import { personIn, type RecommendRequest } from '../../messages/public.js';
import { modelField, versionField } from '../../messages/ranking.js';
import type { Deadline } from '../../runtime/deadline.js';
import { warningsOf } from './answer-warnings.js';
import type { LatelyDone } from './lately-done.js';
import type { Scored } from './candidate-scores.js';
import type { ItemFilters, RequestFilter } from './item-filters.js';
import type { ShownAttributes } from './shown-attributes.js';
import { Slates, type SlatesOptions } from './slates.js';
import type { SliceTurns } from './slice-turns.js';

export interface RecommendationsOptions {
  readonly catalog: Pick<Catalog, 'walk' | 'offers' | 'size'>;
  readonly filters: Pick<ItemFilters, 'of'>;
  readonly attributes: Pick<ShownAttributes, 'of'>;
  readonly turns: Pick<SliceTurns, 'run'>;
  /** Since 1970. */
  readonly nowMs: () => number;
  readonly scores: SlatesOptions['scores'];
  readonly impressions?: SlatesOptions['impressions'];
  readonly overloaded?: SlatesOptions['overloaded'];
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
  /** That scored; left out: `main`. */
  readonly model?: string;
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
/** From a request to a slate: candidates, scores, choice, and the scores of what was chosen as it was logged. */
export class Recommendations {
  readonly #options: RecommendationsOptions;
  readonly #slates: Slates;
  /** Rows rerouted: of requests whose rows came from another data center. */
  readonly counts = { recommended: 0, degraded: 0, rowsRerouted: 0 };

  constructor(options: RecommendationsOptions) {
    this.#options = options;
    const { scores, impressions, overloaded, random, serving } = options;
    const { exploration } = serving;
    this.#slates = new Slates({ scores, impressions, overloaded, random, exploration });
  }

  /** @throws StarlingError what a ranker says that no other would. */
  async recommend(
    request: RecommendRequest,
    deadline: Pick<Deadline, 'share'>,
  ): Promise<Recommendation> {
    const { lately, attributes, newId, placed } = this.#options;
    const [found, done] = await Promise.all([
      this.#options.filters
        .of(request, deadline)
        .then((filter) => this.#candidatesFor(request, filter, deadline)),
      lately.itemsOf(request, deadline),
    ]);
    const { stages } = found;
    const candidates =
      done.items.size > 0 ? found.candidates.filter((id) => !done.items.has(id)) : found.candidates;
    const { idempotencyKey = newId() } = request;
    // What nobody logs nobody can answer.
    const requestId =
      request.log === false ? '' : (request.requestId ?? placed(idempotencyKey, personIn(request)));
    // Also where no items are known yet: that is nothing to recommend, and nothing to try again for.
    const none = { items: [], requestId, modelVersion: 0, degraded: found.degraded };
    const { filtered = 0 } = stages.stages ?? {};
    const warnings = this.#warningsOn(request, found.candidates.length, filtered);
    if (candidates.length === 0) return { ...none, ...stages, warnings: warnings(0) };
    const slate = await this.#slates.choose(request, requestId, candidates, deadline);
    const { items, isRanked, scored } = slate;
    const [logged, known] = await Promise.all([
      slate.log(),
      attributes.of(items, request.attributes ?? [], deadline),
    ]);
    const shown = logged ?? { ...scored, degraded: true };
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
      requestId: isRanked ? requestId : (request.requestId ?? ''),
      modelVersion: shown.denseVersion,
      ...modelField(shown.model),
      degraded,
      ...versionField(shown.settingsVersion),
      ...stages,
      warnings: warnings(items.length, isRanked ? shown.denseVersion : undefined),
    };
  }

  #warningsOn(request: RecommendRequest, candidateCount: number, filtered: number) {
    const { catalog, itemsSubject } = this.#options;
    const facts = { request, itemCount: catalog.size, candidateCount, filtered, itemsSubject };
    return (answered: number, modelVersion?: number): string[] =>
      warningsOf({ ...facts, answered, modelVersion });
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
