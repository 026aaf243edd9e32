import type { Bus } from '../bus/bus.js';
import type { StreamMessage } from '../bus/logs.js';
import { retried } from '../retry-read.js';

/** Set by the server that copies: `<stream> <sequence>`, and more behind it on newer servers. */
const sourceHeader = 'Nats-Stream-Source';

/**
 * The place of a record in the log it was written to, also where it is read from a copy in another data center. A copy of
 * a log that was trimmed before counts from one, so its own sequences say nothing; these are the same everywhere.
 */
export function logSequenceOf(message: Pick<StreamMessage, 'sequence' | 'header'>): number {
  const source = message.header(sourceHeader)?.split(' ')[1];
  return source === undefined ? message.sequence : Number(source);
}

/**
 * The sequence in `stream`, a log or a copy of it, of the record that is at `sequence` in the log: who has it goes on
 * behind. What the stream has lost or not got yet counts as just before its first, or as its last record.
 *
 * Told by the first record that is there, since a copy has all records from there on. Should it have one twice, as where its
 * source began again, the answer is a little too early, and what comes then is known already.
 */
export async function placeInStream(
  bus: Pick<Bus, 'streamState' | 'messageAt' | 'clock' | 'random'>,
  stream: string,
  sequence: number,
): Promise<number> {
  const { firstSequence, lastSequence } = await retried(bus, () => bus.streamState(stream));
  if (lastSequence < firstSequence) return lastSequence;
  const first = await retried(bus, () => bus.messageAt(stream, firstSequence));
  // Trimmed just now: from the beginning, then.
  if (!first) return firstSequence - 1;
  const place = firstSequence + (sequence - logSequenceOf(first));
  return Math.min(lastSequence, Math.max(firstSequence - 1, place));
}
