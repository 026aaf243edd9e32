import type { Evidence, Patience } from '../../core/base/lasting.js';
import type { ClusterConfig } from '../../core/config/schema.js';
import { actorsOf, type ActorStatus } from '../../messages/actor-status.js';
import { featureDrift, progressiveQuality } from '../../messages/stats/quality.js';

/** What is found of one thing at one look. */
export interface Finding {
  readonly name: string;
  readonly evidence: Evidence;
  readonly patience: Patience;
  /** For people. */
  readonly text: string;
}

/** Judged rows before calibration is believed: as many as it takes to count in full (core/model/score-calibration.ts). */
const rowsMin = 10_000;
/** And of them, that came: of fewer a rate is chance. */
const happenedMin = 100;
/** Since the last sample that could not be learned. */
const poisonClearMs = 10 * 60_000;
/** Of a bound, below which it is good again. */
const clearShare = 0.7;

type Bounds = Pick<ClusterConfig['training'], 'calibrationMax' | 'driftMax' | 'alarmAfterMs'>;

/** What of the model or its samples may be worth an alarm. Once for each leader, as it counts what has come since the last look. */
export class AlarmJudge {
  readonly #bounds: Bounds;
  /** By trainer: a process that begins anew counts from 0. */
  readonly #refused = new Map<string, number>();

  constructor(bounds: Bounds) {
    this.#bounds = bounds;
  }

  judge(actors: readonly ActorStatus[]): Finding[] {
    return [this.#samples(actors), ...this.#calibrations(actors), ...this.#drifts(actors)];
  }

  #samples(actors: readonly ActorStatus[]): Finding {
    let more = 0;
    for (const { address, stats } of actorsOf(actors, 'trainer')) {
      const { deadLettered } = stats;
      if (deadLettered === undefined) continue;
      const before = this.#refused.get(address) ?? 0;
      more += deadLettered < before ? deadLettered : deadLettered - before;
      this.#refused.set(address, deadLettered);
    }
    return {
      name: 'samples',
      evidence: more > 0 ? 'bad' : 'good',
      patience: { raiseAfterMs: 0, clearAfterMs: poisonClearMs },
      text:
        more > 0
          ? `${more} samples could not be learned; \`starling dead-letters\` has them, and why`
          : 'all samples are learned',
    };
  }

  #calibrations(actors: readonly ActorStatus[]): Finding[] {
    const { calibrationMax, alarmAfterMs } = this.#bounds;
    if (calibrationMax === 0) return [];
    return progressiveQuality(actors)
      .filter(({ of }) => of === 'shown')
      .map(({ outcome, happened, drawn, calibration }) => {
        const isKnown = happened >= happenedMin && happened + drawn >= rowsMin;
        const off = Math.max(calibration, 1 / calibration);
        const bound = 1 + clearShare * (calibrationMax - 1);
        return {
          name: `calibration.${outcome}`,
          evidence: isKnown ? evidenceOf(off, calibrationMax, bound) : undefined,
          patience: { raiseAfterMs: alarmAfterMs, clearAfterMs: alarmAfterMs },
          text: `${outcome} is predicted ${calibration.toFixed(2)} times as often as it comes`,
        };
      });
  }

  #drifts(actors: readonly ActorStatus[]): Finding[] {
    const { driftMax } = this.#bounds;
    if (driftMax === 0) return [];
    return [...featureDrift(actors)].map(([feature, index]) => ({
      name: `drift.${feature}`,
      evidence: evidenceOf(index, driftMax, clearShare * driftMax),
      // The index is of thousands of samples, which is patience enough.
      patience: { raiseAfterMs: 0, clearAfterMs: 0 },
      text: `the values of ${feature} are others than before (stability index ${index.toFixed(2)})`,
    }));
  }
}

function evidenceOf(value: number, badFrom: number, goodTo: number): Evidence {
  if (!Number.isFinite(value)) return undefined;
  return value > badFrom ? 'bad' : value <= goodTo ? 'good' : 'between';
}
