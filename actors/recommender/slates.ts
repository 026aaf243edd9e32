import { codeOf, type ErrorCode } from '../../core/base/errors.js';
import { chooseSlate } from '../../core/retrieval/slate.js';
import { mainModel } from '../../core/base/model-identity.js';
import type { RecommendRequest } from '../../messages/public.js';
import type { Deadline } from '../../runtime/deadline.js';
import type { ImpressionAppends } from '../shared/impression-appends.js';
import type { CandidateScores, Scored } from './candidate-scores.js';

export interface SlatesOptions {
  readonly scores: Pick<CandidateScores, 'scoreAll' | 'choose' | 'show' | 'fit'>;
  /** Left out: a ranker logs what was chosen, which is a second call. */
  readonly impressions?: Pick<ImpressionAppends, 'offer'> | undefined;
  /** Hears that rankers have too much to do. */
  readonly overloaded?: (() => void) | undefined;
  /** Share of places given to a random candidate. */
  readonly exploration: number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

/** What is shown, best first. */
export interface Slate {
  readonly items: readonly string[];
  /** Of the items. */
  readonly scored: Scored;
  /** False: candidates in their order, of which nothing can be said, nor learned. */
  readonly isRanked: boolean;
  /** Logs it as shown. @returns the scores that it was logged with; undefined where nobody could in time. */
  readonly log: () => Promise<Scored | undefined>;
}

/** Of rankers that have no network yet, where there is no ranker, and where none answers in time. */
const unranked: readonly ErrorCode[] = [
  ...(['NOT_READY', 'NO_RESPONDERS', 'UNAVAILABLE', 'TIMEOUT', 'OVERLOADED'] as const),
];
/** Of a ranker of an earlier release, which can't choose; and of a slate that is too long for an answer. */
const unchosen: readonly ErrorCode[] = ['BAD_MESSAGE', 'PAYLOAD_TOO_LARGE'];

/** From candidates to what is shown. */
export class Slates {
  readonly #options: SlatesOptions;

  constructor(options: SlatesOptions) {
    this.#options = options;
  }

  /**
   * One ranker scores, chooses, and says how the slate is logged, which would cost a second call otherwise. Where there is no
   * network yet, nobody who has it, or nobody who answers in time, candidates keep their order: popular, then new ones; an error
   * would be one on a page of the shop. That is not logged, as nothing could be said of the scores, and so teaches nothing; what
   * is clicked on is learned from as an event of its own accord.
   *
   * @throws StarlingError what a ranker says that no other would.
   */
  async choose(
    request: RecommendRequest,
    requestId: string,
    candidates: readonly string[],
    deadline: Pick<Deadline, 'share'>,
  ): Promise<Slate> {
    try {
      const { scores, impressions } = this.#options;
      const asked = [request, requestId, candidates, deadline] as const;
      return impressions && request.log !== false && scores.fit(candidates)
        ? await this.#chosenThere(impressions, ...asked)
        : await this.#chosenHere(...asked);
    } catch (error) {
      const code = codeOf(error);
      if (!unranked.includes(code)) throw error;
      if (code === 'OVERLOADED') this.#options.overloaded?.();
      return this.#unranked(request, candidates);
    }
  }

  async #chosenThere(
    impressions: Pick<ImpressionAppends, 'offer'>,
    ...asked: Parameters<Slates['choose']>
  ): Promise<Slate> {
    const [request, requestId, candidates, deadline] = asked;
    const { scores, exploration } = this.#options;
    const choice = { k: request.k, exploration };
    try {
      const { slate, ...scored } = await scores.choose(request, requestId, candidates, choice, deadline); // prettier-ignore
      const items = Array.from(slate.rows, (row) => candidates[row]!);
      const { length: count } = items;
      const log = async (): Promise<Scored | undefined> =>
        (await impressions.offer(slate.impressions, count, deadline)) ? scored : undefined;
      return { items, scored, isRanked: true, log };
    } catch (error) {
      if (!unchosen.includes(codeOf(error))) throw error;
      return this.#chosenHere(...asked);
    }
  }

  /** Of more candidates than one ranker scores, or where nothing is logged. */
  async #chosenHere(...asked: Parameters<Slates['choose']>): Promise<Slate> {
    const [request, requestId, candidates, deadline] = asked;
    const { scores } = this.#options;
    const all = await scores.scoreAll(request, candidates, deadline);
    const { items, scored } = this.#best(request, candidates, all);
    const isLogged = request.log !== false;
    const log = async (): Promise<Scored | undefined> =>
      isLogged ? scores.show(request, requestId, items, deadline) : scored;
    return { items, scored, isRanked: true, log };
  }

  #unranked(request: RecommendRequest, candidates: readonly string[]): Slate {
    const scores = new Float32Array(candidates.length);
    const none = {
      predictions: {},
      denseVersion: 0,
      settingsVersion: 0,
      rerouted: false,
      model: mainModel,
    };
    const { items, scored } = this.#best(request, candidates, { ...none, scores, degraded: true });
    return { items, scored, isRanked: false, log: async () => scored };
  }

  #best({ k }: RecommendRequest, candidates: readonly string[], all: Scored) {
    const { exploration, random } = this.#options;
    const slate = chooseSlate({ candidates, scores: all.scores, k, exploration, random });
    const picked = (column: Float32Array) => Float32Array.from(slate, (i) => column[i]!);
    const predictions = Object.fromEntries(
      Object.entries(all.predictions).map(([name, column]) => [name, picked(column)]),
    );
    const scored = { ...all, scores: picked(all.scores), predictions };
    return { items: slate.map((i) => candidates[i]!), scored };
  }
}
