import { every, type Cancel } from '../core/base/clock.js';
import { StarlingError } from '../core/base/errors.js';
import type { Fields } from '../messages/checks.js';
import { asMessage } from '../messages/checks.js';
import { decode } from '../messages/codec.js';
import type { Progress } from '../messages/operations.js';
import { operationMessage, parseProgress } from '../messages/operations.js';
import type { OperateVerb } from '../messages/subjects.js';
import type { Bus } from '../runtime/bus/bus.js';
import { call } from '../runtime/idempotent-call.js';

const operationMsMax = 60 * 60_000;
/** The supervisor says every few seconds that it is at it; after so long without a word it is gone. */
const silenceMsMax = 15_000;

/**
 * Has the cluster supervisor do something that takes its time.
 *
 * @param progress called with every step; not with the repetitions that only say that it goes on.
 * @throws StarlingError what the supervisor met, or TIMEOUT when it is not heard of any more.
 */
export async function operate(
  bus: Bus,
  verb: OperateVerb,
  request: object,
  progress: (state: Progress) => void,
): Promise<Fields> {
  const operation = bus.random.id();
  let heardAtMs = bus.clock.nowMs();
  let told = '';
  const subscription = bus.subscribe(bus.names.subject.progress(operation), (bytes) => {
    heardAtMs = bus.clock.nowMs();
    const state = parseProgress(decode(bytes));
    if (state.text !== told) progress(state);
    told = state.text;
  });
  let cancel: Cancel | undefined;
  const silence = new Promise<never>((_resolve, reject) => {
    cancel = every(bus.clock, 1_000, () => {
      if (bus.clock.nowMs() - heardAtMs < silenceMsMax) return;
      const text = `${verb}: the supervisor has not been heard for ${silenceMsMax / 1000} s; see \`starling status\`.`;
      reject(new StarlingError('TIMEOUT', text));
    });
  });
  try {
    const message = operationMessage({ ...request, operation });
    const options = { deadlineMs: operationMsMax, retry: 'none' as const };
    const answer = call(bus, bus.names.subject.operate(verb), message, options);
    return asMessage(await Promise.race([answer, silence]), `${verb} reply`);
  } finally {
    cancel?.();
    await subscription.stop();
  }
}
