import { at } from '../../core/base/columns.js';
import { joinRulesOf } from '../../core/blueprint/join-rules.js';
import type { ClusterConfig } from '../../core/config/schema.js';
import { outcomeMask } from '../../core/joining/types.js';
import { DelayedFeedback, type DelayedRows } from '../../core/model/delayed-feedback.js';
import { calibratedLogit } from '../../core/model/score-calibration.js';
import type { Outcomes } from '../../messages/outcomes.js';

export interface Weighing {
  /** By outcome, whether it is told before its window is over. */
  readonly isEarly: readonly boolean[];
  /** Whether some types of events count for more than others. */
  readonly hasImportance: boolean;
  readonly negativeSamplingRate: number;
}

export function weighingOf(config: ClusterConfig): Weighing {
  return {
    isEarly: joinRulesOf(config).outcomes.map(({ earlyMs }) => earlyMs !== undefined),
    hasImportance: Object.values(config.events).some(({ weight = 1 }) => weight !== 1),
    negativeSamplingRate: config.joining.negativeSamplingRate,
  };
}

/**
 * By how much samples count: as the network learns them, and in what is said of rates, calibration and the figures before the label. The
 * importance of a type of events is of the first alone, so scores stay rates; that some were told early is in both, each by what
 * it believes itself. Negatives that are left out are corrected in neither: that is done where a chance is shown
 * (core/model/calibration.ts), and nowhere else.
 */
export class SampleWeights {
  readonly #outcomes: readonly string[];
  readonly #delayed: DelayedFeedback | undefined;
  readonly #hasImportance: boolean;
  readonly #correction: number;

  constructor(outcomes: readonly string[], weighing: Weighing | undefined) {
    this.#outcomes = outcomes;
    this.#delayed = weighing?.isEarly.includes(true)
      ? new DelayedFeedback(weighing.isEarly)
      : undefined;
    this.#hasImportance = weighing?.hasImportance ?? false;
    this.#correction = Math.log(weighing?.negativeSamplingRate ?? 1);
  }

  /** As they are learned; undefined: as they are. @param logits of the network. */
  weighed(rows: DelayedRows, logits: Float32Array): Float32Array | undefined {
    const delayed = this.#delayed;
    if (!delayed?.concerns(rows)) return undefined;
    return delayed.weigh(rows, (cell) => logits[cell]! + this.#correction);
  }

  /**
   * As rates are made of them. To be called once for each batch that is learned: it counts what came late.
   * @param calibration behind the parameters of the network, of the version that said the logits.
   */
  fair(
    rows: DelayedRows,
    outcomes: Outcomes,
    logits: Float32Array,
    calibration: Float32Array,
  ): Float32Array {
    const { labels, counts } = rows;
    const heads = this.#outcomes.length;
    // Of what was shown any other positive counts once.
    const isWeighty = (i: number): boolean => labels[i] === 1 && counts(Math.floor(i / heads));
    const weights = this.#hasImportance
      ? rows.weights.map((weight, i) => (weight > 0 && isWeighty(i) ? 1 : weight))
      : rows.weights;
    const delayed = this.#delayed;
    if (!delayed?.concerns(rows)) return weights;
    const even = { labels, weights, counts };
    const fair = delayed.weigh(
      even,
      (cell, head) => calibratedLogit(logits[cell]!, calibration, head) + this.#correction,
    );
    delayed.observe(even, (row, head) => {
      const masks = outcomes[this.#outcomes[head]!]?.masks;
      return masks !== undefined && at(masks, row) === outcomeMask.late;
    });
    return fair;
  }
}
