import { keepsNegative } from './negative-sampling.js';
import type { OutcomeRule } from './outcome-rules.js';
import type {
  Lane,
  PersonJoinOptions,
  Offer,
  Shown,
  PersonEvent,
  Alias,
  Erase,
  Pointer,
  Sent,
  Moved,
  JoinLogRecord,
  Row,
  PaperSample,
  PaperOutput,
} from './person-join-records.testkit.js';
import type { Books, State } from './person-join-state.testkit.js';
import { emptyState } from './person-join-state.testkit.js';

/**
 * The join of everything that people do, on paper: several outcomes, events of their own accord, visitors who log in, lanes,
 * erasure and expiry, over partitions by person. As plainly as it can be written: maps, scans over everything, no disk. The
 * rules are those of docs/decisions/0028-the-joiner-on-paper.md; the real joiner is to be held against it.
 *
 * What comes out is a function of the records that came in, in their order. So a partition that is made anew, from a snapshot
 * or from the beginning, says the same again; what it had sent to other partitions it sends again, and they know it.
 */
export class PersonJoin {
  readonly #options: PersonJoinOptions;
  readonly #partition: number;
  readonly #windowMsMax: number;
  #state: State;
  #samples: PaperSample[] = [];
  #activity: string[] = [];
  #sent: { to: number; record: Sent }[] = [];

  constructor(partition: number, options: PersonJoinOptions) {
    this.#options = options;
    this.#partition = partition;
    this.#windowMsMax = Math.max(...options.outcomes.map(({ windowMs }) => windowMs));
    this.#state = emptyState(options);
  }

