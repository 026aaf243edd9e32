import { codeOf, messageOf } from '../../core/base/errors.js';
import { LatencyHistogram } from '../../core/base/histogram.js';
import type { JoinOutput } from '../../core/joining/types.js';
import { protocolVersion } from '../../messages/codec.js';
import { streamName } from '../../messages/streams.js';
import { subject } from '../../messages/subjects.js';
import type { ActorContext } from '../../runtime/actor.js';
import { appendDurably } from '../../runtime/append-durably.js';
import type { JoinState, JoinStore, OutboxEntry } from '../../runtime/stores/join-store.js';
import { outboxBytes, outboxKind, sampleMessages } from './outbox-codec.js';

/** Carries the outbox number, so that a restarted joiner knows what the stream has already. */
const numberHeader = 'Starling-Outbox';
const retryMs = 1_000;

/** The joiner's way out: committed first, published second, in order, and each once. */
export class JoinOutbox {
  readonly latency = new LatencyHistogram();
  readonly #context: ActorContext;
  readonly #store: JoinStore;
  readonly #options: { readonly specHash: string; readonly rowsMax: number };
  #entries: OutboxEntry[] = [];
  #numberLast = 0;
  #confirmed = 0;
  /** Impressions settled without a sample, as of the last commit. */
  #settledWithout = 0;
  #batchesPublished = 0;

  constructor(
    context: ActorContext,
    store: JoinStore,
    options: { specHash: string; rowsMax: number },
  ) {
    this.#context = context;
    this.#store = store;
    this.#options = options;
  }

  get pending(): number {
    return this.#entries.length;
  }

  get batchesPublished(): number {
    return this.#batchesPublished;
  }

  /** Publishes what a predecessor committed and did not get acknowledged. */
  async restore(state: JoinState): Promise<void> {
    const { bus, identity } = this.#context;
    const last = await bus.lastMessage(streamName.samples, subject.samples(identity.index));
    const published = Number(last?.header(numberHeader) ?? 0);
    this.#numberLast = state.outboxNumberLast;
    this.#entries = state.outbox.filter((entry) => entry.number > published);
    const counters = state.progress?.counters;
    this.#settledWithout = counters ? counters.negativesDropped + counters.lateImpressions : 0;
    await this.publish();
  }

  /** A full disk stops the joiner here, not the process: it tries again until there is room. */
  async commit(output: JoinOutput, consumed: Readonly<Record<string, number>>): Promise<void> {
    const { counters } = output.changes.progress;
    const settledWithout = counters.negativesDropped + counters.lateImpressions;
    const messages = sampleMessages(output.samples, {
      ...this.#options,
      settledWithout: settledWithout - this.#settledWithout,
    });
    this.#settledWithout = settledWithout;
    const added = messages.map((message) => this.#entry(outboxKind.samples, message));
    for (const letter of output.deadLetters)
      added.push(this.#entry(outboxKind.deadLetter, this.#letter(letter)));
    const commit = {
      changes: output.changes,
      consumed,
      outbox: added,
      confirmedThrough: this.#confirmed,
    };
    for (;;) {
      try {
        await this.#store.commit(commit);
        break;
      } catch (error) {
        if (codeOf(error) !== 'STORAGE_FULL') throw error;
        this.#context.log.warn({ err: messageOf(error) }, 'window not stored yet; trying again');
        await new Promise((resolve) => setTimeout(resolve, retryMs));
      }
    }
    this.#entries.push(...added);
  }

  async publish(): Promise<void> {
    const { identity } = this.#context;
    const startMs = performance.now();
    const entries = this.#entries;
    this.#entries = [];
    for (const { number, bytes } of entries) {
      const isSamples = bytes[0] === outboxKind.samples;
      const target = isSamples
        ? subject.samples(identity.index)
        : subject.deadLetter(identity.kind);
      const messageId = `${identity.kind}.${identity.index}.${number}`;
      await appendDurably(this.#context, target, bytes.subarray(1), {
        messageId,
        headers: { [numberHeader]: String(number) },
      });
      if (isSamples) this.#batchesPublished++;
      this.#confirmed = number;
    }
    if (entries.length > 0) this.latency.record(performance.now() - startMs);
  }

  #entry(kind: 0 | 1, message: unknown): OutboxEntry {
    return { number: ++this.#numberLast, bytes: outboxBytes(kind, message) };
  }

  #letter(letter: JoinOutput['deadLetters'][number]) {
    const { code, message, ...content } = letter;
    const { address } = this.#context.identity;
    return {
      v: protocolVersion,
      atMs: Date.now(),
      address,
      origin: 'join',
      events: 1,
      error: { code, message },
      content,
    };
  }
}
