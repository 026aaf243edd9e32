import { StarlingError } from '../../core/base/errors.js';
import { encodeContext } from '../../core/features/origin.js';
import type { ExampleBatch } from '../../core/features/example-batch.js';
import type { EncodedEntity, Transform } from '../../core/features/transform.js';
import type { Scoring } from '../../core/blueprint/scoring.js';
import { scoresOf } from '../../core/blueprint/scoring.js';
import type { SharedSlots } from '../../core/model/row-gather.js';
import type { Scorer } from '../../core/model/scorer.js';
import type { RankBatch } from '../../messages/ranking.js';
import type { Deadline } from '../../runtime/deadline.js';
import type { FeatureSource, FoundFeatures, Hurry } from '../shared/feature-source.js';
import type { DenseFollower } from './dense-follower.js';
import { itemsMax, type KeptScores } from './kept-scores.js';
import type { RowSource } from './row-source.js';

export interface RankingOptions {
  readonly transform: Pick<Transform, 'spec' | 'encodeEntity' | 'assemble' | 'share'>;
  readonly features: Pick<FeatureSource, 'get'>;
  readonly rows: Pick<RowSource, 'find'>;
  readonly versions: Pick<DenseFollower, 'versionFor'>;
  readonly scorer: Pick<Scorer, 'scoreRows'>;
  readonly hedges: Hurry['hedges'];
  /** As of now: settings change it. */
  readonly scoring: () => Scoring;
  /** Undefined where whole rows have to be scored. */
  readonly kept?: (() => Pick<KeptScores, 'score'> | undefined) | undefined;
  /** Of a version, the numbers that are the network's; its calibration is behind them. */
  readonly networkSize: number;
}

export interface Ranked {
  /** As they were scored, of these rows; of all if left out. */
  readonly examplesOf: (rows?: readonly number[]) => ExampleBatch;
  /** What pairs are ordered by: the probability, where there is one outcome. */
  readonly scores: Float32Array;
  /** Of several outcomes, by name. */
  readonly predictions: Readonly<Record<string, Float32Array>>;
  readonly denseVersion: number;
  /** Batches of samples that the rows know. */
  readonly through: number;
  /** Older features, or default rows, stand for some. */
  readonly degraded: boolean;
  readonly rerouted: boolean;
  /** Of the settings that the scores are of; 0: as configured. */
  readonly settingsVersion: number;
}

export type RankPairs = Pick<RankBatch, 'users' | 'items' | 'contexts' | 'places'>;

/** Pairs to scores: features, rows, the network that belongs to the rows. */
export class Ranking {
  readonly #options: RankingOptions;
  /** Rows rerouted: of requests whose rows came from another data center. */
  readonly counts = { scored: 0, degraded: 0, rowsRerouted: 0 };

  constructor(options: RankingOptions) {
    this.#options = options;
  }

  /** @throws StarlingError NOT_READY before the first network has come; TIMEOUT when it is too late for an answer. */
  async rank(
    pairs: RankPairs,
    deadline: Deadline,
    { lackMsMax = 0 }: Pick<Hurry, 'lackMsMax'> = {},
  ): Promise<Ranked> {
    const kept = lackMsMax > 0 && isOfOne(pairs) ? this.#options.kept?.() : undefined;
    const { logits, version, rowCount, ...scored } = kept
      ? await this.#rankKept(kept, pairs, deadline, lackMsMax)
      : await this.#rankWhole(pairs, deadline, lackMsMax);
    const scoring = this.#options.scoring();
    this.counts.scored += rowCount;
    if (scored.degraded) this.counts.degraded++;
    if (scored.rerouted) this.counts.rowsRerouted++;
    const { networkSize } = this.#options;
    return {
      ...scored,
      ...scoresOf(logits, scoring, version.parameters.subarray(networkSize)),
      settingsVersion: scoring.settingsVersion,
      denseVersion: version.denseVersion,
    };
  }

  /** One person's items, by what is kept of them. */
  async #rankKept(
    kept: Pick<KeptScores, 'score'>,
    { users, items, contexts, places }: RankPairs,
    deadline: Deadline,
    lackMsMax: number,
  ) {
    const { transform, hedges } = this.#options;
    const context = encodeContext(transform, contexts[0] ?? {}, 'shown');
    const hurry = { hedges, deadline, lackMsMax };
    const asked = { user: users[0]!, items, places, context, deadline, hurry };
    const { user, items: encoded, ...scored } = await kept.score(asked);
    const examplesOf = (rows: readonly number[] = [...items.keys()]): ExampleBatch =>
      transform.assemble(
        rows.map(() => user),
        rows.map((row) => encoded[row]!),
        rows.map(() => context),
      );
    return { ...scored, examplesOf, rowCount: items.length };
  }

  async #rankWhole(pairs: RankPairs, deadline: Deadline, lackMsMax: number) {
    const { features, rows, versions, scorer, hedges } = this.#options;
    const known = await features.get(pairs.users, pairs.items, { hedges, deadline, lackMsMax });
    const { scored, shared, examplesOf } = this.#examplesOf(known, pairs.contexts);
    const isKept = shared !== undefined && lackMsMax > 0;
    const found = await rows.find(scored, deadline, { isKept });
    // What comes too late is shown to nobody, and must not be logged as if it were.
    deadline.require('rank');
    const version = versions.versionFor(found.through);
    if (!version)
      throw new StarlingError('NOT_READY', 'no dense version has reached this data center yet.');
    const { rowCount, dense } = scored;
    const logits = scorer.scoreRows(
      { rowCount, rows: found.rows, pooling: found.pooling, dense, shared },
      { version: version.denseVersion, values: version.parameters },
    );
    const { through, rerouted } = found;
    const degraded = found.degraded || known.degraded;
    return { logits, version, examplesOf, rowCount, through, rerouted, degraded };
  }

  /** One context may stand for all. What all rows share is there once in what is scored, and is in each row that is logged. */
  #examplesOf({ users, items }: FoundFeatures, contexts: RankPairs['contexts']): Examples {
    const { transform } = this.#options;
    const encoded = contexts.map((each) => encodeContext(transform, each, 'shown'));
    const one = encoded[0] ?? encodeContext(transform, {}, 'shown');
    const contextOf = (row: number): EncodedEntity => (encoded.length > 1 ? encoded[row]! : one);
    const examplesOf = (rows: readonly number[] = [...users.keys()]): ExampleBatch =>
      transform.assemble(
        rows.map((row) => users[row]!),
        rows.map((row) => items[row]!),
        rows.map(contextOf),
      );
    const [user] = users;
    if (encoded.length > 1 || user === undefined || users.some((each) => each !== user))
      return { scored: examplesOf(), shared: undefined, examplesOf };
    const { batch, ...shared } = transform.share({ user, items, context: one });
    return { scored: batch, shared, examplesOf };
  }
}

/** Of one person, in one context; and no more of them than are kept. */
function isOfOne({ users, items, contexts }: RankPairs): boolean {
  const [user] = users;
  return (
    user !== undefined &&
    contexts.length <= 1 &&
    items.length <= itemsMax &&
    users.every((each) => each === user)
  );
}

interface Examples {
  readonly scored: ExampleBatch;
  readonly shared: SharedSlots | undefined;
  readonly examplesOf: Ranked['examplesOf'];
}