  save(): State {
    return structuredClone(this.#state);
  }

  restore(state: State): void {
    this.#state = structuredClone(state);
  }

  get books(): Books {
    return structuredClone(this.#state.books);
  }

  /** Outcomes that are open, and events that wait. */
  get waiting(): { outcomes: Record<string, number>; events: number } {
    const open = (name: string): number =>
      [...this.#state.rows.values()].filter(({ fates }) => fates[name] === 'open').length;
    const outcomes = this.#options.outcomes.map(({ name }) => [name, open(name)] as const);
    return { outcomes: Object.fromEntries(outcomes), events: this.#state.held.length };
  }

  /** Records that came in one message: what has ended is looked at behind the last of them. */
  take(...records: readonly JoinLogRecord[]): PaperOutput {
    for (const record of records) this.#take(record);
    for (const lane of ['live', 'import'] as const) this.#advance(lane);
    const output = { samples: this.#samples, activity: this.#activity, sent: this.#sent };
    this.#samples = [];
    this.#activity = [];
    this.#sent = [];
    return output;
  }

  #take(record: JoinLogRecord): void {
    switch (record.kind) {
      case 'impression':
        return this.#offered(record);
      case 'shown':
        return this.#shown(record);
      case 'pointer':
        return this.#points(record);
      case 'event':
        this.#state.books.events++;
        return this.#happened(record);
      case 'alias':
        return this.#becomes(record);
      case 'clock': {
        const lane = this.#state.lanes[record.lane];
        lane.watermarkMs = Math.max(lane.watermarkMs, record.atMs);
        return;
      }
      case 'erase':
        return this.#erase(record);
      case 'sent':
        return this.#received(record);
    }
  }

  /** What is delivered again, since whoever sent it was made anew, has been taken. */
  #received({ source, number, what, isTold = false }: Sent): void {
    const { taken, books } = this.#state;
    if (number <= (taken.get(source) ?? -1)) return;
    taken.set(source, number);
    if (what.kind === 'moved') return this.#moveIn(what);
    if (what.kind === 'erase') return this.#erase(what);
    if (what.kind === 'impression') return this.#offered(what, true);
    if (what.kind === 'shown') return this.#shown(what);
    books.eventsIn++;
    this.#happened(what, isTold, true);
  }

  #send(to: number, what: Sent['what'], isTold = false): void {
    const number = this.#state.numberNext++;
    const record: Sent = { kind: 'sent', source: this.#partition, number, what, isTold };
    this.#sent.push({ to, record });
  }

  #pass(to: number, event: PersonEvent, isTold: boolean): void {
    this.#state.books.eventsOut++;
    this.#remember(event, true);
    this.#send(to, event, isTold);
  }

  /** @param isSent by the partition that has looked for copies of it. */
  #offered(offer: Offer, isSent = false): void {
    const { rows, moved, owners, lanes, books } = this.#state;
    const owner = owners.get(offer.person);
    const lane = lanes[offer.lane];
    const isLate = offer.atMs + this.#windowMsMax + this.#options.latenessMs < lane.watermarkMs;
    for (const item of offer.items) {
      const key = keyOf(offer.requestId, item);
      if (isSent) moved.delete(key);
      if (rows.has(key) || moved.has(key)) {
        books.copiesOfRows++;
        continue;
      }
      if (offer.log === 'ignored') {
        this.#ignored(offer, item);
        continue;
      }
      if (this.#isForgotten(offer.person, offer.atMs)) {
        this.#forgotten(offer, item);
        continue;
      }
      if (owner !== undefined) {
        const to = this.#options.homeOf(owner);
        // Whoever comes next under this name is somebody else, perhaps; this was offered to him.
        moved.set(key, {
          partition: to,
          lane: offer.lane,
          untilMs: offer.atMs + this.#keepMs,
        });
        this.#send(to, { ...offer, person: owner, items: [item] });
        continue;
      }
      books.rows++;
      if (isLate) {
        books.lateRows++;
        continue;
      }
      lane.eventMsMax = Math.max(lane.eventMsMax, offer.atMs);
      const open = this.#options.outcomes.map(({ name }) => [name, 'open'] as const);
      const { requestId, person, atMs } = offer;
      if (offer.log === 'all') this.#activity.push(`${person} sees ${item} at ${atMs}`);
      rows.set(key, {
        ...{ requestId, item, person, atMs, sinceMs: atMs, lane: offer.lane, values: [] },
        ...{ isShown: offer.log === 'all', fates: Object.fromEntries(open) },
      });
      this.#retry(key);
    }
  }

  /** Copies of it are known by it; nothing comes of it, and whoever answers it counts by himself. */
  #ignored({ requestId, person, atMs, lane }: Offer, item: string): void {
    const { rows, lanes, books } = this.#state;
    books.rows++;
    books.ignoredRows++;
    lanes[lane].eventMsMax = Math.max(lanes[lane].eventMsMax, atMs);
    const fates = this.#options.outcomes.map(({ name }) => [name, 'ignored'] as const);
    rows.set(keyOf(requestId, item), {
      ...{ requestId, item, person, atMs, sinceMs: atMs, lane, values: [] },
      ...{ isShown: false, fates: Object.fromEntries(fates) },
    });
  }

  /** Of a time that is forgotten: as if the erasure had met it. */
  #forgotten({ requestId, person, atMs, lane }: Offer, item: string): void {
    const { rows, lanes, books } = this.#state;
    books.rows++;
    lanes[lane].eventMsMax = Math.max(lanes[lane].eventMsMax, atMs);
    const fates = this.#options.outcomes.map(({ name }) => [name, 'erased'] as const);
    for (const { name } of this.#options.outcomes) books.outcomes[name]!.erased++;
    rows.set(keyOf(requestId, item), {
      ...{ requestId, item, person, atMs, sinceMs: atMs, lane, values: [] },
      ...{ isShown: false, fates: Object.fromEntries(fates) },
    });
  }

  #isForgotten(person: string, atMs: number): boolean {
    return atMs <= (this.#state.erased.get(person) ?? -Infinity);
  }

  #shown({ requestId, items, atMs, lane }: Shown): void {
    const { rows, moved, lanes } = this.#state;
    lanes[lane].eventMsMax = Math.max(lanes[lane].eventMsMax, atMs);
    for (const item of items) {
      const key = keyOf(requestId, item);
      const went = moved.get(key);
      if (went) this.#send(went.partition, { kind: 'shown', lane, requestId, items: [item], atMs });
      const row = rows.get(key);
      if (row && this.#isOpen(row)) this.#seen(row, atMs);
    }
  }

