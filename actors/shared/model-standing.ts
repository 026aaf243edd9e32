import { parseStandingReply, standingMessage } from '../../messages/ranking.js';
import type { ActorContext } from '../../runtime/actor.js';
import { call } from '../../runtime/idempotent-call.js';

const askMs = 1_000;

/**
 * What the rows of a model know in the own data center, by the word of one of its rankers there.
 *
 * @throws StarlingError where there is none, or it can't tell.
 */
export async function standingOf(
  { bus, identity }: Pick<ActorContext, 'bus' | 'identity'>,
  model: string,
): Promise<number> {
  const subject = bus.names.subject.rankOfAt(identity.dataCenter, model);
  const options = { deadlineMs: askMs, retry: 'none' as const };
  return parseStandingReply(await call(bus, subject, standingMessage(model), options), model);
}
