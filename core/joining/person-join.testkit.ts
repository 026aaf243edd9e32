import { keepsNegative } from './negative-sampling.js';
import type {
  Lane,
  OutcomeRule,
  PersonJoinOptions,
  Offer,
  Shown,
  PersonEvent,
  Alias,
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

  take(record: JoinLogRecord): PaperOutput {
    this.#take(record);
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
        return this.#erase(record.person);
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
    if (what.kind === 'erase') return this.#erase(what.person);
    if (what.kind === 'impression') return this.#offered(what);
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
    const known = this.#state.ids.get(event.id);
    if (known) known.isPassed = true;
    this.#send(to, event, isTold);
  }

  #offered(offer: Offer): void {
    const { rows, moved, owners, lanes, books } = this.#state;
    const owner = owners.get(offer.person);
    if (owner !== undefined)
      return this.#send(this.#options.homeOf(owner), { ...offer, person: owner });
    const lane = lanes[offer.lane];
    const isLate = offer.atMs + this.#windowMsMax + this.#options.latenessMs < lane.watermarkMs;
    for (const item of offer.items) {
      const key = keyOf(offer.requestId, item);
      if (rows.has(key) || moved.has(key)) {
        books.copiesOfRows++;
        continue;
      }
      books.rows++;
      if (isLate) {
        books.lateRows++;
        continue;
      }
      lane.eventMsMax = Math.max(lane.eventMsMax, offer.atMs);
      const open = this.#options.outcomes.map(({ name }) => [name, 'open'] as const);
      const { requestId, person, atMs: sinceMs } = offer;
      rows.set(key, {
        ...{ requestId, item, person, sinceMs, lane: offer.lane, values: [] },
        ...{ isShown: offer.log === 'all', fates: Object.fromEntries(open) },
      });
      this.#retry(key);
    }
  }

  #shown({ requestId, items, atMs, lane }: Shown): void {
    const { rows, moved, lanes } = this.#state;
    lanes[lane].eventMsMax = Math.max(lanes[lane].eventMsMax, atMs);
    for (const item of items) {
      const key = keyOf(requestId, item);
      const went = moved.get(key);
      if (went) this.#send(went.partition, { kind: 'shown', lane, requestId, items: [item], atMs });
      const row = rows.get(key);
      if (row && this.#isOpen(row)) seen(row, atMs);
    }
  }

  #happened(event: PersonEvent, isTold = false, isSent = false): void {
    const { ids, owners, moved, lanes, books } = this.#state;
    const known = ids.get(event.id);
    if (known && !(isSent && known.isPassed)) return void books.copies++;
    const { lane, atMs } = event;
    const untilMs = atMs + this.#keepMs;
    ids.set(event.id, { lane, untilMs, isPassed: false });
    lanes[lane].eventMsMax = Math.max(lanes[lane].eventMsMax, atMs);
    const owner = owners.get(event.person);
    const went = event.requestId && moved.get(keyOf(event.requestId, event.item));
    if (owner !== undefined)
      return this.#pass(this.#options.homeOf(owner), { ...event, person: owner }, isTold);
    if (went) return this.#pass(went.partition, event, isTold);
    if (!isTold) this.#activity.push(`${event.person} ${event.type} ${event.item} ${event.id}`);
    this.#settle(event);
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
    const names = this.#outcomesOf(event).map(({ name }) => name);
    return [...rows.values()]
      .filter(({ person, item, lane, sinceMs, fates }) => {
        if (person !== event.person || item !== event.item || lane !== event.lane) return false;
        return (
          sinceMs <= event.atMs && names.some((name) => fates[name] === 'open' || fates[name] === 1)
        );
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

  #join(row: Row, event: PersonEvent): void {
    const { books } = this.#state;
    const outcomes = this.#outcomesOf(event).filter(({ name }) => row.fates[name] === 'open');
    const said = outcomes.filter(({ windowMs }) => event.atMs <= row.sinceMs + windowMs);
    const isAgain = this.#outcomesOf(event).some(({ name }) => row.fates[name] === 1);
    if (said.length === 0) {
      if (isAgain) books.again++;
      // Too late for its row, it counts by itself.
      else this.#alone(event);
      return;
    }
    books.joined++;
    // Who does something with an item has seen it.
    seen(row, event.atMs);
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
    for (const { name, given } of this.#options.outcomes) {
      const { [name]: outcomeBooks } = books.outcomes;
      if (row.fates[name] !== 'open') continue;
      const label = labels[name];
      if (given !== undefined && row.fates[given] === 0) this.#end(row, name, 'not given');
      else if (label !== undefined) {
        row.fates[name] = label;
        this.#activity.push(`${row.person} ${name}=${label} ${row.item} of ${row.requestId}`);
        if (label === 0 && !keepsNegative(row.requestId, row.item, this.#options.negativeRate))
          outcomeBooks!.dropped++;
        else {
          outcomeBooks!.known++;
          kept[name] = label;
        }
      }
    }
    if (Object.keys(kept).length === 0) return;
    const { requestId, item, person, lane, sinceMs: atMs } = row;
    this.#samples.push({ requestId, item, person, lane, atMs, labels: kept });
  }

  #end(row: Row, name: string, fate: 'not given' | 'not seen' | 'erased' | 'moved'): void {
    row.fates[name] = fate;
    const books = this.#state.books.outcomes[name]!;
    if (fate === 'not given') books.notGiven++;
    else if (fate === 'not seen') books.notSeen++;
    else if (fate === 'erased') books.erased++;
    else books.moved++;
  }

  /** The visitor is the user from now on: what he has open goes to where the user is, also if that is here. */
  #becomes({ visitor, user }: Alias): void {
    const { rows, moved, held, owners } = this.#state;
    if (owners.get(visitor) === user) return;
    owners.set(visitor, user);
    const to = this.#options.homeOf(user);
    const leaving = [...rows].filter(([, { person }]) => person === visitor);
    const going = leaving.map(([, row]) => structuredClone(row));
    for (const [key, row] of leaving) {
      for (const { name } of this.#options.outcomes)
        if (row.fates[name] === 'open') this.#end(row, name, 'moved');
      rows.delete(key);
      moved.set(key, { partition: to, lane: row.lane, untilMs: row.sinceMs + this.#keepMs });
    }
    this.#send(to, { kind: 'moved', visitor, user, rows: going });
    const waiting = held.filter((event) => event.person === visitor);
    this.#state.held = held.filter((event) => event.person !== visitor);
    for (const event of waiting) this.#pass(to, { ...event, person: user }, true);
  }

  #moveIn({ visitor, user, rows: coming }: Moved): void {
    const { rows, visitors, books } = this.#state;
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

  #erase(person: string): void {
    const { rows, held, visitors, books } = this.#state;
    this.#activity.push(`${person} is erased`);
    for (const row of rows.values()) {
      if (row.person !== person) continue;
      for (const { name } of this.#options.outcomes)
        if (row.fates[name] === 'open') this.#end(row, name, 'erased');
    }
    books.eventsErased += held.filter((event) => event.person === person).length;
    this.#state.held = held.filter((event) => event.person !== person);
    for (const visitor of visitors.get(person) ?? [])
      this.#send(this.#options.homeOf(visitor), { kind: 'erase', person: visitor });
    visitors.delete(person);
    this.#state.owners.delete(person);
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
    if (requestId === undefined) return atMs <= watermarkMs;
    return atMs + this.#windowMsMax + this.#options.latenessMs <= watermarkMs;
  }

  #isOpen(row: Row): boolean {
    return this.#options.outcomes.some(({ name }) => row.fates[name] === 'open');
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
    for (const known of [moved, ids])
      for (const [key, entry] of known)
        if (entry.lane === lane && entry.untilMs < watermarkMs) known.delete(key);
  }
}

function seen(row: Row, atMs: number): void {
  if (row.isShown) return;
  row.isShown = true;
  row.sinceMs = Math.max(row.sinceMs, atMs);
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
