import type { RawFeatures } from '../core/features/raw-features.js';
import { isFloats, listOf } from '../core/features/vectors.js';
import { featuresRequest, parseFeaturesReply } from '../messages/features.js';
import type { Entity } from '../messages/subjects.js';
import type { Bus } from '../runtime/bus/bus.js';
import { call } from '../runtime/idempotent-call.js';
import { withAdmin } from './cluster-access.js';
import { type Arguments, type Output, durationMs } from './command.js';

const deadlineMsDefault = 5_000;

/** All attributes of an item or a user; null where the cluster was not told of it. */
export async function knownOf(
  bus: Bus,
  entity: Entity,
  id: string,
  deadlineMs = deadlineMsDefault,
): Promise<RawFeatures | null> {
  const [users, items] = entity === 'user' ? [[id], []] : [[], [id]];
  const request = { users, items, attributes: [] };
  const { featuresGet } = bus.names.subject;
  const reply = await call(bus, featuresGet, featuresRequest(request), {
    ...{ deadlineMs, attemptMs: deadlineMs / 2 },
  });
  const { users: foundUsers, items: foundItems } = parseFeaturesReply(reply, request);
  const found = entity === 'user' ? foundUsers[0] : foundItems[0];
  return found ? Object.fromEntries(Object.entries(found).map(listed)) : null;
}

/** A vector is a list to people. */
function listed([name, value]: [string, unknown]): [string, unknown] {
  return [name, isFloats(value) ? listOf(value) : value];
}

/** Prints what is known. @returns whether anything is. */
export async function printKnown(
  args: Arguments,
  entity: Entity,
  id: string,
  out: Output,
): Promise<boolean> {
  const timeout = args.value('timeout');
  const deadlineMs = timeout === undefined ? deadlineMsDefault : durationMs(timeout, 'timeout');
  const attributes = await withAdmin(args, (bus) => knownOf(bus, entity, id, deadlineMs));
  if (out.json) out.document({ [entity]: id, attributes });
  else if (attributes === null) out.line(`there is no ${entity} ${id}`);
  else for (const line of linesOf(attributes)) out.line(line);
  return attributes !== null;
}

function linesOf(attributes: RawFeatures): string[] {
  const all = Object.entries(attributes);
  if (all.length === 0) return ['it is known, and has no attributes'];
  const width = Math.max(...all.map(([name]) => name.length));
  return all.map(([name, value]) => `${name.padEnd(width)}  ${JSON.stringify(value)}`);
}
