import { every, type Cancel } from '../core/base/clock.js';
import { StarlingError } from '../core/base/errors.js';
import type { Fields } from '../messages/checks.js';
import { asMessage } from '../messages/checks.js';
import { decode } from '../messages/codec.js';
import type { Progress } from '../messages/operations.js';
import { operationMessage, parseProgress } from '../messages/operations.js';
import type { Bus } from './bus/bus.js';
import { call, type CallingBus } from './idempotent-call.js';

/** Who works on it says so every few seconds (long-work.ts). Shorter: ways between data centers may be cut for as long. */
const silenceMsMax = 15_000;

export type LongCallingBus = CallingBus & Pick<Bus, 'names' | 'subscribe'>;

export interface LongCallOptions {
  readonly deadlineMs: number;
  /** With every step; not with the repetitions that only say that it goes on. */
  readonly progress?: (state: Progress) => void;
}

/**
 * Has somebody do something that takes its time, minutes or more. A request that is lost, an answer that is lost, and who dies
 * while he works on it are noticed by his silence, not by the deadline. It is asked for once: it may be done, or go on, after
 * this has thrown.
 *
 * @param request gets an `operation` of its own, under which its progress is told.
 * @throws StarlingError what was met, or TIMEOUT when nobody is heard of any more.
 */
export async function callLong(
  bus: LongCallingBus,
  subject: string,
  request: object,
  { deadlineMs, progress = () => undefined }: LongCallOptions,
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
      const text = `${subject}: who works on it has not been heard for ${silenceMsMax / 1000} s; see \`starling status\`.`;
      reject(new StarlingError('TIMEOUT', text));
    });
  });
  try {
    const message = operationMessage({ ...request, operation });
    const answer = call(bus, subject, message, { deadlineMs, retry: 'none' });
    return asMessage(await Promise.race([answer, silence]), `reply of ${subject}`);
  } finally {
    cancel?.();
    await subscription.stop();
  }
}
