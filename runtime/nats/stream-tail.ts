import { consumerOpts } from 'nats';
import type { ConsumerOptsBuilder, JetStreamSubscription, JsMsg } from 'nats';
import { every } from '../../core/base/clock.js';
import type { StarlingError } from '../../core/base/errors.js';
import type { StreamMessage, Tail, TailOptions } from '../bus/logs.js';
import type { RetryPolicy } from '../retry.js';
import { pauseMsAfter } from '../retry.js';
import { systemClock } from '../system.js';
import { Backlog } from './backlog.js';
import { isStreamMissing } from './nats-errors.js';
import { JsStreamMessage } from './stream-message.js';
import type { Clients } from './ask-patiently.js';
import { Turns } from '../event-loop-turns.js';

/**
 * Follows a stream in order, whatever becomes of the server that has it. The client makes a new consumer when it misses
 * a heartbeat, but gives up for good when another server answers that the stream is out of reach, as it does for a
 * connection that is away from home. So whoever follows goes on after the last message it was given, as soon as the
 * stream is back.
 */
export interface TailSource {
  /** Patient: tries for a while before it throws. */
  ask<T>(what: string, run: (clients: Clients) => Promise<T>): Promise<T>;
  failure(error: unknown, what: string): StarlingError;
  interrupted(error: StarlingError): void;
  isClosed(): boolean;
}

type Handler = (message: StreamMessage) => void | Promise<void>;

export async function openTail(
  source: TailSource,
  options: TailOptions,
  handler: Handler,
): Promise<Tail> {
  const tail = new ResumingTail(source, options, handler);
  await tail.start();
  return { caughtUp: tail.caughtUp, stop: () => tail.stop() };
}

class ResumingTail {
  readonly #source: TailSource;
  readonly #options: TailOptions;
  readonly #handler: Handler;
  #subscription: JetStreamSubscription | undefined;
  #last: number | undefined;
  readonly #backlog = new Backlog();
  #handledCount = 0;
  #endLooking: () => void = () => undefined;
  #stopped = false;
  #reopening = false;
  #finished: Promise<void> = Promise.resolve();

  constructor(source: TailSource, options: TailOptions, handler: Handler) {
    this.#source = source;
    this.#options = options;
    this.#handler = handler;
  }

  get caughtUp(): Promise<void> {
    return this.#backlog.over;
  }

  async start(): Promise<void> {
    await this.#open();
    this.#finished = this.#run();
    this.#lookOut();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#endLooking();
    this.#subscription?.unsubscribe();
    // An attempt to open it again may take long, and closes what it opens; no handler runs meanwhile.
    if (!this.#reopening) await this.#finished;
  }

  async #run(): Promise<void> {
    for (;;) {
      const error = await this.#handleAll();
      if (error === undefined || this.#isOver) return;
      this.#report(error);
      this.#reopening = true;
      const isOpen = await this.#reopen();
      this.#reopening = false;
      if (!isOpen) return;
    }
  }

  /** @returns whether it is open again; false when it was stopped meanwhile. */
  async #reopen(): Promise<boolean> {
    for (let failures = 1; ; failures++) {
      try {
        await this.#open();
        if (!this.#isOver) return true;
        this.#subscription?.unsubscribe();
        return false;
      } catch (error) {
        if (this.#isOver) return false;
        this.#report(error);
        const pauseMs = pauseMsAfter(failures, reopenPolicy, Math.random());
        await new Promise((resolve) => setTimeout(resolve, pauseMs));
      }
    }
  }

  /** @throws what no waiting can mend. */
  #report(error: unknown): void {
    const failure = this.#source.failure(error, `tail of ${this.#options.stream}`);
    if (failure.code === 'FORBIDDEN' || isStreamMissing(failure.cause)) throw failure;
    this.#source.interrupted(failure);
  }

  get #isOver(): boolean {
    return this.#stopped || this.#source.isClosed();
  }

