import { assert } from '../base/assert.js';
import { at } from '../base/columns.js';
import { checkActions, checkImpressions } from './check-batches.js';
import { lanes, logs } from './event-facts.js';
import { EventIds } from './event-ids.js';
import { HeldEvents, type HeldPlace } from './held-events.js';
import { Identities } from './identities.js';
import { Imports, type KnownImport } from './imports.js';
import { JoinBooks } from './join-books.js';
import { KeptRows, keyOf } from './kept-rows.js';
import { OpenRow, packRow } from './open-rows.js';
import { OutcomeSet, type TypeMeaning } from './outcome-rules.js';
import { PeopleInWindow } from './people-in-window.js';
import type { PersonEvent } from './person-event.js';
import { decodeEvent, eventsOf } from './person-event.js';
import { RememberedKeys } from './remembered-keys.js';
import { RowOutcomes } from './row-outcomes.js';
import { SampleBuilder } from './sample-builder.js';
import type { SentContent } from './sent-contents.js';
import { SentContents } from './sent-contents.js';
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
import type { Unjoined } from './window-output.js';
import { WindowOutput } from './window-output.js';
import { rulesOf, type RulesInForce } from './window-rules.js';
import { drainState, restoreState } from './window-state.js';

export interface LaneClock {
  watermarkMs: number;
  eventMsMax: number;
}

