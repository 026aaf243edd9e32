import type { Logger } from 'pino';
import { codeOf, messageOf } from '../../core/base/errors.js';
import { decode } from '../../messages/codec.js';
import { impressionCountOf } from '../../messages/events.js';
import type { Bus } from '../../runtime/bus/bus.js';
import type { Deadline } from '../../runtime/deadline.js';
import { inTime } from '../../runtime/time-limit.js';

/** Of the time that is left, and at most, for the log before an answer leaves without it. Too low: a busy log degrades answers; too high: they are late. */
const offeredShare = 3 / 4;
const offeredMsMax = 250;

export interface ImpressionAppendsOptions {
  readonly bus: Pick<Bus, 'names' | 'clock' | 'append'>;
  readonly log: Pick<Logger, 'warn'>;
  readonly timeoutMs: number;
}

/** Impressions on their way into the log: of whoever shows them. */
export class ImpressionAppends {
  readonly #options: ImpressionAppendsOptions;
  readonly counts = { logged: 0, unlogged: 0 };
  #fails = false;

  constructor(options: ImpressionAppendsOptions) {
    this.#options = options;
  }

  /**
   * Resolves when the log has them.
   * @param count of impressions, in all of the messages.
   * @throws StarlingError when it does not take them; messages before the one that it refused are in it, and are learned.
   */
  async write(messages: readonly Uint8Array[], count: number): Promise<void> {
    const { bus, timeoutMs } = this.#options;
    let left = count;
    try {
      for (const [i, bytes] of messages.entries()) {
        const isLast = i === messages.length - 1;
        // Nearly always one has them all, and need not be read.
        const some = isLast ? left : impressionCountOf(decode(bytes));
        await bus.append(bus.names.subject.ingest('impression'), bytes, { timeoutMs });
        this.counts.logged += some;
        left -= some;
      }
      this.#fails = false;
    } catch (error) {
      this.refused(error, left);
      throw error;
    }
  }

  /** @returns whether the log has them by the time that the answer must leave; it may yet take them later. */
  async offer(
    messages: readonly Uint8Array[],
    count: number,
    deadline: Pick<Deadline, 'share'>,
  ): Promise<boolean> {
    const writing = this.write(messages, count).then(
      () => true,
      () => false, // Told by `write`, and by the answer.
    );
    const { clock } = this.#options.bus;
    const ms = deadline.share(offeredShare, offeredMsMax);
    return (await inTime(clock, ms, writing)) ?? false;
  }

  /** Told once, until it works again. */
  refused(error: unknown, count: number): void {
    this.counts.unlogged += count;
    if (!this.#fails)
      this.#options.log.warn(
        { code: codeOf(error), err: messageOf(error) },
        'log refuses impressions',
      );
    this.#fails = true;
  }
}
