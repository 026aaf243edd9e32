import { StarlingError } from '../../core/base/errors.js';
import type { ModelBeginning } from '../../messages/model-requests.js';
import type { Bus } from '../../runtime/bus/bus.js';
import type { StreamMessage } from '../../runtime/bus/logs.js';

type Reads = Pick<Bus, 'names' | 'streamState' | 'tail'>;

/**
 * The sequence of SAMPLES that the ledgers of a new model begin behind.
 *
 * @throws StarlingError BAD_REQUEST for a place that SAMPLES does not have, or not any more.
 */
export async function cutOf(beginning: ModelBeginning, bus: Reads): Promise<number> {
  const { firstSequence, lastSequence } = await bus.streamState(bus.names.stream.samples);
  if (beginning === 'now') return lastSequence;
  const cut =
    'after' in beginning
      ? beginning.after
      : ((await firstSince(bus, beginning.sinceMs)) ?? lastSequence + 1) - 1;
  if (Number.isSafeInteger(cut) && cut >= firstSequence - 1 && cut <= lastSequence) return cut;
  const text = `SAMPLES has ${firstSequence} to ${lastSequence}; a model can't begin behind ${cut}.`;
  throw new StarlingError('BAD_REQUEST', text, { field: 'beginning', firstSequence, lastSequence });
}

/** The first record that was stored at that time or later. */
async function firstSince(bus: Reads, sinceMs: number): Promise<number | undefined> {
  let first: StreamMessage | undefined;
  let found: () => void;
  const seen = new Promise<void>((resolve) => (found = resolve));
  const options = { stream: bus.names.stream.samples, fromTimeMs: sinceMs };
  const tail = await bus.tail(options, (message) => {
    first ??= message;
    found();
  });
  await Promise.race([seen, tail.caughtUp]);
  await tail.stop();
  return first?.sequence;
}
