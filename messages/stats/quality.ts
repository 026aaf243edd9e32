import {
  judgedSum,
  judgementOf,
  type JudgedCounts,
  type Judgement,
} from '../../core/model/judged-scores.js';
import { withinUsersOf } from '../../core/model/judged-window.js';
import { actorsOf, type ActorStatus } from '../actor-status.js';

/** How good the model is at one outcome, by what it said of the newest samples before it learned them; of all trainers together. */
export interface ProgressiveQuality extends Judgement {
  readonly outcome: string;
  /** What was shown, as serving scores it; else events of their own accord against items drawn beside them. */
  readonly of: 'shown' | 'organic';
  /** By rows, of the users with both labels; NaN where there are none. */
  readonly withinUserAuc: number;
  /** By weight, what came of what was judged. */
  readonly rate: number;
}

/** By outcome; empty before a trainer has judged anything. */
export function progressiveQuality(actors: readonly ActorStatus[]): ProgressiveQuality[] {
  const trainers = actorsOf(actors, 'trainer');
  return (['shown', 'organic'] as const).flatMap((of) => {
    const told = trainers.map(({ stats }) => stats[of] ?? {});
    const outcomes = [...new Set(told.flatMap((each) => Object.keys(each)))];
    return outcomes.map((outcome) => {
      const counts = told.reduce<JudgedCounts>(
        (sum, each) => judgedSum(sum, each[outcome] ?? {}),
        {},
      );
      return {
        ...{ outcome, of },
        ...judgementOf(counts),
        withinUserAuc: withinUsersOf(counts),
        rate: (counts['happened'] ?? 0) / (counts['weight'] ?? 0),
      };
    });
  });
}

/** By feature, the largest index that a trainer tells; each sees its share of the samples. */
export function featureDrift(actors: readonly ActorStatus[]): ReadonlyMap<string, number> {
  const largest = new Map<string, number>();
  for (const { stats } of actorsOf(actors, 'trainer'))
    for (const [feature, index] of Object.entries(stats.drift ?? {}))
      largest.set(feature, Math.max(index, largest.get(feature) ?? 0));
  return largest;
}
