import { trailTimes, trailWidth } from '../../messages/parameters.js';
import type { QueuedBatch } from './batch-queue.js';

/** Freshness records of a step: one per batch, with quantiles of its accept times standing for all of them. */
export function trailOf(group: readonly QueuedBatch[]): Float64Array {
  const trail = new Float64Array(group.length * trailWidth);
  for (const [i, { message, samples }] of group.entries()) {
    const at = i * trailWidth;
    trail[at] = message.sequence;
    trail[at + 1] = samples.resolved;
    const times = samples.acceptedAtMs.filter((time) => time > 0).sort();
    trail[at + 2] = times.length;
    for (let q = 0; q < trailTimes && times.length > 0; q++) {
      trail[at + 3 + q] = times[Math.floor(((q + 0.5) / trailTimes) * times.length)]!;
    }
  }
  return trail;
}
