import { every, sleep, turn, type Cancel } from '../../core/base/clock.js';
import { codeOf, messageOf } from '../../core/base/errors.js';
import { hopedTypes } from '../../core/blueprint/join-rules.js';
import { featureSpecOf } from '../../core/features/feature-spec.js';
import { lanes } from '../../core/joining/event-facts.js';
import { flatCounters, laneSince } from '../../core/joining/join-counts.js';
import { Popularity } from '../../core/retrieval/popularity.js';
import { asMessage } from '../../messages/checks.js';
import { encode } from '../../messages/codec.js';
import type { WindowAdvance } from '../../messages/events.js';
import { advanceMessage, joinCloseReply } from '../../messages/events.js';
import {
  importStateReply,
  parseImportStateRequest,
  type ImportState,
} from '../../messages/import-records.js';
import { parsePersonRequest, windowPersonReply } from '../../messages/person.js';
import { popularMessage } from '../../messages/ranking.js';
import type { ActorContext } from '../../runtime/actor.js';
import type { Following } from '../../runtime/followers/follow.js';
import { follow } from '../../runtime/followers/follow.js';
import { toldOf } from '../../runtime/long-work.js';
import { ServedEndpoint } from '../../runtime/serve-endpoint.js';
import { requireCurrent } from '../shared/current-configuration.js';
import { deadLetter } from '../shared/dead-letter.js';
import { JoinFlusher } from './join-flusher.js';
import { JoinHousekeeping } from './join-housekeeping.js';
import { JoinReader } from './join-reader.js';
import type { OpenedWindow } from './open-window.js';
import { changeRules, openWindow } from './open-window.js';
import { declareRules } from './rules-in-force.js';
import type { PartitionFigures } from './joiner-stats.js';
import { snapshotOf } from './save-window.js';

const popularHalfLifeMs = 600_000;
const housekeepingMs = 500;
const popularMs = 1_000;
const closePollMs = 5;
/** Windows of days have millions of rows. */
const snapshotMsMax = 30 * 60_000;

/**
 * Joins the impressions of the people of one partition with actions, in event time. Window, consumed sequence and outbox are committed
 * together; only then are the samples published. So after any crash it reads on behind what it has committed and publishes behind the last
 * number the stream has: every impression becomes exactly one sample, or is counted as dropped.
 *
 * What becomes of events follows from their order in JOIN alone; the clock and the end of a stream are records there
 * too. So a partition without its store, on another host or at another joiner, begins with a snapshot, reads JOIN from there, leaves out the
 * samples that the stream has, and goes on.
 */
export class JoinPartition {
  /** Of JOIN. */
  readonly number: number;
  readonly #context: ActorContext;
  readonly #opened: OpenedWindow;
  readonly #popularity = new Popularity(popularHalfLifeMs);
  readonly #reader: JoinReader;
  readonly #flusher: JoinFlusher;
  readonly #housekeeping: JoinHousekeeping;
  #following: Following | undefined;
  readonly #endpoints: ServedEndpoint[] = [];
  #endHousekeeping: Cancel | undefined;
  /** It is to stop: what takes long is given up. */
  #leaving = false;
  #stopping = false;

