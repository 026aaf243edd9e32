import { sleep } from '../../core/base/clock.js';
import type { StarlingError } from '../../core/base/errors.js';
import { codeOf, messageOf } from '../../core/base/errors.js';
import { LatencyHistogram } from '../../core/base/histogram.js';
import { settledOf, sumOf } from '../../core/joining/join-counts.js';
import type { JoinWindow } from '../../core/joining/join-window.js';
import type { JoinCounters, JoinOutput, SentRecord } from '../../core/joining/types.js';
import { activityMessage } from '../../messages/activity.js';
import type { DeadLetters } from '../../messages/dead-letters.js';
import { deadLettersMessage } from '../../messages/dead-letters.js';
import type { ExampleSpec } from '../../messages/example-columns.js';
import { decode, encode } from '../../messages/codec.js';
import { header } from '../../messages/headers.js';
import { fenced } from '../../messages/ownership.js';
import { sentMessage } from '../../messages/join-records.js';
import { countersOf } from '../../messages/samples.js';
import type { ActorContext } from '../../runtime/actor.js';
import { appendDurably } from '../../runtime/append-durably.js';
import { fitsInto, fittingMessages } from '../../runtime/fitting-messages.js';
import type { StreamMessage } from '../../runtime/bus/logs.js';
import type { JoinState, JoinStore, OutboxEntry } from '../../runtime/stores/join-store.js';
import { outboxBytes, outboxKind, readOutbox, sampleMessages } from './outbox-codec.js';
import type { SamplePosition } from './sample-position.js';
import { positionHeaders, positionOf } from './sample-position.js';

/** Too many: a message that is too long. Too few: a window full of them is as many messages. */
const lettersPerMessage = 512;
/** Of what one partition tells another. Too many: a record that is more than half a message. Too few: each costs a message. */
const sentBytesMax = 256 * 1024;
/**
 * Of what people did, in one message. Too few: a joiner that is behind waits for an acknowledgement each, one after the other, before its
 * samples may go. Too many: who keeps it answers nobody while he takes it in.
 */
const activityRowsMax = 2_048;
const retryMs = 1_000;

/** What the stream has of the samples of a partition. */
export interface PublishedSamples {
  /** Stream sequence of the last message; 0: there is none. */
  readonly sequence: number;
  readonly number: number;
  /** Undefined where there is none. */
  readonly position: SamplePosition | undefined;
  /** At that position; undefined where it does not say. */
  readonly counters: JoinCounters | undefined;
}

export async function publishedSamples(
  { bus }: Pick<ActorContext, 'bus'>,
  partition: number,
): Promise<PublishedSamples> {
  const last = await bus.lastMessage(
    bus.names.stream.samples,
    bus.names.subject.samples(partition),
  );
  return {
    sequence: last?.sequence ?? 0,
    number: last ? numberOf(last) : 0,
    position: last && positionOf(last),
    counters: last && countersOf(decode(last.bytes)),
  };
}

function numberOf(message: StreamMessage): number {
  return Number(message.header(header.outboxNumber) ?? 0);
}

/** Impressions that are settled, beyond the rows of samples; less than 0 where many rows are of no impression. */
function settledWithoutIn(counters: JoinCounters): number {
  const { lateImpressions, ignoredImpressions, passedIn, samples } = counters;
  return settledOf(counters) - passedIn + lateImpressions + ignoredImpressions - samples;
}

export interface OutboxOptions {
  /** Of JOIN. */
  readonly partition: number;
  readonly spec: ExampleSpec;
  readonly rowsMax: number;
}

/**
 * The joiner's way out: committed first, published second, in order, and each once. Every message names the one before
 * it, so that the stream itself refuses a joiner that another life of it has taken over from.
 */
export class JoinOutbox {
  readonly latency = new LatencyHistogram();
  readonly #context: ActorContext;
  readonly #store: JoinStore;
  readonly #options: OutboxOptions;
  #entries: OutboxEntry[] = [];
  #numberLast = 0;
  #confirmed = 0;
  /** Of the last message of samples in the stream. */
  #sequence = 0;
  /** JOIN sequence of the last commit. */
  #committed = 0;
  /** Set while a window is made anew: what the stream has already. */
  #there: SamplePosition | undefined;
  /** What the window that published it had counted by then. */
  #thereCounters: JoinCounters | undefined;
  /** Impressions settled without a sample, as of the last commit. */
  #settledWithout = 0;
  #batchesPublished = 0;

  constructor(context: ActorContext, store: JoinStore, options: OutboxOptions) {
    this.#context = context;
    this.#store = store;
    this.#options = options;
  }

  get pending(): number {
    return this.#entries.length;
  }

  /** JOIN sequence of the last commit. */
  get committed(): number {
    return this.#committed;
  }

