import { StarlingError } from '../../core/base/errors.js';
import { encodeContext } from '../../core/features/origin.js';
import type { ExampleBatch } from '../../core/features/example-batch.js';
import type { EncodedEntity, Transform } from '../../core/features/transform.js';
import type { Scoring } from '../../core/blueprint/scoring.js';
import { scoresOf } from '../../core/blueprint/scoring.js';
import type { Scorer } from '../../core/model/scorer.js';
import type { RankBatch } from '../../messages/ranking.js';
import type { Deadline } from '../../runtime/deadline.js';
import type { FeatureSource, Hurry } from '../shared/feature-source.js';
import type { DenseFollower } from './dense-follower.js';
import type { RowSource } from './row-source.js';

export interface RankingOptions {
  readonly transform: Pick<Transform, 'spec' | 'encodeEntity' | 'assemble'>;
  readonly features: Pick<FeatureSource, 'get'>;
  readonly rows: Pick<RowSource, 'pooledRows'>;
  readonly versions: Pick<DenseFollower, 'versionFor'>;
  readonly scorer: Pick<Scorer, 'score'>;
  readonly hedges: Hurry['hedges'];
  /** As of now: settings change it. */
  readonly scoring: () => Scoring;
  /** Of a version, the numbers that are the network's; its calibration is behind them. */
  readonly networkSize: number;
}

export interface Ranked {
  readonly examples: ExampleBatch;
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

export type RankPairs = Pick<RankBatch, 'users' | 'items' | 'contexts'>;

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
    const { features, rows, versions, scorer, hedges, networkSize } = this.#options;
    const known = await features.get(pairs.users, pairs.items, { hedges, deadline, lackMsMax });
    const examples = this.#examplesOf(known.users, known.items, pairs.contexts);
    const found = await rows.pooledRows(examples, deadline);
    // What comes too late is shown to nobody, and must not be logged as if it were.
    deadline.require('rank');
    const version = versions.versionFor(found.through);
    if (!version)
      throw new StarlingError('NOT_READY', 'no dense version has reached this data center yet.');
    const logits = scorer.score(
      { rowCount: examples.rowCount, pooled: found.pooled, dense: examples.dense },
      { version: version.denseVersion, values: version.parameters },
    );
    const scoring = this.#options.scoring();
    const degraded = found.degraded || known.degraded;
    this.counts.scored += examples.rowCount;
    if (degraded) this.counts.degraded++;
    if (found.rerouted) this.counts.rowsRerouted++;
    return {
      examples,
      ...scoresOf(logits, scoring, version.parameters.subarray(networkSize)),
      settingsVersion: scoring.settingsVersion,
      denseVersion: version.denseVersion,
      through: found.through,
      degraded,
      rerouted: found.rerouted,
    };
  }

  /** One context may stand for all. */
  #examplesOf(
    users: readonly EncodedEntity[],
    items: readonly EncodedEntity[],
    contexts: RankPairs['contexts'],
  ): ExampleBatch {
    const { transform } = this.#options;
    const encoded = contexts.map((each) => encodeContext(transform, each, 'shown'));
    if (encoded.length > 1) return transform.assemble(users, items, encoded);
    const one = encoded[0] ?? encodeContext(transform, {}, 'shown');
    return transform.assemble(
      users,
      items,
      users.map(() => one),
    );
  }
}
