import type { Fields } from '../messages/checks.js';
import type { Progress } from '../messages/operations.js';
import type { OperateVerb } from '../messages/subjects.js';
import type { Bus } from '../runtime/bus/bus.js';
import { callLong } from '../runtime/long-call.js';

const operationMsMax = 60 * 60_000;

/**
 * Has the cluster supervisor do something that takes its time.
 *
 * @param progress called with every step.
 * @throws StarlingError what the supervisor met, or TIMEOUT when it is not heard of any more.
 */
export function operate(
  bus: Bus,
  verb: OperateVerb,
  request: object,
  progress: (state: Progress) => void,
): Promise<Fields> {
  const name = bus.names.subject.operate(verb);
  return callLong(bus, name, request, { deadlineMs: operationMsMax, progress });
}
