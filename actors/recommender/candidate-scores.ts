import { StarlingError, codeOf, errorCodes } from '../../core/base/errors.js';
import { mainModel } from '../../core/base/model-identity.js';
import type { ImpressionFacts } from '../../core/joining/event-facts.js';
import { logs, noFacts } from '../../core/joining/event-facts.js';
import { personIn, type RecommendRequest } from '../../messages/public.js';
import type {
  ChosenSlate,
  ItemPlaces,
  RankBatch,
  RankBatchReply,
  SlateChoice,
} from '../../messages/ranking.js';
import type { Deadline } from '../../runtime/deadline.js';

/** Candidates per rank message. Too few: a ranker that scores them in a moment is asked several times. Too many: it computes too long in one go. */
const rankRowsMax = 8_192;
/** Of the time that is left: candidates are scored within half of it, and the chosen ones logged within most of the rest. */
const scoreShare = 1 / 2;
const logShare = 9 / 10;

export type Scored = Pick<
  RankBatchReply,
  'scores' | 'predictions' | 'denseVersion' | 'rerouted' | 'degraded' | 'settingsVersion' | 'model'
>;

export interface CandidateScoresOptions {
  /** Asks a ranker. */
  readonly rank: (batch: RankBatch, deadlineMs: number) => Promise<RankBatchReply>;
  /** Where items are in the catalog; undefined where one is not there. */
  readonly placesOf?: (items: readonly string[]) => ItemPlaces | undefined;
  /** Candidates per message to a ranker. */
  readonly rowsMax?: number;
  /** For callers who would wait longer. */
  readonly deadlineMsMax: number;
  /** Since 1970. */
  readonly nowMs: () => number;
}

/** A slate that a ranker has chosen. Scores are of what is in it. */
export interface Chosen extends Scored {
  readonly slate: ChosenSlate;
}

/** Scores of rankers: with what is shown and how it is logged, or of all candidates first, and then, as they are logged, of those that are shown. */
export class CandidateScores {
  readonly #options: CandidateScoresOptions;

  constructor(options: CandidateScoresOptions) {
    this.#options = options;
  }

  get #rowsMax(): number {
    return this.#options.rowsMax ?? rankRowsMax;
  }

  /** Whether one ranker can choose among so many. */
  fit(candidates: readonly string[]): boolean {
    return candidates.length <= this.#rowsMax;
  }

  /**
   * @param candidates distinct, as many as fit.
   * @throws StarlingError BAD_MESSAGE where the ranker can't choose; the others of rankers.
   */
  async choose(
    request: RecommendRequest,
    requestId: string,
    candidates: readonly string[],
    choose: SlateChoice,
    deadline: Pick<Deadline, 'share'>,
  ): Promise<Chosen> {
    const { rank, deadlineMsMax, placesOf } = this.#options;
    const batch = {
      ...this.#shown(request, requestId, candidates),
      ...{ log: 'chosen' as const, choose, places: placesOf?.(candidates) },
    };
    const { slate, ...scored } = await rank(batch, deadline.share(scoreShare, deadlineMsMax));
    if (slate) return { ...scored, slate };
    throw new StarlingError('BAD_MESSAGE', 'rank reply.slate: expected what was chosen, got none.');
  }

  async scoreAll(
    request: RecommendRequest,
    candidates: readonly string[],
    deadline: Pick<Deadline, 'share'>,
  ): Promise<Scored> {
    const { rank, deadlineMsMax, placesOf } = this.#options;
    const scores = new Float32Array(candidates.length);
    const predictions: Record<string, Float32Array> = {};
    const starts = Array.from(
      { length: Math.ceil(candidates.length / this.#rowsMax) },
      (_unused, i) => i * this.#rowsMax,
    );
    const deadlineMs = deadline.share(scoreShare, deadlineMsMax);
    const replies = await Promise.all(
      starts.map(async (start) => {
        const items = candidates.slice(start, start + this.#rowsMax);
        const users = items.map(() => personIn(request));
        const none = { requestIds: [], atMs: new Float64Array(0), log: 'none' as const };
        const places = placesOf?.(items);
        const batch = { ...none, facts: noFacts, users, items, places, contexts: [request.context] }; // prettier-ignore
        const reply = await rank(batch, deadlineMs);
        scores.set(reply.scores, start);
        for (const [name, column] of Object.entries(reply.predictions)) {
          const all = (predictions[name] ??= new Float32Array(candidates.length));
          all.set(column, start);
        }
        return reply;
      }),
    );
    return {
      ...{ scores, predictions },
      denseVersion: Math.min(...replies.map(({ denseVersion }) => denseVersion)),
      rerouted: replies.some(({ rerouted }) => rerouted),
      degraded: replies.some(({ degraded }) => degraded),
      settingsVersion: Math.min(...replies.map(({ settingsVersion }) => settingsVersion)),
      model: replies[0]?.model ?? mainModel,
    };
  }

  /**
   * Scored once more as it is logged: the impression then holds the very features and score it was shown with.
   * @returns undefined when no ranker does that in time; the user sees what was chosen all the same.
   */
  async show(
    request: RecommendRequest,
    requestId: string,
    items: readonly string[],
    deadline: Pick<Deadline, 'share'>,
  ): Promise<Scored | undefined> {
    const { rank, deadlineMsMax } = this.#options;
    const batch = { ...this.#shown(request, requestId, items), log: 'offered' as const };
    try {
      return await rank(batch, deadline.share(logShare, deadlineMsMax));
    } catch (error) {
      if (!errorCodes[codeOf(error)].retryable) throw error;
      return undefined;
    }
  }

  #shown(request: RecommendRequest, requestId: string, items: readonly string[]) {
    const person = personIn(request);
    return {
      requestIds: items.map(() => requestId),
      users: items.map(() => person),
      items: [...items],
      atMs: new Float64Array(items.length).fill(this.#options.nowMs()),
      contexts: [request.context],
      facts: factsOf(request),
    };
  }
}

/** Of all rows: the visitor that the user is too, and whether they count from now on or once they are on screen. */
function factsOf({ user, visitor, log }: RecommendRequest): ImpressionFacts {
  const isBoth = user !== undefined && visitor !== undefined;
  if (!isBoth && log !== 'shown') return noFacts;
  return {
    ...noFacts,
    visitors: [isBoth ? visitor : ''],
    logs: Uint8Array.of(log === 'shown' ? logs.shown : logs.all),
  };
}