  /** Events that wait for it go there, and so does what comes later. */
  #points({ requestId, items, lane, atMs, to: partition }: Pointer): void {
    const { rows, moved } = this.#state;
    for (const item of items) {
      const key = keyOf(requestId, item);
      if (rows.has(key) || moved.has(key)) continue;
      moved.set(key, { partition, lane, untilMs: atMs + this.#keepMs });
      const isOf = (event: PersonEvent): boolean =>
        event.requestId !== undefined && keyOf(event.requestId, event.item) === key;
      const waiting = this.#state.held.filter(isOf);
      this.#state.held = this.#state.held.filter((event) => !isOf(event));
      for (const event of waiting) this.#pass(partition, event, event.person !== '');
    }
  }

  #happened(event: PersonEvent, isTold = false, isSent = false): void {
    const { owners, moved, lanes, books } = this.#state;
    if (this.#isKnown(event, isSent)) return void books.copies++;
    const { lane, atMs } = event;
    this.#remember(event, false);
    lanes[lane].eventMsMax = Math.max(lanes[lane].eventMsMax, atMs);
    if (event.isIgnored) return void books.ignored++;
    if (this.#isForgotten(event.person, atMs)) {
      books.eventsErased++;
      if (!isTold) books.eventsUntold++;
      return;
    }
    const owner = owners.get(event.person);
    const went = event.requestId && moved.get(keyOf(event.requestId, event.item));
    if (owner !== undefined)
      return this.#pass(this.#options.homeOf(owner), { ...event, person: owner }, isTold);
    if (went) return this.#pass(went.partition, event, isTold);
    // Of whom it is, if it does not say so, is known when its row is.
    if (!isTold && event.person !== '') this.#tell(event.person, event);
    this.#settle(event);
  }

  /** By the times of both, in whatever lane. */
  #isKnown({ id, atMs }: PersonEvent, isSent: boolean): boolean {
    return (['live', 'import'] as const).some((lane) => {
      const known = this.#state.ids.get(`${lane} ${id}`);
      if (!known || (isSent && known.isPassed)) return false;
      return Math.abs(known.atMs - atMs) <= this.#apartMsMax;
    });
  }

  /** Of events with one id that are no copies of each other the newest is known; what is over is not. */
  #remember({ id, lane, atMs: itsMs }: PersonEvent, isPassed: boolean): void {
    const { ids, lanes } = this.#state;
    const known = ids.get(`${lane} ${id}`);
    if (known && known.atMs - itsMs > this.#apartMsMax) return;
    const atMs = Math.max(itsMs, known?.atMs ?? -Infinity);
    if (atMs + this.#keepMs >= lanes[lane].watermarkMs)
      ids.set(`${lane} ${id}`, { lane, atMs, isPassed });
  }

  #tell(person: string, { type, item, id }: PersonEvent): void {
    this.#activity.push(`${person} ${type} ${item} ${id}`);
  }

  /** Joins it, or holds it, or says what else becomes of it. */
  #settle(event: PersonEvent): void {
    const { held, lanes } = this.#state;
    const row = this.#rowOf(event);
    if (row) this.#join(row, event);
    else if (this.#isDecided(event, lanes[event.lane].watermarkMs)) this.#alone(event);
    else held.push(event);
  }

  /** The row that it names; else the last one before it, of this person and item, that it tells something of. */
  #rowOf(event: PersonEvent): Row | undefined {
    const { rows } = this.#state;
    if (event.requestId !== undefined) return rows.get(keyOf(event.requestId, event.item));
    const outcomes = this.#outcomesOf(event);
    return [...rows.values()]
      .filter((row) => {
        const { person, item, lane, sinceMs, fates } = row;
        if (person !== event.person || item !== event.item || lane !== event.lane) return false;
        if (sinceMs > event.atMs) return false;
        return outcomes.some((each) => fates[each.name] === 'open' || isReached(row, each));
      })
      .filter((row) => this.#isWithin(row, event))
      .sort((a, b) => b.sinceMs - a.sinceMs || (a.requestId < b.requestId ? 1 : -1))[0];
  }

