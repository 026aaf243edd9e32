import { batchIdOf } from '../../core/base/batch-id.js';
import type { Trail } from '../../messages/trail.js';
import { TrailWriter } from '../../messages/trail.js';
import type { QueuedBatch } from './batch-queue.js';

/** Of the log of samples: there is one. */
const samplesLog = 0;

export function batchIdOfMessage({ message }: Pick<QueuedBatch, 'message'>): number {
  return batchIdOf(samplesLog, message.sequence);
}

/** What a step means for freshness. */
export function trailOf(group: readonly QueuedBatch[]): Trail | undefined {
  const writer = new TrailWriter();
  for (const batch of group) writer.add(batchIdOfMessage(batch), batch.samples);
  return writer.take();
}