  private constructor(context: ActorContext, number: number, opened: OpenedWindow) {
    const { outbox, consumed } = opened;
    const { clock, config, log, crash } = context;
    const nowMs = (): number => clock.wallMs();
    this.number = number;
    this.#context = context;
    this.#opened = opened;
    this.#reader = new JoinReader(
      {
        spec: featureSpecOf(config.features, config.lineage),
        get window() {
          return opened.window;
        },
        popularity: this.#popularity,
        hoped: hopedTypes(config),
        bury: async ({ subject: origin, sequence, bytes: content }, error) => {
          await requireCurrent(context, error);
          await deadLetter(context, { origin, sequence, content, error, events: 1 });
        },
        onRead: (sequence) => outbox.windowRead(sequence, opened.window),
        nowMs,
      },
      consumed,
    );
    this.#flusher = new JoinFlusher(
      {
        drain: () => opened.window.drain(),
        commit: (output, through) => outbox.commit(output, through),
        publish: () => outbox.publish(),
        turn: () => turn(clock),
        crash,
      },
      consumed,
    );
    this.#housekeeping = new JoinHousekeeping({
      get window() {
        return opened.window;
      },
      arrivedAtMs: () => this.#reader.arrivedAtMs,
      nowMs,
      latenessMs: config.joining.latenessMs,
      idleMs: config.joining.idleMs,
      advance: (to) => this.#advance(to),
      log,
    });
  }

  /** Resolves when it is at work. */
  static async begin(context: ActorContext, number: number): Promise<JoinPartition> {
    const opened = await openWindow(
      context,
      number,
      featureSpecOf(context.config.features, context.config.lineage),
    );
    const partition = new JoinPartition(context, number, opened);
    await partition.#start();
    return partition;
  }

  async #start(): Promise<void> {
    const { bus, clock, crash, log } = this.#context;
    const { consumed, outbox } = this.#opened;
    const options = {
      stream: bus.names.stream.join,
      filter: bus.names.subject.join(this.number),
    };
    this.#following = await follow(
      bus,
      { ...options, fromSequence: consumed + 1 },
      async (message) => {
        const rows = await this.#reader.read(message);
        // Before the flusher waits: a commit changes what the outbox goes on from.
        const endsCommit = outbox.endsAt(message.sequence);
        await this.#flusher.observed(message.sequence, rows);
        const endsWindow = this.#opened.window.isOver;
        if (endsCommit || endsWindow) await this.#flusher.settled();
        if (endsWindow && !this.#leaving) changeRules(this.#context, this.number, this.#opened);
      },
      crash,
    );
    this.#serve();
    const endHousekeeping = every(clock, housekeepingMs, () => void this.#housekeeping.look());
    const endPopular =
      this.number === 0 ? every(clock, popularMs, () => this.#tellPopular()) : undefined;
    this.#endHousekeeping = () => {
      endHousekeeping();
      endPopular?.();
    };
    const { counters, rules } = this.#opened.window;
    log.info({ partition: this.number, consumed, open: counters.open }, 'window restored');
    await declareRules(this.#context, this.number, rules);
  }

  /** Ends what is in hand; what it has read is in its store, and all that came of it published. */
  async stop(): Promise<void> {
    this.#endHousekeeping?.();
    this.#leaving = true;
    await Promise.all(this.#endpoints.map((endpoint) => endpoint.stop()));
    await this.#following?.stop();
    await this.#flusher.stop();
    this.#stopping = true;
    await this.#opened.store
      .close()
      .catch((error: unknown) =>
        this.#context.log.warn({ code: codeOf(error), err: messageOf(error) }, 'store not closed'),
      );
  }

  figures(): PartitionFigures {
    const { window, outbox } = this.#opened;
    return {
      counters: window.counters,
      consumed: this.#reader.consumed,
      published: this.#flusher.published,
      outboxPending: outbox.pending,
      batchesPublished: outbox.batchesPublished,
      latency: outbox.latency,
      watermarkMs: Number.isFinite(window.watermarkMs) ? window.watermarkMs : null,
    };
  }

  #serve(): void {
    const { bus } = this.#context;
    const { subject } = bus.names;
    this.#endpoints.push(
      new ServedEndpoint(bus, {
        subject: subject.joinControl(this.number),
        inFlightMax: 4,
        deadlineMs: 60_000,
        // Checked though it says nothing: an acknowledgement that strayed here must not end the window.
        handle: async (value) => {
          asMessage(value, 'close');
          return this.#close();
        },
      }),
      new ServedEndpoint(bus, {
        subject: subject.joinImport(this.number),
        inFlightMax: 4,
        deadlineMs: 5_000,
        handle: async (value) => importStateReply(this.#importState(value)),
      }),
      new ServedEndpoint(bus, {
        subject: subject.joinSnapshot(this.number),
        inFlightMax: 1,
        deadlineMs: snapshotMsMax,
        handle: toldOf(bus, (value) => this.#save(value)),
      }),
      new ServedEndpoint(bus, {
        subject: subject.joinPerson(this.number),
        inFlightMax: 4,
        deadlineMs: 60_000,
        handle: (value) => this.#about(value),
      }),
    );
  }

  #importState(value: unknown): ImportState {
    const { window } = this.#opened;
    const { name, owners: asked } = parseImportStateRequest(value);
    const known = window.importOf(name);
    const { imported } = window.counters;
    return {
      position: known?.position,
      consumed: this.#reader.consumed,
      published: this.#flusher.published,
      counters: laneSince(imported, known?.before ?? imported),
      activity: known?.activity,
      toldMsMax: window.toldMsMax,
      owners: (asked?.visitors ?? []).map(
        (visitor) => window.ownerBefore(visitor, asked!.beforeMs) ?? '',
      ),
    };
  }

  /** What came of what it has read is published when it answers. */
  async #about(value: unknown) {
    const person = parsePersonRequest(value);
    await this.#flusher.settled();
    return windowPersonReply(this.#opened.window.about(person));
  }

  #save(value: unknown) {
    const { outbox, store } = this.#opened;
    return snapshotOf(
      {
        ...{ context: this.#context, partition: this.number, store, outbox },
        spec: featureSpecOf(this.#context.config.features, this.#context.config.lineage).hash,
        // Where the watermark is already.
        mark: () =>
          this.#advance({ watermarkMs: this.#opened.window.watermarkMs, lane: lanes.live }),
        isStopping: () => this.#leaving,
      },
      value,
    );
  }

  #tellPopular(): void {
    const { bus, config } = this.#context;
    const items = this.#popularity.top(config.serving.popularItems);
    const notice = popularMessage({ items, sequence: this.#reader.consumed });
    if (items.length > 0) bus.publish(bus.names.subject.popular, encode(notice));
  }

  /** Resolves with the JOIN sequence of the advance, which takes effect when it is read. */
  #advance(to: WindowAdvance): Promise<number> {
    const { bus } = this.#context;
    return bus.append(bus.names.subject.join(this.number), encode(advanceMessage(to)));
  }

  /** End of a stream: no more events will come, so every open impression becomes a negative now. */
  async #close() {
    const sequence = await this.#advance({ watermarkMs: 'end', lane: lanes.live });
    while (this.#reader.consumed < sequence && !this.#stopping)
      await sleep(this.#context.clock, closePollMs);
    await this.#flusher.settled();
    return joinCloseReply({ sequence, ...flatCounters(this.#opened.window.counters) });
  }
}