  /** Whether all of this store's entries up to here are where they belong. */
  hasPublished(number: number): boolean {
    return this.#confirmed >= number;
  }

  get batchesPublished(): number {
    return this.#batchesPublished;
  }

  /**
   * Goes on behind what a predecessor has published.
   * @param state of the store: empty, or as a snapshot has it, where the window is made anew.
   */
  async restore(state: JoinState, published: PublishedSamples): Promise<void> {
    this.#sequence = published.sequence;
    this.#numberLast = state.outboxNumberLast;
    this.#committed = state.consumed['join'] ?? 0;
    const counters = state.progress?.counters;
    this.#settledWithout = counters ? settledWithoutIn(counters) : 0;
    this.#confirmed = this.#numberLast;
    if (published.position && published.position.window !== this.#store.window) {
      this.#there = published.position;
      // A snapshot has counted all that came before it.
      if (!counters) this.#thereCounters = published.counters;
      return;
    }
    this.#entries = state.outbox.filter((entry) => entry.number > published.number);
    this.#confirmed -= this.#entries.length;
    await this.publish();
  }

  /**
   * Whether a commit must end with this JOIN record: where a window is made anew, what the stream has already is told
   * apart at the ends of the commit that was published last.
   */
  endsAt(sequence: number): boolean {
    return sequence === this.#there?.from || sequence === this.#there?.to;
  }

