import { sleep } from '../../core/base/clock.js';
import { StarlingError, messageOf } from '../../core/base/errors.js';
import { actorsOf } from '../../messages/actor-status.js';
import {
  parseClusterStatus,
  statusMessage,
  type ClusterStatus,
} from '../../messages/cluster-status.js';
import { encode } from '../../messages/codec.js';
import type { ExampleSpec } from '../../messages/example-columns.js';
import {
  importEnd,
  importMessage,
  importStateRequest,
  noAliases,
  parseImportState,
  type ImportState,
} from '../../messages/import-records.js';
import { appendDurably } from '../../runtime/append-durably.js';
import type { Bus } from '../../runtime/bus/bus.js';
import { isThrough } from '../../runtime/bus/work-queues.js';
import { call } from '../../runtime/idempotent-call.js';
import { AnswerPace } from './answer-pace.js';
import type { EncodedPiece } from './import-pieces.js';
import { LearningPace } from './learning-pace.js';

/** Joiners that were lost come back within seconds, on another host within half a minute. */
const stateDeadline = { deadlineMs: 120_000, attemptMs: 2_000 };
/** Between two looks at how far learning is. Too low: requests for nothing. Too high: it goes on late. */
const lookMs = 40;
/** While less may come in than is learned. */
const waitMsMax = 250;

/** About as often as actors tell how they are. Too low: requests for nothing. Too high: the first who ask wait longer. */
const judgeMs = 250;
const statusDeadline = { deadlineMs: 2_000 };

export interface ImportLaneOptions {
  readonly bus: Bus;
  readonly spec: ExampleSpec;
  readonly name: string;
  /** Of JOIN. */
  readonly partitions: number;
  /** See `serving.p99BudgetMs`. */
  readonly p99BudgetMs: number;
  /** Hears what it waits for. */
  readonly note: (text: string) => void;
}

/** Sent together. */
interface Batch {
  readonly events: number;
  readonly sentMs: number;
  /** By partition, the last record in JOIN, and what it goes up to. */
  readonly sent: ReadonlyMap<number, { readonly sequence: number; readonly through: number }>;
  /** All that comes of it is in SAMPLES up to here, once that is known. */
  samplesThrough?: number;
}

/**
 * The way of an import into JOIN: piece after piece of each partition, so that none is missing before another, and no further ahead of
 * what has been learned than `LearningPace` says.
 */
export class ImportLane {
  readonly pace: LearningPace;
  readonly #answers: AnswerPace;
  #judgedMs = -Infinity;
  #lookedMs = -Infinity;
  /** Requests, and live events, as was heard last. */
  #asked: number | undefined;
  #live: number | undefined;
  /** All of it is there. */
  #isOver = false;
  /** That nothing is known of answers. */
  #isTold = false;
  readonly #options: ImportLaneOptions;
  #batches: Batch[] = [];

  constructor(options: ImportLaneOptions) {
    this.#options = options;
    this.pace = new LearningPace(options.bus.clock.nowMs());
    this.#answers = new AnswerPace(options.p99BudgetMs);
  }

  /** By partition. @throws StarlingError where a joiner can't be reached. */
  states(): Promise<ImportState[]> {
    const { bus, name, partitions } = this.#options;
    return Promise.all(
      Array.from({ length: partitions }, async (_unused, partition) => {
        const subject = bus.names.subject.joinImport(partition);
        return parseImportState(await call(bus, subject, importStateRequest(name), stateDeadline));
      }),
    );
  }

  /** How far it has come by partition, when all that was sent before has been read. */
  async begin(): Promise<ImportState[]> {
    const { bus, partitions, note } = this.#options;
    const { join } = bus.names.stream;
    const lastOf = async (partition: number): Promise<number> =>
      (await bus.lastMessage(join, bus.names.subject.join(partition)))?.sequence ?? 0;
    const ends = await Promise.all(Array.from({ length: partitions }, (_unused, i) => lastOf(i)));
    for (let looks = 1; ; looks++) {
      const states = await this.states();
      const unread = ends.flatMap((end, i) => (states[i]!.consumed < end ? [i] : []));
      if (unread.length === 0) return states;
      if (looks === 50) note('waiting for the joiners to read what is in JOIN');
      // What is not there any more is read by nobody.
      if (looks % 50 === 0) for (const i of unread) ends[i] = Math.min(ends[i]!, await lastOf(i));
      await sleep(bus.clock, lookMs);
    }
  }

  /**
   * Tells all partitions that it begins: what they count from now on is of it.
   *
   * @param activity up to where it knows what was told before; see `KnownImport`.
   */
  open(activity: number | undefined): Promise<void> {
    return this.#tellAll(0, activity === undefined ? {} : { activity });
  }

  /** Nothing more comes, and nothing of it waits for what would be older. */
  async close(watermarkMs: number): Promise<void> {
    await this.#tellAll(importEnd, { watermarkMs });
    await this.settled();
    this.#isOver = true;
  }

  async send(pieces: ReadonlyMap<number, EncodedPiece>, events: number): Promise<void> {
    const sent = new Map<number, { sequence: number; through: number }>();
    const sentMs = this.#options.bus.clock.nowMs();
    this.pace.sent(events);
    this.#answers.sent(events, sentMs);
    await Promise.all(
      [...pieces].map(async ([partition, { records, through }]) => {
        let sequence = 0;
        // One after the other: should one fail, none behind it may be there.
        for (const record of records) sequence = await this.#append(partition, record);
        sent.set(partition, { sequence, through });
      }),
    );
    this.#batches.push({ events, sent, sentMs });
  }

