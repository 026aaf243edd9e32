import type { HistoryShape } from '../base/lineage.js';
import type { ModelSpec } from './network.js';

/**
 * Where histories stand among the slots, and what is told of their events.
 *
 * @param events types of events in the order in which they are numbered.
 */
export function historiesIn(
  shapes: readonly HistoryShape[],
  slots: readonly string[],
  events: readonly string[],
): Pick<ModelSpec, 'histories'> {
  if (shapes.length === 0) return {};
  return {
    histories: shapes.map(({ name, of, length, with: marks }) => ({
      ...{ name, slot: slots.indexOf(name), of: slots.indexOf(of), length },
      events: marks.includes('event') ? events : [],
      ages: marks.includes('secondsAgo'),
    })),
  };
}