  #isWithin(row: Row, event: PersonEvent): boolean {
    const outcomes = this.#outcomesOf(event);
    return outcomes.some(({ windowMs }) => event.atMs <= row.sinceMs + windowMs);
  }

  /** Outcomes that an event of this type says something of: a dismissal of all, a refund of those that sum. */
  #outcomesOf({ type }: PersonEvent): readonly OutcomeRule[] {
    const { outcomes, events } = this.#options;
    const { negative, undoes } = events[type] ?? {};
    if (negative) return outcomes;
    if (undoes !== undefined)
      return outcomes.filter(({ sums, from }) => sums && from.includes(undoes));
    return outcomes.filter(({ from }) => from.includes(type));
  }

  #join(row: Row, happened: PersonEvent): void {
    const { books } = this.#state;
    let event = happened;
    if (event.person === '' && this.#isTelling(row)) {
      event = { ...event, person: row.person };
      this.#tell(row.person, event);
    }
    const outcomes = this.#outcomesOf(event).filter(({ name }) => row.fates[name] === 'open');
    const said = outcomes.filter(({ windowMs }) => event.atMs <= row.sinceMs + windowMs);
    const isAgain = this.#outcomesOf(event).some((outcome) => isReached(row, outcome));
    if (said.length === 0) {
      if (isAgain) books.again++;
      // Too late for its row, it counts by itself.
      else this.#alone(event);
      return;
    }
    books.joined++;
    // Who does something with an item has seen it.
    this.#seen(row, event.atMs);
    const { negative, undoes } = this.#options.events[event.type] ?? {};
    const labels: Record<string, number> = {};
    for (const outcome of said) {
      if (negative) labels[outcome.name] = 0;
      else if (outcome.sums) addValue(row, outcome.name, event, undoes);
      else labels[outcome.name] = 1;
    }
    this.#resolve(row, labels);
  }

  /** No row of ours is before it any more. */
  #alone(event: PersonEvent): void {
    const { books } = this.#state;
    if (event.person === '') return void books.orphans++;
    const { negative, undoes } = this.#options.events[event.type] ?? {};
    const outcomes = this.#outcomesOf(event).filter(({ sums }) => !sums);
    if (!this.#options.organic || negative || undoes !== undefined || outcomes.length === 0) {
      books.historyOnly++;
      return;
    }
    books.organic++;
    const { person, lane, atMs } = event;
    const labelsOf = (label: number) =>
      Object.fromEntries(outcomes.map(({ name }) => [name, label]));
    this.#samples.push({ item: event.item, person, lane, atMs, labels: labelsOf(1) });
    for (const item of event.drawn)
      this.#samples.push({
        ...{ item, person, lane, atMs },
        labels: labelsOf(0),
        drawnOf: event.drawn.length,
      });
  }

  /** One sample of what becomes known at once; what is given by a 0 is not learned. */
  #resolve(row: Row, labels: Record<string, number>): void {
    const { books } = this.#state;
    const kept: Record<string, number> = {};
    for (const { name, given, sums } of this.#options.outcomes) {
      const { [name]: outcomeBooks } = books.outcomes;
      if (row.fates[name] !== 'open') continue;
      const label = labels[name];
      if (given !== undefined && isNone(row.fates[given])) this.#end(row, name, 'not given');
      else if (label !== undefined) {
        row.fates[name] = label;
        this.#activity.push(`${row.person} ${name}=${label} ${row.item} of ${row.requestId}`);
        if (label === 0 && !sums && !this.#keeps(row)) outcomeBooks!.dropped++;
        else {
          outcomeBooks!.known++;
          kept[name] = label;
        }
      }
    }
    if (Object.keys(kept).length === 0) return;
    const { requestId, item, person, lane, atMs } = row;
    this.#samples.push({ requestId, item, person, lane, atMs, labels: kept });
  }

  #keeps({ requestId, item }: Row): boolean {
    return keepsNegative(requestId, item, this.#options.negativeRate);
  }

  #end(row: Row, name: string, fate: 'not given' | 'not seen' | 'erased' | 'moved'): void {
    row.fates[name] = fate;
    const books = this.#state.books.outcomes[name]!;
    if (fate === 'not given') books.notGiven++;
    else if (fate === 'not seen') books.notSeen++;
    else if (fate === 'erased') books.erased++;
    else books.moved++;
  }

  /**
   * The visitor, or the user whose account is merged, is the user from now on: what he has open goes to where the user is, also if
   * that is here.
   */
  #becomes({ lane, visitor, user, atMs }: Alias): void {
    const { rows, moved, held, owners, ownedSinceMs } = this.#state;
    if (visitor === user) return;
    // A file tells of what was, and not of what is.
    if (lane === 'import' && owners.has(visitor) && ownedSinceMs.get(visitor)! > atMs) return;
    if (owners.get(visitor) === user) return void ownedSinceMs.set(visitor, atMs);
    if (this.#isForgotten(visitor, atMs)) return;
    owners.set(visitor, user);
    ownedSinceMs.set(visitor, atMs);
    const to = this.#options.homeOf(user);
    // Rows of which nothing came stay where they are: nobody but who names them asks for them.
    const leaving = [...rows]
      .filter(([, row]) => row.person === visitor && this.#isTelling(row))
      .sort(([, a], [, b]) => a.sinceMs - b.sinceMs || (isBefore(a, b) ? -1 : 1));
    const going = leaving.map(([, row]) => structuredClone(row));
    for (const [key, row] of leaving) {
      for (const { name } of this.#options.outcomes)
        if (row.fates[name] === 'open') this.#end(row, name, 'moved');
      rows.delete(key);
      moved.set(key, { partition: to, lane: row.lane, untilMs: row.sinceMs + this.#keepMs });
    }
    this.#send(to, { kind: 'moved', visitor, user, atMs, rows: going });
    const waiting = held.filter((event) => event.person === visitor);
    this.#state.held = held.filter((event) => event.person !== visitor);
    for (const event of waiting) this.#pass(to, { ...event, person: user }, true);
  }

  #moveIn(from: Moved): void {
    const { visitor, user, rows: coming } = from;
    const { rows, visitors, owners, books } = this.#state;
    if (this.#isForgotten(user, from.atMs)) return this.#forgetMoved(from);
    const owner = owners.get(user);
    // A circle: who was merged into him counts for himself again, and he for who was merged last.
    if (owner === visitor) owners.delete(user);
    else if (owner !== undefined) return this.#moveOn(from, owner);
    visitors.set(user, (visitors.get(user) ?? new Set()).add(visitor));
    this.#activity.push(`${user} was ${visitor}`);
    for (const row of coming) {
      const key = keyOf(row.requestId, row.item);
      for (const { name } of this.#options.outcomes)
        if (row.fates[name] === 'open') books.outcomes[name]!.rowsIn++;
      // Our own request ids are made once.
      rows.set(key, { ...structuredClone(row), person: user });
      this.#state.moved.delete(key);
      this.#retry(key);
    }
  }

  /** Who became him before he was to be forgotten is forgotten with him. */
  #forgetMoved({ visitor, user, rows: coming }: Moved): void {
    const { rows, moved, erased, books } = this.#state;
    for (const row of coming) {
      const key = keyOf(row.requestId, row.item);
      moved.delete(key);
      const its = structuredClone(row);
      rows.set(key, its);
      for (const outcome of this.#options.outcomes) {
        if (row.fates[outcome.name] === 'open') books.outcomes[outcome.name]!.rowsIn++;
      }
      this.#eraseRow(its);
    }
    const atMs = erased.get(user)!;
    this.#sendErase(visitor, atMs, false);
  }

  /** He is somebody else himself by now. */
  #moveOn(from: Moved, owner: string): void {
    const to = this.#options.homeOf(owner);
    for (const row of from.rows)
      this.#state.moved.set(keyOf(row.requestId, row.item), {
        ...{ partition: to, lane: row.lane, untilMs: row.sinceMs + this.#keepMs },
      });
    this.#send(to, { ...from, user: owner });
  }

  #seen(row: Row, atMs: number): void {
    if (row.isShown) return;
    row.isShown = true;
    row.sinceMs = Math.max(row.sinceMs, atMs);
    this.#activity.push(`${row.person} sees ${row.item} at ${row.sinceMs}`);
  }

  /** A row has come that events may wait for. */
  #retry(key: string): void {
    const row = this.#state.rows.get(key)!;
    const waiting = this.#state.held.filter((event) => {
      if (event.requestId !== undefined) return keyOf(event.requestId, event.item) === key;
      return this.#rowOf(event) === row;
    });
    this.#state.held = this.#state.held.filter((event) => !waiting.includes(event));
    for (const event of waiting) this.#join(row, event);
  }

  /** All that came before it, and all that comes later of a time before it; of everybody who was this person too. */
  #erase({ person, atMs, isUp }: Erase): void {
    const { rows, held, owners, visitors, erased, books } = this.#state;
    // Said again it must not meet who came since.
    if (this.#isForgotten(person, atMs)) return;
    const owner = owners.get(person);
    const names = [...(visitors.get(person) ?? [])].sort();
    owners.delete(person);
    visitors.delete(person);
    erased.set(person, atMs);
    this.#activity.push(`${person} is erased`);
    for (const row of rows.values()) if (row.person === person) this.#eraseRow(row);
    books.eventsErased += held.filter((event) => event.person === person).length;
    this.#state.held = held.filter((event) => event.person !== person);
    if (isUp && owner !== undefined) this.#sendErase(owner, atMs, true);
    for (const name of names) this.#sendErase(name, atMs, false);
  }

  /** Events of anybody wait where the request is sought that they name. */
  #sendErase(person: string, atMs: number, isUp: boolean): void {
    for (let to = 0; to < this.#options.partitions; to++)
      this.#send(to, { kind: 'erase', person, atMs, isUp });
  }

  #eraseRow(row: Row): void {
    for (const outcome of this.#options.outcomes) {
      if (row.fates[outcome.name] === 'open') this.#end(row, outcome.name, 'erased');
      else if (isReached(row, outcome)) row.fates[outcome.name] = 'erased';
    }
  }

  #advance(name: Lane): void {
    const { lanes } = this.#state;
    const lane = lanes[name];
    lane.watermarkMs = Math.max(lane.watermarkMs, lane.eventMsMax - this.#options.latenessMs);
    // What ends first is told first, whatever came first.
    for (;;) {
      const due = this.#dueNext(name, lane.watermarkMs);
      if (!due) break;
      this.#close(due.row, due.atMs);
    }
    const decided = this.#state.held.filter(
      (event) => event.lane === name && this.#isDecided(event, lane.watermarkMs),
    );
    this.#state.held = this.#state.held.filter((event) => !decided.includes(event));
    for (const event of decided.sort(byTime)) this.#alone(event);
    this.#forget(name, lane.watermarkMs);
  }

  /** The row of which an outcome ends next, and when. */
  #dueNext(lane: Lane, watermarkMs: number): { row: Row; atMs: number } | undefined {
    let next: { row: Row; atMs: number } | undefined;
    for (const row of this.#state.rows.values()) {
      if (row.lane !== lane) continue;
      const atMs = this.#endsAtMs(row);
      if (atMs > watermarkMs) continue;
      if (!next || atMs < next.atMs || (atMs === next.atMs && isBefore(row, next.row)))
        next = { row, atMs };
    }
    return next;
  }

  #endsAtMs(row: Row): number {
    const open = this.#options.outcomes.filter(({ name }) => row.fates[name] === 'open');
    if (open.length === 0) return Infinity;
    // Whoever was offered it has time to see it.
    if (!row.isShown) return row.sinceMs + this.#windowMsMax;
    return row.sinceMs + Math.min(...open.map(({ windowMs }) => windowMs));
  }

  #close(row: Row, atMs: number): void {
    const { outcomes } = this.#options;
    if (!row.isShown) {
      for (const { name } of outcomes)
        if (row.fates[name] === 'open') this.#end(row, name, 'not seen');
      return;
    }
    const labels: Record<string, number> = {};
    for (const { name, windowMs, sums } of outcomes) {
      if (row.fates[name] !== 'open' || row.sinceMs + windowMs > atMs) continue;
      labels[name] = sums ? sumOf(row, name) : 0;
    }
    this.#resolve(row, labels);
  }

  /** Whether no row that it could belong to can come any more. */
  #isDecided({ requestId, atMs }: PersonEvent, watermarkMs: number): boolean {
    const { latenessMs, organicWaitMs } = this.#options;
    if (requestId === undefined) return atMs + organicWaitMs - latenessMs <= watermarkMs;
    return atMs + this.#windowMsMax + latenessMs <= watermarkMs;
  }

  #isTelling(row: Row): boolean {
    return this.#isOpen(row) || this.#options.outcomes.some((outcome) => isReached(row, outcome));
  }

  #isOpen(row: Row): boolean {
    return this.#options.outcomes.some(({ name }) => row.fates[name] === 'open');
  }

  /** Two events with one id that are no further apart are one. */
  get #apartMsMax(): number {
    return this.#windowMsMax + this.#options.latenessMs + this.#options.copiesMs;
  }

  /** Until then a copy of it may come. */
  get #keepMs(): number {
    return 2 * this.#windowMsMax + 2 * this.#options.latenessMs + this.#options.copiesMs;
  }

  #forget(lane: Lane, watermarkMs: number): void {
    const { rows, moved, ids } = this.#state;
    for (const [key, row] of rows) {
      const isOver = !this.#isOpen(row) && row.sinceMs + this.#keepMs < watermarkMs;
      if (row.lane === lane && isOver) rows.delete(key);
    }
    for (const [key, { lane: its, untilMs }] of moved)
      if (its === lane && untilMs < watermarkMs) moved.delete(key);
    for (const [key, { lane: its, atMs }] of ids)
      if (its === lane && atMs + this.#keepMs < watermarkMs) ids.delete(key);
  }
}

