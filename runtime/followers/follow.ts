import { StarlingError, codeOf, messageOf } from '../../core/base/errors.js';
import type { Bus } from '../bus/bus.js';
import type { StreamMessage, TailOptions } from '../bus/logs.js';
import type { Stoppable } from '../stoppable.js';

export type TailingBus = Pick<Bus, 'tail'>;

/**
 * A follower's view of a log: replay what is there, then go on tailing. It knows nothing of what it restores; `apply` is
 * called for one message after the other, and never while it is at work. Who needs snapshots too is a `Follower`.
 */
export interface Following extends Stoppable {
  /** Resolves once all that was in the log at the start has been applied, or is not there any more. */
  readonly caughtUp: Promise<void>;
}

export function follow(
  bus: TailingBus,
  options: TailOptions,
  apply: (message: StreamMessage) => void | Promise<void>,
  onError: (error: unknown) => void,
): Promise<Following> {
  return bus.tail(options, async (message) => {
    try {
      await apply(message);
    } catch (error) {
      // Its code as well: what its actor fails with is what the message failed with.
      const text = `${message.subject} #${message.sequence}: ${messageOf(error)}`;
      onError(new StarlingError(codeOf(error), text, {}, { cause: error }));
    }
  });
}

/** Applies what is in the log now, and ends. */
export async function replay(
  bus: TailingBus,
  options: TailOptions,
  apply: (message: StreamMessage) => void | Promise<void>,
): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    follow(bus, options, apply, reject)
      .then(async (following) => {
        await following.caughtUp;
        await following.stop();
        resolve();
      })
      .catch(reject);
  });
}

/** Applies what is in the log now until `apply` returns false, and ends. */
export async function replayWhile(
  bus: TailingBus,
  options: TailOptions,
  apply: (message: StreamMessage) => boolean,
): Promise<void> {
  let goesOn = true;
  await new Promise<void>((resolve, reject) => {
    let stopEarly: () => void;
    const early = new Promise<void>((end) => (stopEarly = end));
    const applyOne = (message: StreamMessage): void => {
      // What had been sent already when it was enough.
      if (goesOn) goesOn = apply(message);
      if (!goesOn) stopEarly();
    };
    follow(bus, options, applyOne, reject)
      .then(async (following) => {
        await Promise.race([following.caughtUp, early]);
        await following.stop();
        resolve();
      })
      .catch(reject);
  });
}