const laneCount = Object.keys(lanes).length;
/** Of a closed row: somebody has said so. */
const dismissed = 1;

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
  readonly #options: JoinOptions;
  readonly #outcomes: OutcomeSet;
  readonly #books: JoinBooks;
  readonly #kept: KeptRows;
  readonly #held: HeldEvents;
  /** Rows of which nothing came; of rows, where they went. */
  readonly #closed: RememberedKeys;
  readonly #moved: RememberedKeys;
  readonly #ids: EventIds;
  readonly #identities = new Identities();
  readonly #imports = new Imports();
  readonly #samples: SampleBuilder;
  readonly #rows: RowOutcomes;
  readonly #contents: SentContents;
  readonly #lanes: readonly LaneClock[];
  readonly #keepMs: number;
  readonly #progress = { numberNext: 1, taken: new Map<number, number>() };
  readonly #out: WindowOutput;
  readonly #people: PeopleInWindow;
  #rules: RulesInForce;

  /** @param cold where rows beyond `memoryOpenMax` are read from; required if that is set. */
  constructor(options: JoinOptions, cold: ColdRows = { get: () => undefined }) {
    const { latenessMs, negativeRate, copiesMs, slotCount, denseCount } = options;
    assert(latenessMs >= 0, 'the lateness is not negative');
    assert(options.organicWaitMs <= latenessMs, 'nobody waits longer than the lateness');
    assert(negativeRate >= 0 && negativeRate <= 1, 'the negative rate is within 0 … 1');
    const outcomes = new OutcomeSet(options);
    // 256 buckets per window: a negative is at most 0.4 % of the window later than it could be.
    const bucketMs = options.bucketMs ?? Math.max(1, outcomes.windowMsMin / 256);
    const { memoryOpenMax = Infinity } = options;
    this.#options = options;
    this.#rules = { version: options.version ?? 1, rules: rulesOf(options) };
    this.#outcomes = outcomes;
    // What has waited elsewhere comes as late as that.
    const behindMsMax = outcomes.windowMsMax + latenessMs;
    this.#keepMs = 2 * behindMsMax + copiesMs;
    this.#books = new JoinBooks(outcomes.rules);
    this.#kept = new KeptRows(
      { outcomes, bucketMs, lanes: laneCount, memoryOpenMax, slotCount, denseCount },
      cold,
    );
    this.#held = new HeldEvents(bucketMs, laneCount);
    this.#closed = new RememberedKeys(bucketMs, laneCount);
    this.#moved = new RememberedKeys(bucketMs, laneCount);
    const apartMsMax = this.#keepMs - behindMsMax;
    this.#ids = new EventIds({ apartMsMax, behindMsMax, bucketMs, lanes: laneCount });
    const names = outcomes.rules.map(({ name }) => name);
    this.#samples = new SampleBuilder(names, slotCount, denseCount);
    this.#contents = new SentContents(slotCount, denseCount);
    this.#out = new WindowOutput({
      ...{ partition: options.partition, tells: options.tells, contents: this.#contents },
      nextNumber: () => this.#books.events.sent++,
    });
    this.#rows = new RowOutcomes(
      { outcomes, negativeRate },
      {
        kept: this.#kept,
        books: this.#books,
        samples: this.#samples,
        tell: (activity) => this.#out.tell(activity),
        onClosed: (row) => this.#closedRow(row),
      },
    );
    this.#people = new PeopleInWindow(options, {
      ...{ identities: this.#identities, books: this.#books, kept: this.#kept, held: this.#held },
      ...{ closed: this.#closed, moved: this.#moved, contents: this.#contents, out: this.#out },
      ...{ rows: this.#rows, keepMs: this.#keepMs },
      admit: (row) => this.#admit(row),
      closedRow: (row) => this.#closedRow(row),
      pass: (to, event) => this.#pass(to, event, true),
    });
    this.#lanes = Array.from({ length: laneCount }, () => ({
      ...{ watermarkMs: -Infinity, eventMsMax: -Infinity },
    }));
  }

  /** What is observed from now on is in this record of JOIN. */
  reads(sequence: number): void {
    this.#out.reads(sequence);
  }

  /** Of live events. */
  get watermarkMs(): number {
    return this.#lanes[lanes.live]!.watermarkMs;
  }

  /** The newest event time seen of live events; −Infinity before the first. */
  get eventMsMax(): number {
    return this.#lanes[lanes.live]!.eventMsMax;
  }

  /** Events of which it is not known yet whether they follow a slate. */
  get undecided(): number {
    return this.#held.unnamed;
  }

  get counters(): JoinCounters {
    return this.#books.counters(this.#held.size);
  }

  /**
   * Takes up the state a store has kept. Only on a new window. Windows and retention follow its options.
   *
   * Throws CORRUPT on a damaged record, SPEC_MISMATCH if open rows have another shape than the options say.
   */
  restore(saved: SavedJoin): void {
    restoreState(this.#parts(), saved);
  }

  /**
   * Goes on counting where another window has come to, which had the same events and more before them.
   *
   * @returns false, having changed nothing, where this one has not the same open impressions and held actions.
   */
  adopt(counters: JoinCounters): boolean {
    const own = this.counters;
    if (counters.open !== own.open || counters.heldActions !== own.heldActions) return false;
    this.#books.adopt(counters);
    return true;
  }

  /** Throws BAD_MESSAGE or SPEC_MISMATCH, having changed nothing, if the batch as a whole is unusable. */
  observeImpressions(batch: ImpressionBatch): void {
    checkImpressions(batch, this.#options.slotCount, this.#options.denseCount);
    for (let row = 0; row < batch.requestIds.length; row++)
      this.#offered(batch, row, batch.users[row]!);
  }

  /** Throws BAD_MESSAGE, having changed nothing, if the batch as a whole is unusable. */
  observeActions(batch: ActionBatch): void {
    checkActions(batch, this.#options.slotCount, this.#options.denseCount);
    for (const event of eventsOf(batch)) this.#happened(event);
  }

  /**
   * Rows that came before, in whatever piece, are passed over; what comes of the others is the same however they are cut into
   * pieces. Throws BAD_MESSAGE, having changed nothing, as for actions.
   */
  observeImport({ name, through, positions, actions, aliases, watermarkMs }: ImportBatch): void {
    if (actions) checkActions(actions, this.#options.slotCount, this.#options.denseCount);
    const known = this.#imports.get(name)?.position ?? 0;
    this.#imports.reach(name, through, () => ({ ...this.#books.imported }));
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
        this.#books.events.duplicates++;
        return;
      }
      this.#happened({ ...event, lane: lanes.import });
      this.advance();
    });
    becomes(Infinity);
    if (watermarkMs !== undefined) this.advance(watermarkMs, lanes.import);
  }

  /** How far an import has come; undefined: nothing of it has. */
  importOf(name: string): KnownImport | undefined {
    return this.#imports.get(name);
  }

  observeShown({ requestIds, items, atMs, lanes: lane }: ShownBatch): void {
    for (let i = 0; i < items.length; i++)
      this.#shown(requestIds[i]!, items[i]!, atMs[i]!, at(lane, i));
  }

  /** Who asks for these impressions by their request finds them elsewhere. */
  observePointers({ requestIds, items, atMs, lanes: lane, partitions }: PointerBatch): void {
    for (let i = 0; i < items.length; i++) {
      const key = keyOf(requestIds[i]!, items[i]!);
      const to = at(partitions, i);
      // It may have gone there itself, and further since.
      if (this.#kept.get(key) || this.#closed.has(key) || this.#moved.has(key)) continue;
      this.#moved.set(key, to, at(lane, i), atMs[i]! + this.#keepMs);
      for (const held of [...this.#held.waitingFor(key, '')]) {
        this.#held.release(held);
        this.#pass(to, held.event, held.event.person !== '');
      }
    }
  }

  /**
   * Rules of a newer configuration: the window that is restored from what is drained next goes by them, and this one is over then.
   * Of an older one, as a process says that stood still, or of other outcomes: they change nothing.
   */
  observeRules({ version, rules }: RulesInForce): void {
    const names = rules.outcomes.map(({ name }) => name).join();
    const isOfThese = names === this.#outcomes.rules.map(({ name }) => name).join();
    if (isOfThese && version > this.#rules.version) this.#rules = { version, rules };
  }

  /** Those of what is read next. */
  get rules(): RulesInForce {
    return this.#rules;
  }

  /** Whether other rules are in force than this window goes by. */
  get isOver(): boolean {
    return this.#rules.version !== (this.#options.version ?? 1);
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
    const content = this.#contents.decode(bytes);
    const { taken } = this.#progress;
    if (number <= (taken.get(source) ?? -1)) return;
    taken.set(source, number);
    if (content.kind === 'event') this.#books.count('received', content.event);
    if (content.kind === 'offer') this.#books.events.received++;
    switch (content.kind) {
      case 'event':
        return this.#happened(content.event, isTold, true);
      case 'offer':
        return this.#offered(this.#contents.unpack(content.packed), 0, content.person, true);
      case 'shown':
        return this.#shown(content.requestId, content.item, content.atMs, content.lane);
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
    this.#lanes.forEach((clock, i) => {
      const natural = clock.eventMsMax - this.#options.latenessMs;
      const told = i === lane ? watermarkMs : -Infinity;
      clock.watermarkMs = Math.max(clock.watermarkMs, natural, told);
      this.#closeDue(i, clock.watermarkMs);
      for (const known of [this.#closed, this.#ids, this.#moved])
        known.forget(i, clock.watermarkMs);
      this.#kept.forget(i, clock.watermarkMs);
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
    const changes = drainState(this.#parts());
    return { samples: this.#samples.take(), ...this.#out.take(), changes };
  }

  #parts() {
    return {
      outcomes: this.#outcomes.rules.map(({ name }) => name),
      rules: this.#rules,
      ...{ books: this.#books, kept: this.#kept, held: this.#held, identities: this.#identities },
      imports: this.#imports,
      ...{ remembered: [this.#closed, this.#ids, this.#moved], lanes: this.#lanes },
      ...{ progress: this.#progress, keepMs: this.#keepMs },
      eventIn: (bytes: Uint8Array) => this.#eventIn(bytes),
    };
  }

  /** @param isSent by the partition that has looked for copies of it. */
  #offered(batch: ImpressionBatch, row: number, person: string, isSent = false): void {
    const { homeOf, latenessMs } = this.#options;
    const requestId = batch.requestIds[row]!;
    const item = batch.items[row]!;
    const sinceMs = batch.atMs[row]!;
    const key = keyOf(requestId, item);
    const lane = at(batch.facts.lanes, row);
    const { events, outcomes } = this.#books;
    if (isSent) this.#moved.delete(key, lane);
    if (this.#kept.get(key) || this.#closed.has(key) || this.#moved.has(key)) {
      events.duplicates++;
      return;
    }
    const clock = this.#lanes[lane]!;
    if (at(batch.facts.logs, row) === logs.ignored) {
      events.impressions++;
      events.ignoredImpressions++;
      clock.eventMsMax = Math.max(clock.eventMsMax, sinceMs);
      // Copies of it are known by it.
      return this.#closed.set(key, 0, lane, sinceMs + this.#keepMs);
    }
    if (this.#identities.isForgotten(person, sinceMs)) {
      events.impressions++;
      for (const counts of outcomes) counts.erased++;
      clock.eventMsMax = Math.max(clock.eventMsMax, sinceMs);
      return this.#closed.set(key, 0, lane, sinceMs + this.#keepMs);
    }
    const owner = this.#identities.ownerOf(person);
    if (owner !== undefined) {
      const to = homeOf(owner);
      events.passedImpressions++;
      // Whoever comes next under this name is somebody else, perhaps; this was offered to him.
      this.#moved.set(key, to, lane, sinceMs + this.#keepMs);
      return this.#out.send(to, { kind: 'offer', person: owner, packed: packRow(batch, row) });
    }
    events.impressions++;
    const lateMs = clock.watermarkMs - sinceMs - this.#outcomes.windowMsMax - latenessMs;
    if (lateMs > 0) {
      events.lateImpressions++;
      return this.#out.buryImpression({ requestId, item, atMs: sinceMs }, lateMs);
    }
    clock.eventMsMax = Math.max(clock.eventMsMax, sinceMs);
    for (const counts of outcomes) counts.open++;
    const isShown = at(batch.facts.logs, row) === logs.all;
    const { all: open } = this.#outcomes;
    const state = { lane, person, sinceMs, isShown, open, reached: 0, values: undefined };
    const offered = new OpenRow({ key, requestId, item }, state, batch, row);
    if (isShown) this.#rows.tellShown(offered);
    this.#admit(offered);
  }

  #admit(row: OpenRow): void {
    this.#kept.add(row, row.sinceMs + this.#keepMs);
    // It has come that events may wait for.
    if (this.#held.size === 0) return;
    const waiting = this.#held
      .waitingFor(row.key, row.person)
      .filter((held) => held.key === row.key || this.#rowOf(held.event) === row);
    for (const held of waiting) {
      this.#held.release(held);
      this.#join(row, held.event);
    }
  }

  #shown(requestId: string, item: string, atMs: number, lane: number): void {
    const clock = this.#lanes[lane]!;
    clock.eventMsMax = Math.max(clock.eventMsMax, atMs);
    const key = keyOf(requestId, item);
    const to = this.#moved.valueOf(key);
    if (to !== undefined) this.#out.send(to, { kind: 'shown', requestId, item, atMs, lane });
    const row = this.#kept.get(key);
    if (row && row.open !== 0) this.#rows.see(row, atMs);
  }

  #happened(event: PersonEvent, isTold = false, isSent = false): void {
    const key = event.requestId === '' ? '' : keyOf(event.requestId, event.item);
    if (this.#isCopy(event, key, isSent)) return this.#books.count('duplicates', event);
    this.#books.count('actions', event);
    const { lane, atMs, person } = event;
    const clock = this.#lanes[lane]!;
    clock.eventMsMax = Math.max(clock.eventMsMax, atMs);
    if (event.isIgnored) {
      this.#books.count('ignoredActions', event);
      return this.#ids.remember(event);
    }
    // A clock may have been ahead.
    const sinceMs = event.acceptedAtMs < atMs ? event.acceptedAtMs : atMs;
    if (this.#identities.isForgotten(person, sinceMs)) {
      this.#books.count('erasedActions', event);
      return this.#ids.remember(event);
    }
    const owner = person === '' ? undefined : this.#identities.ownerOf(person);
    const went = key === '' ? undefined : this.#moved.valueOf(key);
    const passes = owner !== undefined || went !== undefined;
    if (!passes) this.#ids.remember(event);
    if (owner !== undefined)
      return this.#pass(this.#options.homeOf(owner), { ...event, person: owner }, isTold);
    if (went !== undefined) return this.#pass(went, event, isTold);
    // Of whom it is, if it does not say so, is known when its row is.
    if (!isTold && person !== '') this.#out.tellEvent(person, event);
    this.#settle(event, key);
  }

  /** One that brings no id is known by what it says of its row, as long as the row is known. */
  #isCopy(event: PersonEvent, key: string, isSent: boolean): boolean {
    const { id, isPositive } = event;
    if (id !== '') return this.#ids.isKnown(event, isSent);
    if (key === '') return false;
    return (
      (!isPositive && this.#closed.valueOf(key) === dismissed) || this.#held.hasLike(key, event)
    );
  }

  /** Joins it, or holds it, or says what else becomes of it. */
  #settle(event: PersonEvent, key: string): void {
    const row = this.#rowOf(event, key);
    if (row) return this.#join(row, event);
    const place = this.#placeOf(event);
    const { lane } = event;
    if (key !== '' && this.#closed.has(key)) return this.#alone(event, 'late');
    if (this.#held.isDue(place, lane, this.#lanes[lane]!.watermarkMs))
      return this.#alone(event, 'late');
    this.#held.hold(this.#progress.numberNext++, event, place);
  }

  /** The row that it names; else the last one before it, of this person and item, that it tells something of. */
  #rowOf(
    event: PersonEvent,
    key = event.requestId === '' ? '' : keyOf(event.requestId, event.item),
  ): OpenRow | undefined {
    if (key !== '') return this.#kept.get(key);
    const meaning = this.#meaningOf(event);
    let found: OpenRow | undefined;
    for (const row of this.#kept.of(event.person, event.item)) {
      if (row.item !== event.item || row.lane !== event.lane || row.sinceMs > event.atMs) continue;
      if (((row.open | row.reached) & meaning.outcomes) === 0) continue;
      if (!this.#rows.isWithin(row, meaning, event.atMs)) continue;
      if (!found || isAfter(row, found)) found = row;
    }
    return found;
  }

  #join(row: OpenRow, happened: PersonEvent): void {
    let event = happened;
    if (event.person === '' && !row.isGone) {
      event = { ...event, person: row.person };
      this.#out.tellEvent(row.person, event);
    }
    const meaning = this.#meaningOf(event);
    const said = this.#rows.saidOf(row, meaning, event.atMs);
    if (said !== 0) {
      this.#books.count('joinedActions', event);
      this.#rows.join(row, event, meaning, said);
    } else if ((row.reached & meaning.outcomes) !== 0) this.#books.count('repeatedActions', event);
    // Too late for its row, it counts by itself.
    else this.#alone(event, 'late');
  }

  /** No row of ours is before it any more. */
  #alone(event: PersonEvent, why: Unjoined): void {
    if (event.person === '') {
      this.#books.count(why === 'late' ? 'lateActions' : 'orphanActions', event);
      return this.#out.buryEvent(event, why);
    }
    const isLearned = this.#options.organic && this.#rows.learnAlone(event, this.#meaningOf(event));
    this.#books.count(isLearned ? 'organicActions' : 'historyActions', event);
  }

  #meaningOf({ type, isPositive }: PersonEvent): TypeMeaning {
    return this.#outcomes.meaningOf(type, isPositive);
  }

  #closedRow(row: OpenRow): void {
    const untilMs = row.sinceMs + this.#keepMs;
    if (row.reached !== 0) return this.#kept.settle(row, untilMs);
    this.#kept.drop(row);
    this.#closed.set(row.key, row.isDismissed ? dismissed : 0, row.lane, untilMs);
  }

  #closeDue(lane: number, watermarkMs: number): void {
    this.#kept.eachDue(lane, watermarkMs, (row, atMs) => this.#rows.close(row, atMs));
    for (const { event } of this.#held.takeDue(lane, watermarkMs)) this.#alone(event, 'orphan');
  }

  #eventIn(bytes: Uint8Array): readonly [PersonEvent, HeldPlace] {
    const { slotCount, denseCount } = this.#options;
    const event = decodeEvent(bytes, slotCount, denseCount);
    return [event, this.#placeOf(event)];
  }

  /** When it is known that no row it could belong to comes any more. */
  #placeOf({ requestId, item, atMs }: PersonEvent): HeldPlace {
    const { latenessMs, organicWaitMs } = this.#options;
    if (requestId === '') return { key: '', dueMs: atMs + organicWaitMs - latenessMs };
    const waitMs = this.#outcomes.windowMsMax + latenessMs;
    return { key: keyOf(requestId, item), dueMs: atMs + waitMs };
  }

  #pass(to: number, event: PersonEvent, isTold: boolean): void {
    this.#books.count('passedActions', event);
    this.#ids.rememberPassed(event);
    this.#out.send(to, { kind: 'event', event }, isTold);
  }
}

function isAfter(a: OpenRow, b: OpenRow): boolean {
  return a.sinceMs > b.sinceMs || (a.sinceMs === b.sinceMs && a.requestId > b.requestId);
}
