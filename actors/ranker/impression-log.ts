import type { ExampleBatch } from '../../core/features/example-batch.js';
import { mainModel } from '../../core/base/model-identity.js';
import { encode } from '../../messages/codec.js';
import { impressionsMessage, selectImpressions } from '../../messages/events.js';
import { factsOf } from '../../core/joining/event-facts.js';
import type { RankBatch, RankBatchReply } from '../../messages/ranking.js';
import type { Bus } from '../../runtime/bus/bus.js';
import type { Deadline } from '../../runtime/deadline.js';
import type { IgnoredImpressions } from '../shared/ignored-impressions.js';
import { ImpressionAppends, type ImpressionAppendsOptions } from '../shared/impression-appends.js';
import { fittingMessages } from '../../runtime/fitting-messages.js';

export type LoggedScores = Pick<
  RankBatchReply,
  'scores' | 'predictions' | 'settingsVersion' | 'denseVersion'
>;

export interface ImpressionLogOptions extends ImpressionAppendsOptions {
  readonly bus: Pick<Bus, 'names' | 'clock' | 'append' | 'payloadBytesMax'>;
  readonly spec: Parameters<typeof impressionsMessage>[0];
  /** That scores; left out: `main`, which impressions do not name. */
  readonly model?: string;
  /** Left out: all count. */
  readonly ignored?: Pick<IgnoredImpressions, 'factsOf'>;
}

/** What was shown, with the features and the score it was shown with: what a label is later joined to. */
export class ImpressionLog {
  readonly #options: ImpressionLogOptions;
  readonly #appends: ImpressionAppends;

  constructor(options: ImpressionLogOptions) {
    this.#options = options;
    this.#appends = new ImpressionAppends(options);
  }

  get counts(): ImpressionAppends['counts'] {
    return this.#appends.counts;
  }

  /** As they go into the log. A large slate, or one of items with vectors, is more than one message. */
  messagesOf(batch: RankBatch, examples: ExampleBatch, scored: LoggedScores): Uint8Array[] {
    const { bus, spec, ignored, model = mainModel } = this.#options;
    const { requestIds, users, items, atMs } = batch;
    const { scores, predictions, settingsVersion, denseVersion } = scored;
    const marked = ignored?.factsOf(batch) ?? batch.facts;
    const told = {
      ...marked,
      ...(settingsVersion === 0 ? {} : { settingsVersions: Uint32Array.of(settingsVersion) }),
      ...(model === mainModel
        ? {}
        : { models: [model], denseVersions: Float64Array.of(denseVersion) }),
    };
    const facts = factsOf(told, { ...batch.facts.predictions, ...predictions });
    const rows = { requestIds, users, items, atMs, scores, facts, examples };
    return fittingMessages([...users.keys()], {
      payloadBytesMax: bus.payloadBytesMax,
      encoded: (some) => {
        const isAll = some.length === users.length;
        return encode(impressionsMessage(spec, isAll ? rows : selectImpressions(rows, some)));
      },
    });
  }

  /** Resolves when the log has them. @throws StarlingError when it does not take them. */
  async write(batch: RankBatch, examples: ExampleBatch, scored: LoggedScores): Promise<void> {
    await this.#appends.write(this.#messages(batch, examples, scored), batch.users.length);
  }

  /** @returns whether the log has them by the time that the answer must leave; it may yet take them later. */
  async offer(
    batch: RankBatch,
    examples: ExampleBatch,
    scored: LoggedScores,
    deadline: Pick<Deadline, 'share'>,
  ): Promise<boolean> {
    const messages = this.#messages(batch, examples, scored);
    return this.#appends.offer(messages, batch.users.length, deadline);
  }

  #messages(batch: RankBatch, examples: ExampleBatch, scored: LoggedScores): Uint8Array[] {
    try {
      return this.messagesOf(batch, examples, scored);
    } catch (error) {
      this.#appends.refused(error, batch.users.length);
      throw error;
    }
  }
}
