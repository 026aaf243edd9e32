import { assert } from '../base/assert.js';
import { at } from '../base/columns.js';
import { checkActions, checkImpressions } from './check-batches.js';
import { lanes } from './event-facts.js';
import { EventsInWindow } from './events-in-window.js';
import type { KnownImport } from './imports.js';
import { keyOf } from './kept-rows.js';
import { OffersInWindow } from './offers-in-window.js';
import { PeopleInWindow } from './people-in-window.js';
import { eventsOf } from './person-event.js';
import { RowOutcomes } from './row-outcomes.js';
import type { SentContent } from './sent-contents.js';
import type {
  ActionBatch,
  ColdRows,
  ImportBatch,
  ImpressionBatch,
  JoinCounters,
  JoinOptions,
  JoinOutput,
  PersonInWindow,
  PointerBatch,
  SavedJoin,
  SentRecord,
  ShownBatch,
} from './types.js';
import { WindowParts, laneCount } from './window-parts.js';
import { rulesOf, type RulesInForce } from './window-rules.js';
import { drainState, restoreState, type WindowState } from './window-state.js';

/**
 * What people do, joined: what they were offered with what they did with it, outcome by outcome in event time; what they did of
 * their own accord; visitors who become users; what is to be forgotten (docs/decisions/0028-the-joiner-on-paper.md has the rules, and
 * person-join.testkit.ts is the same as plainly as it can be written). Knows nothing of logs, disks or clocks: whoever
 * drives it feeds batches in log order, advances after each of them, and stores `changes` together with the log position
 * before reading on for good. A window restored from the store goes on as if nothing had happened, and one that is made
 * anew from its log says the same again.
 *
 * Each lane (live, import) has a watermark of its own, its newest event time less the allowed lateness, which closes what has
 * ended; windows end on a multiple of `bucketMs`, so an outcome that nothing happened to is known by that much later at most.
 */
export class JoinWindow {
  readonly #parts: WindowParts;
  readonly #events: EventsInWindow;
  readonly #offers: OffersInWindow;
  readonly #people: PeopleInWindow;
  #rules: RulesInForce;