  /**
   * To be called when the window has read a record, before anything comes of it. A window that is made anew from a log that
   * has lost its beginning has not counted what was there: at the end of what was published it goes on with those counters.
   */
  windowRead(sequence: number, window: Pick<JoinWindow, 'counters' | 'adopt'>): void {
    const published = this.#thereCounters;
    if (!published || !this.#there || sequence < this.#there.to) return;
    this.#thereCounters = undefined;
    const own = window.counters;
    // Behind it: of what was published the log has nothing left, and this record is the first that was read.
    const counters = sequence === this.#there.to ? published : sumOf(published, own);
    if (!window.adopt(counters)) {
      const open = { open: own.open, published: published.open };
      this.#context.log.warn(open, 'the window made anew is another one; it counts from here');
      return;
    }
    this.#settledWithout += settledWithoutIn(counters) - settledWithoutIn(own);
  }

  /** A full disk stops the joiner here, not the process: it tries again until there is room. */
  async commit(output: JoinOutput, consumed: number): Promise<void> {
    const added = this.#entriesOf(output, consumed);
    const commit = {
      changes: output.changes,
      consumed: { join: consumed },
      outbox: added,
      spec: this.#options.spec.hash,
      confirmedThrough: this.#confirmed,
    };
    for (;;) {
      try {
        await this.#store.commit(commit);
        break;
      } catch (error) {
        if (codeOf(error) !== 'STORAGE_FULL') throw error;
        this.#context.log.warn({ err: messageOf(error) }, 'window not stored yet; trying again');
        await sleep(this.#context.clock, retryMs);
      }
    }
    this.#committed = consumed;
    this.#entries.push(...added);
  }

  /** @throws StarlingError FENCED when another joiner, or another life of this one, has published since. */
  async publish(): Promise<void> {
    const { clock } = this.#context;
    const startMs = clock.nowMs();
    const entries = this.#entries;
    this.#entries = [];
    for (const entry of entries) {
      await this.#publishOne(entry);
      this.#confirmed = entry.number;
    }
    if (entries.length > 0) this.latency.record(clock.nowMs() - startMs);
  }

  async #publishOne({ number, bytes }: OutboxEntry): Promise<void> {
    const { bus, identity } = this.#context;
    const { partition } = this.#options;
    const { kind, position, body } = readOutbox(bytes, this.#store.window);
    const messageId = `${identity.kind}.${partition}.${this.#store.window}.${number}`;
    if (kind === outboxKind.deadLetter) {
      await appendDurably(this.#context, bus.names.subject.deadLetter(identity.kind), body, {
        messageId,
      });
      return;
    }
    if (kind === outboxKind.activity) {
      await appendDurably(this.#context, bus.names.subject.activity(partition), body, {
        messageId,
      });
      return;
    }
    if (kind === outboxKind.sent) {
      await appendDurably(this.#context, bus.names.subject.join(position.rows), body, {
        messageId,
      });
      return;
    }
    try {
      this.#sequence = await appendDurably(
        this.#context,
        bus.names.subject.samples(partition),
        body,
        {
          messageId,
          headers: { [header.outboxNumber]: String(number), ...positionHeaders(position) },
          after: { stream: bus.names.stream.samples, sequence: this.#sequence },
        },
      );
    } catch (error) {
      throw codeOf(error) === 'CONFLICT' ? this.#fenced(error) : error;
    }
    this.#batchesPublished++;
  }

  #entriesOf(output: JoinOutput, to: number): OutboxEntry[] {
    const { counters } = output.changes.progress;
    const settledWithout = settledWithoutIn(counters);
    const fresh = settledWithout - this.#settledWithout;
    this.#settledWithout = settledWithout;
    const skip = this.#skip(output.samples.items.length, to);
    if (skip === 'all') return [];
    const place = { window: this.#store.window, from: this.#committed, to };
    const options = { ...this.#options, settledWithout: fresh, skip, place, counters };
    // Before the samples of the commit: where those are in the stream this is on its way too. What somebody did as a visitor
    // is told before another partition hears who he is.
    const whole = { ...place, rows: 0, complete: true };
    const added = this.#activityMessages(output.activity).map((body) =>
      this.#entry(outboxBytes(outboxKind.activity, whole, body)),
    );
    for (const { to: partition, records } of this.#sentMessages(output.sent))
      added.push(
        this.#entry(
          outboxBytes(
            outboxKind.sent,
            { ...place, rows: partition, complete: true },
            encode(sentMessage(this.#options.spec, records)),
          ),
        ),
      );
    for (const { message, position } of sampleMessages(output.samples, options))
      added.push(this.#entry(outboxBytes(outboxKind.samples, position, encode(message))));
    const { deadLetters } = output;
    for (let start = 0; start < deadLetters.length; start += lettersPerMessage) {
      for (const message of this.#letterMessages(
        deadLetters.slice(start, start + lettersPerMessage),
      ))
        added.push(this.#entry(outboxBytes(outboxKind.deadLetter, whole, message)));
    }
    return added;
  }

  #activityMessages(activity: JoinOutput['activity']): Uint8Array[] {
    const { partition: source } = this.#options;
    const { payloadBytesMax } = this.#context.bus;
    const encoded = (rows: JoinOutput['activity']) => encode(activityMessage({ source, rows }));
    const messages: Uint8Array[] = [];
    for (let start = 0; start < activity.length; start += activityRowsMax) {
      const rows = activity.slice(start, start + activityRowsMax);
      messages.push(...fittingMessages(rows, { payloadBytesMax, encoded }));
    }
    return messages;
  }

  /** By partition, in order. */
  #sentMessages(sent: JoinOutput['sent']) {
    const messages: { to: number; records: SentRecord[]; bytes: number }[] = [];
    const newest = new Map<number, (typeof messages)[number]>();
    for (const record of sent) {
      const { to, bytes } = record;
      const open = newest.get(to);
      if (open && open.bytes + bytes.length <= sentBytesMax) {
        open.records.push(record);
        open.bytes += bytes.length;
      } else {
        const message = { to, records: [record], bytes: bytes.length };
        newest.set(to, message);
        messages.push(message);
      }
    }
    return messages;
  }

  /** One, or more where events are so large that it would not fit. */
  #letterMessages(buried: JoinOutput['deadLetters']): Uint8Array[] {
    const message = encode(deadLettersMessage(this.#letters(buried)));
    const { payloadBytesMax } = this.#context.bus;
    if (buried.length <= 1 || fitsInto(payloadBytesMax, message)) return [message];
    const half = buried.length >> 1;
    return [buried.slice(0, half), buried.slice(half)].flatMap((part) =>
      this.#letterMessages(part),
    );
  }

  /** How many of a commit's samples the stream has already; `all`: and what else came of it. */
  #skip(count: number, to: number): number | 'all' {
    const there = this.#there;
    if (!there) return 0;
    if (to >= there.to) this.#there = undefined;
    if (to <= there.from || (there.complete && to <= there.to)) return 'all';
    if (to > there.to) return 0;
    // The commit that was published in part may come in several here.
    const skip = Math.min(count, there.rows);
    if (this.#there) this.#there = { ...there, rows: there.rows - skip };
    return skip;
  }

  #entry(bytes: Uint8Array): OutboxEntry {
    return { number: ++this.#numberLast, bytes };
  }

  #letters(buried: JoinOutput['deadLetters']): DeadLetters {
    const { clock, identity } = this.#context;
    const { address } = identity;
    return {
      atMs: clock.wallMs(),
      address,
      origin: 'join',
      sequence: 0,
      letters: buried.map(({ code, message, ...content }) => ({
        ...{ code, message, events: 1, content },
      })),
    };
  }

  #fenced(cause: unknown): StarlingError {
    const { address, epoch } = this.#context.identity;
    return fenced(
      `somebody else has published samples of partition ${this.#options.partition} since.`,
      {
        address,
        epoch,
        cause: messageOf(cause),
      },
    );
  }
}
