import type { Logger } from 'pino';
import { codeOf, messageOf } from '../../core/base/errors.js';
import type { ExampleBatch } from '../../core/features/example-batch.js';
import { encode } from '../../messages/codec.js';
import { impressionsMessage, selectImpressions } from '../../messages/events.js';
import { factsOf } from '../../core/joining/event-facts.js';
import type { RankBatch, RankBatchReply } from '../../messages/ranking.js';
import type { Bus } from '../../runtime/bus/bus.js';
import type { Deadline } from '../../runtime/deadline.js';
import type { IgnoredImpressions } from '../shared/ignored-impressions.js';
import { sendFitting } from '../../runtime/fitting-messages.js';
import { inTime } from '../../runtime/time-limit.js';

/** Of the time that is left, and at most, for the log before an answer leaves without it. Too low: a busy log degrades answers; too high: they are late. */
const offeredShare = 3 / 4;
const offeredMsMax = 250;

export type LoggedScores = Pick<RankBatchReply, 'scores' | 'predictions' | 'settingsVersion'>;

export interface ImpressionLogOptions {
  readonly bus: Pick<Bus, 'names' | 'clock' | 'append' | 'payloadBytesMax'>;
  readonly log: Pick<Logger, 'warn'>;
  readonly spec: Parameters<typeof impressionsMessage>[0];
  readonly timeoutMs: number;
  /** Left out: all count. */
  readonly ignored?: Pick<IgnoredImpressions, 'factsOf'>;
}

/** What was shown, with the features and the score it was shown with: what a label is later joined to. */
export class ImpressionLog {
  readonly #options: ImpressionLogOptions;
  readonly counts = { logged: 0, unlogged: 0 };
  #fails = false;

  constructor(options: ImpressionLogOptions) {
    this.#options = options;
  }

  /** Resolves when the log has them. @throws StarlingError when it does not take them. */
  async write(batch: RankBatch, examples: ExampleBatch, scored: LoggedScores): Promise<void> {
    const { bus, log, spec, timeoutMs, ignored } = this.#options;
    const { requestIds, users, items, atMs } = batch;
    const { scores, predictions, settingsVersion } = scored;
    const marked = ignored?.factsOf(batch) ?? batch.facts;
    const told =
      settingsVersion === 0
        ? marked
        : { ...marked, settingsVersions: Uint32Array.of(settingsVersion) };
    const facts = factsOf(told, { ...batch.facts.predictions, ...predictions });
    const rows = { requestIds, users, items, atMs, scores, facts, examples };
    const { payloadBytesMax } = bus;
    try {
      // A large slate, or one of items with vectors, is more than one message.
      await sendFitting([...users.keys()], {
        payloadBytesMax,
        encoded: (some) => {
          const isAll = some.length === users.length;
          return encode(impressionsMessage(spec, isAll ? rows : selectImpressions(rows, some)));
        },
        send: async (bytes) =>
          void (await bus.append(bus.names.subject.ingest('impression'), bytes, { timeoutMs })),
      });
      this.counts.logged += users.length;
      this.#fails = false;
    } catch (error) {
      this.counts.unlogged += users.length;
      if (!this.#fails)
        log.warn({ code: codeOf(error), err: messageOf(error) }, 'log refuses impressions');
      this.#fails = true;
      throw error;
    }
  }

  /** @returns whether the log has them by the time that the answer must leave; it may yet take them later. */
  async offer(
    batch: RankBatch,
    examples: ExampleBatch,
    scored: LoggedScores,
    deadline: Pick<Deadline, 'share'>,
  ): Promise<boolean> {
    const writing = this.write(batch, examples, scored).then(
      () => true,
      () => false, // Told by `write`, and by the answer.
    );
    const { clock } = this.#options.bus;
    const ms = deadline.share(offeredShare, offeredMsMax);
    return (await inTime(clock, ms, writing)) ?? false;
  }
}