/** By an event; a value is no such thing. */
function isReached({ fates }: Row, { name, sums }: OutcomeRule): boolean {
  return !sums && fates[name] === 1;
}

function isNone(fate: Row['fates'][string] | undefined): boolean {
  return fate === 0 || fate === 'not given';
}

function addValue(row: Row, outcome: string, event: PersonEvent, undoes: string | undefined): void {
  const { order = '', type, value = 0 } = event;
  if (undoes === undefined) return void row.values.push({ outcome, order, type, value });
  const at = row.values.findIndex((each) => {
    return each.outcome === outcome && each.order === order && each.type === undoes;
  });
  if (at >= 0) row.values.splice(at, 1);
}

function sumOf(row: Row, outcome: string): number {
  const values = row.values.filter((each) => each.outcome === outcome);
  return values.reduce((sum, { value }) => sum + value, 0);
}

function byTime(a: PersonEvent, b: PersonEvent): number {
  return a.atMs - b.atMs || (a.id < b.id ? -1 : 1);
}

function isBefore(a: Row, b: Row): boolean {
  return keyOf(a.requestId, a.item) < keyOf(b.requestId, b.item);
}

/** The length in front keeps ('a', 'bc') and ('ab', 'c') apart whatever characters ids contain. */
function keyOf(requestId: string, item: string): string {
  return `${requestId.length}:${requestId}${item}`;
}
