import { at } from '../../core/base/columns.js';
import { hashString } from '../../core/base/hash.js';
import type { Blueprint } from '../../core/blueprint/blueprint.js';
import { selectExamples } from '../../core/features/example-batch.js';
import { lanes, noFacts } from '../../core/joining/event-facts.js';
import { FeatureDrift, type DriftShape } from '../../core/model/feature-drift.js';
import type { JudgedCounts } from '../../core/model/judged-scores.js';
import { JudgedWindow } from '../../core/model/judged-window.js';
import { calibratedLogit } from '../../core/model/score-calibration.js';
import type { Samples } from '../../messages/samples.js';

/** Samples of each outcome that the figures are of. Fewer: chance moves them. More: they show late what has changed. */
const windowRows = 50_000;
/** Any will do. */
const userSeed = 0x51ed270b;

export interface JudgeOptions {
  readonly blueprint: Pick<Blueprint, 'outcomes' | 'values'>;
  readonly drift: DriftShape;
  /** Share of negatives that is kept now: what serving corrects by. */
  readonly negativeSamplingRate: number;
}

/** f32 [rows × heads] each; what the network said of the rows before it learned them. */
export interface SaidOfRows {
  readonly logits: Float32Array;
  readonly labels: Float32Array;
  readonly weights: Float32Array;
  /** Of the same version, behind the parameters of the network. */
  readonly calibration: Float32Array;
}

/**
 * How good the model is, by what it says of samples before it learns them: progressive (prequential) evaluation (Gama et al., 2013).
 * Of what was shown, scores are those that serving would give: calibrated, and corrected for the negatives that are left out.
 * Events of their own accord against items drawn beside them are judged apart, as their rate is one of the draw.
 */
export class ProgressiveJudge {
  readonly #options: JudgeOptions;
  readonly #shown: ReadonlyMap<string, JudgedWindow>;
  readonly #organic: ReadonlyMap<string, JudgedWindow>;
  readonly #drift: FeatureDrift;

  constructor(options: JudgeOptions) {
    const { outcomes, values } = options.blueprint;
    this.#options = options;
    const chances = outcomes.filter((_name, head) => values[head] === undefined);
    const windows = () => new Map(chances.map((name) => [name, new JudgedWindow(windowRows)]));
    [this.#shown, this.#organic] = [windows(), windows()];
    this.#drift = new FeatureDrift(options.drift);
  }

  /** By outcome; those of which nothing was shown yet are left out. */
  get shown(): Readonly<Record<string, JudgedCounts>> {
    return countsOf(this.#shown);
  }

  get organic(): Readonly<Record<string, JudgedCounts>> {
    return countsOf(this.#organic);
  }

  /** By feature, the population stability index. */
  get drift(): Readonly<Record<string, number>> {
    return this.#drift.index;
  }

  observe(samples: Samples, said: SaidOfRows): void {
    const { requestIds, users, facts, sampleRates } = samples;
    const live: number[] = [];
    for (let row = 0; row < requestIds.length; row++) {
      if (facts !== noFacts && at(facts.lanes, row) === lanes.import) continue;
      live.push(row);
      const user = hashString(users[row]!, userSeed);
      if (requestIds[row] === '') this.#judge(this.#organic, row, user, said, undefined);
      else this.#judge(this.#shown, row, user, said, sampleRates[row]);
    }
    const { examples } = samples;
    if (live.length > 0)
      this.#drift.add(
        live.length === requestIds.length ? examples : selectExamples(examples, live),
      );
  }

  /** @param rate by which negatives were kept; undefined: of what was not shown. */
  #judge(
    windows: ReadonlyMap<string, JudgedWindow>,
    row: number,
    user: number,
    { logits, labels, weights, calibration }: SaidOfRows,
    rate: number | undefined,
  ): void {
    const { outcomes } = this.#options.blueprint;
    const heads = outcomes.length;
    const correction = Math.log(this.#options.negativeSamplingRate);
    for (let head = 0; head < heads; head++) {
      const i = row * heads + head;
      const window = windows.get(outcomes[head]!);
      if (!window || !(weights[i]! > 0)) continue;
      const label = labels[i]!;
      if (rate === undefined) window.add(logits[i]!, label, weights[i]!, user);
      else {
        const logit = calibratedLogit(logits[i]!, calibration, head) + correction;
        window.add(logit, label, label === 0 ? 1 / rate : 1, user);
      }
    }
  }
}

function countsOf(
  windows: ReadonlyMap<string, JudgedWindow>,
): Readonly<Record<string, JudgedCounts>> {
  const counts = [...windows].map(([name, window]) => [name, window.counts] as const);
  return Object.fromEntries(counts.filter(([, { weight }]) => weight));
}
