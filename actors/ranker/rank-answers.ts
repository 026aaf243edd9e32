import { assert } from '../../core/base/assert.js';
import { chooseSlate } from '../../core/retrieval/slate.js';
import type { RankBatch } from '../../messages/ranking.js';
import {
  modelField,
  rankBatchReply,
  selectRankBatch,
  versionField,
} from '../../messages/ranking.js';
import type { FeatureSource } from '../shared/feature-source.js';
import type { Deadline } from '../../runtime/deadline.js';
import type { ImpressionLog } from './impression-log.js';
import type { Ranked, Ranking } from './ranking.js';

/** The public form of a request: one user, several candidates. */
export interface RankOfUser {
  readonly user: string;
  readonly candidates: string[];
  readonly context: RankBatch['contexts'][number];
}

/**
 * So long after an item was told to have changed, slates are made with what was known of it before. Too low: who asks waits, as
 * some item was shown a moment ago. Too high: what changes is not seen within a second. A replay is scored with what is known.
 */
const lackMsMax = 500;

export interface RankAnswersOptions {
  readonly ranking: Pick<Ranking, 'rank'>;
  readonly features: Pick<FeatureSource, 'isStranger'>;
  readonly impressions: Pick<ImpressionLog, 'write' | 'offer' | 'messagesOf'>;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly dataCenter: string;
  /** That scores. */
  readonly model: string;
}

/** The two kinds of answer: to recommenders, which may want what they show to be logged, and to people. */
export class RankAnswers {
  readonly #options: RankAnswersOptions;

  constructor(options: RankAnswersOptions) {
    this.#options = options;
  }

  /** @throws StarlingError when what must be logged is not. */
  async toBatch(batch: RankBatch, deadline: Deadline) {
    const { ranking, impressions, dataCenter, model } = this.#options;
    const hurry = batch.log === 'required' ? {} : { lackMsMax };
    const { examplesOf, ...ranked } = await ranking.rank(batch, deadline, hurry);
    const answer = { ...ranked, dataCenter };
    switch (batch.log) {
      case 'none':
        return rankBatchReply(answer, model);
      case 'offered': {
        const isLogged = await impressions.offer(batch, examplesOf(), ranked, deadline);
        return rankBatchReply({ ...answer, degraded: ranked.degraded || !isLogged }, model);
      }
      case 'required':
        await impressions.write(batch, examplesOf(), ranked);
        return rankBatchReply(answer, model);
      case 'chosen':
        return rankBatchReply({ ...answer, ...this.#chosen(batch, examplesOf, ranked) }, model);
    }
  }

  /** What is shown of all that was scored: only that is encoded, with the very features and scores that it was chosen by. */
  #chosen(batch: RankBatch, examplesOf: Ranked['examplesOf'], ranked: Scores) {
    const { impressions, random } = this.#options;
    assert(batch.choose !== undefined, 'a batch of which is chosen says how');
    const { scores, predictions, settingsVersion, denseVersion } = ranked;
    const rows = chooseSlate({ candidates: batch.items, scores, ...batch.choose, random });
    const picked = (column: Float32Array) => Float32Array.from(rows, (row) => column[row]!);
    const scored = {
      ...{ scores: picked(scores), settingsVersion, denseVersion },
      predictions: Object.fromEntries(
        Object.entries(predictions).map(([name, column]) => [name, picked(column)]),
      ),
    };
    const chosen = selectRankBatch(batch, rows);
    const messages = impressions.messagesOf(chosen, examplesOf(rows), scored);
    return { ...scored, slate: { rows: Uint32Array.from(rows), impressions: messages } };
  }

  async toPeople({ user, candidates: items, context }: RankOfUser, deadline: Deadline) {
    const { ranking, features, dataCenter, model } = this.#options;
    const pairs = { users: items.map(() => user), items, contexts: [context] };
    const ranked = await ranking.rank(pairs, deadline);
    const { scores, predictions, denseVersion, degraded, settingsVersion } = ranked;
    const strangers = items.filter((item) => features.isStranger('item', item));
    const named = Object.entries(predictions).map(([name, of]) => [name, Array.from(of)] as const);
    return {
      scores: Array.from(scores),
      ...(named.length > 0 ? { outcomes: Object.fromEntries(named) } : {}),
      modelVersion: denseVersion,
      ...modelField(model),
      ...{ dataCenter, degraded },
      ...versionField(settingsVersion),
      warnings: strangerWarnings(strangers, items.length),
    };
  }
}

type Scores = Pick<Ranked, 'scores' | 'predictions' | 'settingsVersion' | 'denseVersion'>;

/** As many of them are named as a line takes. */
const namedMax = 5;

/** Scored by their ids alone, which may be what is meant, or a misspelt one. */
function strangerWarnings(strangers: readonly string[], count: number): string[] {
  if (strangers.length === 0) return [];
  const more = strangers.length > namedMax ? ', …' : '';
  const named = strangers.slice(0, namedMax).join(', ');
  return [`nothing is known of ${strangers.length} of ${count} candidates: ${named}${more}`];
}
