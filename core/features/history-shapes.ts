import type { HistoryShape } from '../base/lineage.js';
import type { FeatureSpec } from './feature-spec.js';

/** What is remembered of histories after they have changed. */
export function historyShapes({ slots }: Pick<FeatureSpec, 'slots'>): HistoryShape[] {
  return slots.flatMap(({ name, coding }) => {
    if (coding.kind !== 'history') return [];
    const { of, length, with: marks } = coding;
    return [{ name, of, length, with: [...marks] }];
  });
}
