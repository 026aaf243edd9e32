import type { Logger } from 'pino';
import { sleep, type Clock } from '../../core/base/clock.js';
import { codeOf, messageOf } from '../../core/base/errors.js';

export interface UntilRoomOptions {
  readonly clock: Pick<Clock, 'after'>;
  readonly log: Pick<Logger, 'warn'>;
  /** For people: what is not stored yet. */
  readonly what: string;
  readonly isStopped: () => boolean;
  /** Too low: the log fills with the same line. Too high: it goes on late when there is room again. */
  readonly pauseMs: number;
}

/**
 * Writes until there is room: the log keeps what is to be written, and going on without it would lose it.
 * @throws StarlingError what no room would mend.
 */
export async function untilRoom(
  run: () => void | Promise<void>,
  { clock, log, what, isStopped, pauseMs }: UntilRoomOptions,
): Promise<void> {
  while (!isStopped()) {
    try {
      return await run();
    } catch (error) {
      if (codeOf(error) !== 'STORAGE_FULL') throw error;
      const why = { code: codeOf(error), err: messageOf(error) };
      log.warn(why, `${what} not stored yet; trying again`);
      await sleep(clock, pauseMs);
    }
  }
}