  /** To be sent at once: no more than a quarter of a second of what may come in. */
  get batch(): number {
    return Math.ceil(Math.min(this.pace.batch, this.#answers.cap / 4));
  }

  /** Resolves when so little is ahead of what was learned, and people are answered so soon, that more may be sent. */
  async room(): Promise<void> {
    const { clock } = this.#options.bus;
    for (;;) {
      const waitMs = this.#answers.waitMs(clock.nowMs());
      const hasRoom = this.pace.hasRoom && waitMs <= 0;
      // Who never waits does not hear that somebody has come, or that all has become slower.
      const isDue = clock.nowMs() - this.#lookedMs > waitMsMax;
      if (hasRoom && !isDue) return;
      await this.#look(hasRoom ? 0 : Math.min(waitMsMax, Math.max(lookMs, waitMs)));
      if (hasRoom && this.pace.hasRoom) return;
    }
  }

  /** Resolves when all that was sent is learned. */
  async settled(): Promise<void> {
    while (this.#batches.length > 0) await this.#look();
  }

  async #tellAll(
    through: number,
    said: { readonly watermarkMs?: number; readonly activity?: number },
  ): Promise<void> {
    const { spec, name, partitions } = this.#options;
    const record = encode(
      importMessage(spec, {
        ...{ name, through, positions: new Float64Array(0), actions: undefined },
        ...{ aliases: noAliases, ...said },
      }),
    );
    const piece = { records: [record], through };
    const all = Array.from({ length: partitions }, (_unused, i) => [i, piece] as const);
    await this.send(new Map(all), 0);
  }

  #append(partition: number, bytes: Uint8Array): Promise<number> {
    const { bus, note } = this.#options;
    const messageId = bus.random.id();
    const warn = (_facts: unknown, text?: string): void => note(text ?? '');
    return appendDurably({ bus, log: { warn } }, bus.names.subject.join(partition), bytes, {
      messageId,
    });
  }

  async #hearOfAnswers(): Promise<void> {
    const { bus, note } = this.#options;
    this.#judgedMs = bus.clock.nowMs();
    try {
      const status = await call(bus, bus.names.subject.status, statusMessage(), statusDeadline);
      const heard = parseClusterStatus(status);
      if (this.#isOver) return;
      const nowMs = bus.clock.nowMs();
      const asked = askedIn(heard);
      const live = liveIn(heard);
      // Of the first who ask nobody knows yet how long they wait.
      const p99Ms = slowestOf(heard) ?? (asked > (this.#asked ?? asked) ? 0 : null);
      this.#answers.heard(p99Ms, this.pace.rate, nowMs);
      this.pace.heard(p99Ms !== null || live !== (this.#live ?? live), nowMs);
      this.#asked = asked;
      this.#live = live;
    } catch (error) {
      // It is about how fast, and not about whether.
      if (!this.#isTold && !this.#isOver)
        note(`what answers take is not known: ${messageOf(error)}`);
      this.#isTold = true;
    }
  }

  async #look(waitMs = lookMs): Promise<void> {
    const { bus } = this.#options;
    // Not waited for: the busier the cluster is, the sooner it must be heard.
    if (bus.clock.nowMs() - this.#judgedMs > judgeMs) void this.#hearOfAnswers();
    const { samples } = bus.names.stream;
    if (waitMs > 0) await sleep(bus.clock, waitMs);
    const states = await this.states();
    const { lastSequence } = await bus.streamState(samples);
    const work = await bus.workState(samples, 'trainer');
    const nowMs = bus.clock.nowMs();
    this.#lookedMs = nowMs;
    this.#batches = this.#batches.filter((batch) => {
      if (batch.samplesThrough === undefined && this.#isPublished(batch, states))
        batch.samplesThrough = lastSequence;
      const { samplesThrough } = batch;
      const isLearned = samplesThrough !== undefined && isThrough(work, samplesThrough);
      if (isLearned) this.pace.learned(batch.events, nowMs - batch.sentMs, nowMs);
      return !isLearned;
    });
  }

  /** @throws StarlingError where a joiner could not read it. */
  #isPublished({ sent }: Batch, states: readonly ImportState[]): boolean {
    let isWhole = true;
    for (const [partition, { sequence, through }] of sent) {
      const { published, consumed, position } = states[partition]!;
      if (consumed >= sequence && (position ?? -1) < through)
        throw new StarlingError(
          'SPEC_MISMATCH',
          `the joiner of partition ${partition} could not take record ${sequence} of JOIN; starling dead-letters says why. Give the configuration that the cluster has.`,
          { partition, sequence },
        );
      isWhole &&= published >= sequence;
    }
    return isWhole;
  }
}

/** P99 of those who are slowest to answer the public, milliseconds; null: nobody asked lately. */
function slowestOf({ actors }: ClusterStatus): number | null {
  const all = actorsOf(actors, 'recommender').map(({ stats }) => stats.recommend?.recentP99Ms);
  return all.reduce<number | null>(
    (slowest, each) => (each == null ? slowest : Math.max(slowest ?? 0, each)),
    null,
  );
}

/** Requests that have come; of no meaning but that it grows. */
function askedIn({ actors }: ClusterStatus): number {
  return actorsOf(actors, 'recommender').reduce((sum, { stats: { recommend } }) => {
    return sum + (recommend?.requests ?? 0) + (recommend?.inFlight ?? 0);
  }, 0);
}

/** Events and impressions that are not imported; of no meaning but that it grows. */
function liveIn({ actors }: ClusterStatus): number {
  return actorsOf(actors, 'joiner').reduce((sum, { stats }) => {
    const { impressions = 0, actions = 0, lanes } = stats;
    return sum + impressions + actions - (lanes?.import?.actions ?? 0);
  }, 0);
}