  /** @param cold where rows beyond `memoryOpenMax` are read from; required if that is set. */
  constructor(options: JoinOptions, cold: ColdRows = { get: () => undefined }) {
    const parts = new WindowParts(options, cold);
    const { outcomes, kept, books, samples, out } = parts;
    const rows = new RowOutcomes(
      { outcomes, negativeRate: options.negativeRate },
      {
        ...{ kept, books, samples },
        tell: (activity) => out.tell(activity),
        onClosed: (row) => this.#offers.closed(row),
      },
    );
    this.#parts = parts;
    this.#rules = { version: options.version ?? 1, rules: rulesOf(options) };
    this.#events = new EventsInWindow(parts, rows);
    this.#offers = new OffersInWindow(parts, rows, this.#events);
    this.#people = new PeopleInWindow(parts, {
      ...{ rows, events: this.#events, offers: this.#offers },
    });
  }

  /** What is observed from now on is in this record of JOIN. */
  reads(sequence: number): void {
    this.#parts.out.reads(sequence);
  }

  /** Of live events. */
  get watermarkMs(): number {
    return this.#parts.lanes[lanes.live]!.watermarkMs;
  }

  /** The newest event time seen of live events; −Infinity before the first. */
  get eventMsMax(): number {
    return this.#parts.lanes[lanes.live]!.eventMsMax;
  }

  /** Events of which it is not known yet whether they follow a slate. */
  get undecided(): number {
    return this.#parts.held.unnamed;
  }

  get counters(): JoinCounters {
    return this.#parts.books.counters(this.#parts.held.size);
  }

  /**
   * Takes up the state a store has kept. Only on a new window. Windows and retention follow its options.
   *
   * Throws CORRUPT on a damaged record, SPEC_MISMATCH if open rows have another shape than the options say.
   */
  restore(saved: SavedJoin): void {
    restoreState(this.#state(), saved);
  }

  /**
   * Goes on counting where another window has come to, which had the same events and more before them.
   *
   * @returns false, having changed nothing, where this one has not the same open impressions and held actions.
   */
  adopt(counters: JoinCounters): boolean {
    const own = this.counters;
    if (counters.open !== own.open || counters.heldActions !== own.heldActions) return false;
    this.#parts.books.adopt(counters);
    return true;
  }

  /** Throws BAD_MESSAGE or SPEC_MISMATCH, having changed nothing, if the batch as a whole is unusable. */
  observeImpressions(batch: ImpressionBatch): void {
    const { slotCount, denseCount } = this.#parts.options;
    checkImpressions(batch, slotCount, denseCount);
    for (let row = 0; row < batch.requestIds.length; row++)
      this.#offers.offered(batch, row, batch.users[row]!);
  }

  /** Throws BAD_MESSAGE, having changed nothing, if the batch as a whole is unusable. */
  observeActions(batch: ActionBatch): void {
    const { slotCount, denseCount } = this.#parts.options;
    checkActions(batch, slotCount, denseCount);
    for (const event of eventsOf(batch)) this.#events.happened(event);
  }

  /**
   * Rows that came before, in whatever piece, are passed over; what comes of the others is the same however they are cut into
   * pieces. Throws BAD_MESSAGE, having changed nothing, as for actions.
   */
  observeImport(batch: ImportBatch): void {
    const { name, through, positions, actions, aliases, watermarkMs, activity } = batch;
    const { options, imports, books } = this.#parts;
    if (actions) checkActions(actions, options.slotCount, options.denseCount);
    const known = imports.get(name)?.position ?? 0;
    imports.reach(name, through, () => ({
      before: { ...books.imported },
      ...(activity === undefined ? {} : { activity }),
    }));
    let next = 0;
    const becomes = (position: number): void => {
      for (; next < aliases.visitors.length && aliases.positions[next]! <= position; next++)
        if (aliases.positions[next]! > known)
          this.#people.becomes(
            aliases.visitors[next]!,
            aliases.users[next]!,
            aliases.atMs[next]!,
            lanes.import,
          );
    };
    (actions ? eventsOf(actions) : []).forEach((event, i) => {
      becomes(positions[i]!);
      if (positions[i]! <= known) {
        books.events.duplicates++;
        return;
      }
      this.#events.happened({ ...event, lane: lanes.import });
      this.advance();
    });
    becomes(Infinity);
    if (watermarkMs !== undefined) this.advance(watermarkMs, lanes.import);
  }

  /** How far an import has come; undefined: nothing of it has. */
  importOf(name: string): KnownImport | undefined {
    return this.#parts.imports.get(name);
  }

  /** Of all that was told of people, the newest event time; −Infinity: nothing was. */
  get toldMsMax(): number {
    return this.#parts.out.toldMsMax;
  }

  /** Who a visitor was before a time, as far as it is known; of several, the last one. */
  ownerBefore(visitor: string, beforeMs: number): string | undefined {
    const { identities } = this.#parts;
    return identities.ownedSinceMs(visitor) < beforeMs ? identities.ownerOf(visitor) : undefined;
  }

  observeShown({ requestIds, items, atMs, lanes: lane }: ShownBatch): void {
    for (let i = 0; i < items.length; i++)
      this.#offers.shown(requestIds[i]!, items[i]!, atMs[i]!, at(lane, i));
  }

  /** Who asks for these impressions by their request finds them elsewhere. */
  observePointers({ requestIds, items, atMs, lanes: lane, partitions }: PointerBatch): void {
    for (let i = 0; i < items.length; i++) {
      const key = keyOf(requestIds[i]!, items[i]!);
      this.#offers.pointed(key, at(partitions, i), atMs[i]!, at(lane, i));
    }
  }

  /**
   * In the partition of the visitor, or of a user whose account is merged into that of another: from now on he is this user. Both as
   * people (person-event.ts).
   *
   * @param atMs when it was accepted, or, of a file, happened; left out: now.
   */
  observeAlias(visitor: string, user: string, atMs = Infinity, lane: number = lanes.live): void {
    this.#people.becomes(visitor, user, atMs, lane);
  }

  /**
   * Rules of a newer configuration: the window that is restored from what is drained next goes by them, and this one is over then.
   * Of an older one, as a process says that stood still, or of other outcomes: they change nothing.
   */
  observeRules({ version, rules }: RulesInForce): void {
    const names = rules.outcomes.map(({ name }) => name).join();
    const isOfThese = names === this.#parts.outcomes.rules.map(({ name }) => name).join();
    if (isOfThese && version > this.#rules.version) this.#rules = { version, rules };
  }

  /** Those of what is read next. */
  get rules(): RulesInForce {
    return this.#rules;
  }

  /** Whether other rules are in force than this window goes by. */
  get isOver(): boolean {
    return this.#rules.version !== (this.#parts.options.version ?? 1);
  }

  /**
   * In every partition: forgotten is all that came before this record, and what comes later but happened, or was
   * accepted, by then. So are those who became him, and, if `isUp`, who he is by now.
   */
  observeErase(said: Omit<Extract<SentContent, { kind: 'erase' }>, 'kind'>): void {
    this.#people.erase(said);
  }

  /** What it has of somebody, under this name. */
  about(person: string): PersonInWindow {
    return this.#people.about(person);
  }

  /** What is delivered again, since whoever sent it was made anew, has been taken. */
  observeSent({ source, number, isTold, bytes }: Omit<SentRecord, 'to'>): void {
    const { contents, progress, books } = this.#parts;
    const content = contents.decode(bytes);
    const { taken } = progress;
    if (number <= (taken.get(source) ?? -1)) return;
    taken.set(source, number);
    switch (content.kind) {
      case 'event':
        books.count('received', content.event);
        return this.#events.happened(content.event, isTold, true);
      case 'offer':
        books.events.received++;
        return this.#offers.offered(contents.unpack(content.packed), 0, content.person, true);
      case 'shown':
        return this.#offers.shown(content.requestId, content.item, content.atMs, content.lane);
      case 'erase':
        return this.#people.erase(content);
      case 'moved':
        return this.#people.arrive(content);
    }
  }

  /**
   * Moves the watermarks to where events have brought them, and that of the lane beyond to `watermarkMs`, and closes what
   * has ended. None goes back. To be called after every batch.
   */
  advance(watermarkMs = -Infinity, lane: number = lanes.live): void {
    assert(watermarkMs < Infinity, 'a watermark is a time; to end a stream use closeAll');
    const { options, lanes: clocks, kept, closed, ids, moved } = this.#parts;
    clocks.forEach((clock, i) => {
      const natural = clock.eventMsMax - options.latenessMs;
      const told = i === lane ? watermarkMs : -Infinity;
      clock.watermarkMs = Math.max(clock.watermarkMs, natural, told);
      this.#closeDue(i, clock.watermarkMs);
      for (const known of [closed, ids, moved]) known.forget(i, clock.watermarkMs);
      kept.forget(i, clock.watermarkMs);
    });
  }

  /**
   * The stream has ended: every window closes now. The watermarks stay, so that a stream which goes on later is not
   * taken for late.
   */
  closeAll(): void {
    for (let lane = 0; lane < laneCount; lane++) this.#closeDue(lane, Infinity);
  }

  /**
   * What has come of the events since the last drain. The changes must be stored before the next drain: from then on
   * rows they hold may exist on disk only.
   */
  drain(): JoinOutput {
    this.advance();
    const { samples, out } = this.#parts;
    const changes = drainState(this.#state());
    return { samples: samples.take(), ...out.take(), changes };
  }

  #closeDue(lane: number, watermarkMs: number): void {
    this.#offers.closeDue(lane, watermarkMs);
    this.#events.closeDue(lane, watermarkMs);
  }

  #state(): WindowState {
    const { outcomes, closed, ids, moved } = this.#parts;
    return {
      ...this.#parts,
      outcomes: outcomes.rules.map(({ name }) => name),
      rules: this.#rules,
      remembered: [closed, ids, moved],
      eventIn: (bytes) => this.#events.decode(bytes),
    };
  }
}
