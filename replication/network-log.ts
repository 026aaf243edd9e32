import { StarlingError } from '../core/base/errors.js';
import { decode } from '../messages/codec.js';
import { mainModel } from '../messages/model-name.js';
import { networkPartOf } from '../messages/network-parts.js';
import type { Bus } from '../runtime/bus/bus.js';
import { replay } from '../runtime/followers/follow.js';

/**
 * States of the network in the logs, by the bytes of their parts (messages/network-parts.ts). In DENSE the last part is the state: it is
 * written when all others are, names them by their place, and is the one that the stream refuses of a shard that is over. So parts that
 * nobody names are of nothing.
 */
export interface StoredState {
  /** Of the last part. */
  readonly sequence: number;
  readonly parts: readonly Uint8Array[];
}

type ReadingBus = Pick<Bus, 'names' | 'lastMessage' | 'messageAt'>;

/**
 * @returns undefined where there is none yet.
 * @throws StarlingError CORRUPT where a part is gone.
 */
export async function newestState(
  bus: ReadingBus,
  model = mainModel,
): Promise<StoredState | undefined> {
  const { stream, subject } = bus.names;
  const last = await bus.lastMessage(stream.dense, subject.denseState(model));
  if (!last) return undefined;
  const { sequences } = networkPartOf(decode(last.bytes));
  const before: Uint8Array[] = [];
  for (const sequence of sequences) {
    const found = await bus.messageAt(stream.dense, sequence);
    if (!found) {
      const text = `record ${sequence} of ${stream.dense} is gone, a part of the network that record ${last.sequence} ends.`;
      throw new StarlingError('CORRUPT', text, { sequence });
    }
    before.push(found.bytes);
  }
  return { sequence: last.sequence, parts: [...before, last.bytes] };
}

/**
 * A network that was kept beside the rows.
 * @param wanted of the place of the last part of one; the last one that is wanted is taken.
 */
export async function keptState(
  bus: Pick<Bus, 'names' | 'tail'>,
  wanted: (sequence: number, isFirst: boolean) => boolean,
  model = mainModel,
): Promise<readonly Uint8Array[] | undefined> {
  const { stream, subject } = bus.names;
  let found: readonly Uint8Array[] | undefined;
  let parts: Uint8Array[] = [];
  const options = { stream: stream.deltas, filter: subject.deltaDense(model) };
  await replay(bus, options, ({ bytes, sequence }) => {
    const { part, last } = networkPartOf(decode(bytes));
    // Whoever wrote those before has died over it, or they were trimmed.
    if (part !== parts.length) parts = [];
    if (part !== parts.length) return;
    parts.push(bytes);
    if (!last) return;
    if (wanted(sequence, found === undefined)) found = parts;
    parts = [];
  });
  return found;
}