  #open(): Promise<void> {
    const { stream, filter = '>' } = this.#options;
    return this.#source.ask(`tail of ${stream}`, async ({ jetStream }) => {
      const subscription = await jetStream.subscribe(filter, orderedConsumer(this.#rest()));
      try {
        const info = await subscription.consumerInfo();
        this.#subscription = subscription;
        this.#backlog.told(info, subscription.getPending());
      } catch (error) {
        subscription.unsubscribe();
        throw error;
      }
    });
  }

  /** Until it has caught up: asks what is left where nothing has come since it asked last. */
  #lookOut(): void {
    let handledCount = this.#handledCount;
    let isAsking = false;
    this.#endLooking = every(systemClock, lookMs, () => {
      if (this.#isOver || this.#backlog.isOver) return this.#endLooking();
      const isIdle = handledCount === this.#handledCount;
      handledCount = this.#handledCount;
      if (isAsking || !isIdle || this.#reopening || this.#subscription!.getPending() > 0) return;
      isAsking = true;
      void this.#askWhatIsLeft(this.#subscription!).finally(() => (isAsking = false));
    });
  }

  async #askWhatIsLeft(subscription: JetStreamSubscription): Promise<void> {
    try {
      const info = await subscription.consumerInfo();
      if (subscription === this.#subscription) this.#backlog.told(info, subscription.getPending());
    } catch {
      // It is asked again soon; what becomes of a server that does not answer, the subscription finds out by itself.
    }
  }

  /** What is left to be followed. */
  #rest(): TailOptions {
    if (this.#last === undefined) return this.#options;
    const { stream, filter } = this.#options;
    const fromSequence = this.#last + 1;
    return { stream, ...(filter === undefined ? {} : { filter }), fromSequence };
  }

  /** @returns what ended the subscription; undefined when it was stopped. @throws what the handler throws. */
  async #handleAll(): Promise<unknown> {
    const turns = new Turns(systemClock);
    const subscription = this.#subscription!;
    const isEarly = earlierThan(this.#rest());
    let handling = false;
    try {
      for await (const message of subscription) {
        if (isEarly(message)) {
          subscription.unsubscribe();
          return new Error('it was begun with anew, and from further back');
        }
        handling = true;
        await this.#handler(new JsStreamMessage(message));
        handling = false;
        this.#last = message.seq;
        this.#handledCount++;
        this.#backlog.handled(message.info);
        await turns.give();
      }
      return undefined;
    } catch (error) {
      if (handling) throw error;
      return error ?? new Error('the subscription ended');
    }
  }
}

/**
 * The client makes a new consumer where a server was silent, and for one that had sent nothing yet it asks for the log from its
 * first message on. Gigabytes may be before what is wanted, so it is begun with once more instead of left out.
 */
function earlierThan({
  fromSequence = 0,
  fromTimeMs = 0,
}: TailOptions): (message: JsMsg) => boolean {
  // As it was asked for: in whole milliseconds.
  const fromNanos = Math.floor(fromTimeMs) * 1e6;
  return ({ seq, info }) => seq < fromSequence || info.timestampNanos < fromNanos;
}

/**
 * Too short: many who begin at once keep a server busy that has to look far for the first message of each. Too long: who begins
 * with a log whose rest has gone waits so long.
 */
const lookMs = 1_000;

/** Between attempts that are patient by themselves. */
const reopenPolicy: RetryPolicy = { baseMs: 1_000, capMs: 2_000 };

function orderedConsumer(options: TailOptions): ConsumerOptsBuilder {
  const consumer = consumerOpts();
  consumer.orderedConsumer();
  // A stalled flow-control exchange is mended by the next heartbeat: at the client's default of 5 s it cost 5 s of
  // freshness now and then. Much lower, and a busy event loop looks like a lost server.
  consumer.idleHeartbeat(1_000);
  consumer.bindStream(options.stream);
  if (options.lastPerSubject) consumer.deliverLastPerSubject();
  else if (options.fromTimeMs !== undefined) consumer.startTime(new Date(options.fromTimeMs));
  else if (options.fromSequence !== undefined && options.fromSequence > 1)
    consumer.startSequence(options.fromSequence);
  else consumer.deliverAll();
  return consumer;
}
