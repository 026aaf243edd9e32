import { isReached, type PaperOutcomes } from './person-join-outcomes.testkit.js';
import { keyOf, type Paper } from './person-join-paper.testkit.js';
import type { Lane, PersonEvent, Row } from './person-join-records.testkit.js';

/** Of the join on paper, what people do: whether it has come before, what it belongs to, and what it is by itself. */
export class PaperEvents {
  readonly #paper: Paper;
  readonly #outcomes: PaperOutcomes;

  constructor(paper: Paper, outcomes: PaperOutcomes) {
    this.#paper = paper;
    this.#outcomes = outcomes;
  }

  happened(event: PersonEvent, isTold = false, isSent = false): void {
    const { owners, moved, lanes, books } = this.#paper.state;
    if (this.#isKnown(event, isSent)) return void books.copies++;
    const { lane, atMs } = event;
    this.#remember(event, false);
    lanes[lane].eventMsMax = Math.max(lanes[lane].eventMsMax, atMs);
    if (event.isIgnored) return void books.ignored++;
    if (this.#paper.isForgotten(event.person, atMs)) {
      books.eventsErased++;
      if (!isTold) books.eventsUntold++;
      return;
    }
    const owner = owners.get(event.person);
    const went = event.requestId && moved.get(keyOf(event.requestId, event.item));
    if (owner !== undefined)
      return this.pass(this.#paper.options.homeOf(owner), { ...event, person: owner }, isTold);
    if (went) return this.pass(went.partition, event, isTold);
    // Of whom it is, if it does not say so, is known when its row is.
    if (!isTold && event.person !== '') this.#tell(event.person, event);
    this.#settle(event);
  }

  /** A row has come that events may wait for. */
  retry(key: string): void {
    const row = this.#paper.state.rows.get(key)!;
    const waiting = this.#paper.state.held.filter((event) => {
      if (event.requestId !== undefined) return keyOf(event.requestId, event.item) === key;
      return this.#rowOf(event) === row;
    });
    this.#paper.state.held = this.#paper.state.held.filter((event) => !waiting.includes(event));
    for (const event of waiting) this.#join(row, event);
  }

  /** The row that events wait for is elsewhere. */
  passWaiting(key: string, to: number): void {
    const isOf = (event: PersonEvent): boolean =>
      event.requestId !== undefined && keyOf(event.requestId, event.item) === key;
    const waiting = this.#paper.state.held.filter(isOf);
    this.#paper.state.held = this.#paper.state.held.filter((event) => !isOf(event));
    for (const event of waiting) this.pass(to, event, event.person !== '');
  }

  /** No row comes any more that these have waited for. */
  closeDue(lane: Lane, watermarkMs: number): void {
    const { state } = this.#paper;
    const decided = state.held.filter(
      (event) => event.lane === lane && this.#isDecided(event, watermarkMs),
    );
    state.held = state.held.filter((event) => !decided.includes(event));
    for (const event of decided.sort(byTime)) this.#alone(event);
  }

  pass(to: number, event: PersonEvent, isTold: boolean): void {
    this.#paper.state.books.eventsOut++;
    this.#remember(event, true);
    this.#paper.send(to, event, isTold);
  }

  /** By the times of both, in whatever lane. */
  #isKnown({ id, atMs }: PersonEvent, isSent: boolean): boolean {
    return (['live', 'import'] as const).some((lane) => {
      const known = this.#paper.state.ids.get(`${lane} ${id}`);
      if (!known || (isSent && known.isPassed)) return false;
      return Math.abs(known.atMs - atMs) <= this.#paper.apartMsMax;
    });
  }

  /** Of events with one id that are no copies of each other the newest is known; what is over is not. */
  #remember({ id, lane, atMs: itsMs }: PersonEvent, isPassed: boolean): void {
    const { ids, lanes } = this.#paper.state;
    const known = ids.get(`${lane} ${id}`);
    if (known && known.atMs - itsMs > this.#paper.apartMsMax) return;
    const atMs = Math.max(itsMs, known?.atMs ?? -Infinity);
    if (atMs + this.#paper.keepMs >= lanes[lane].watermarkMs)
      ids.set(`${lane} ${id}`, { lane, atMs, isPassed });
  }

  #tell(person: string, { type, item, id }: PersonEvent): void {
    this.#paper.activity.push(`${person} ${type} ${item} ${id}`);
  }

  /** Joins it, or holds it, or says what else becomes of it. */
  #settle(event: PersonEvent): void {
    const { held, lanes } = this.#paper.state;
    const row = this.#rowOf(event);
    if (row) this.#join(row, event);
    else if (this.#isDecided(event, lanes[event.lane].watermarkMs)) this.#alone(event);
    else held.push(event);
  }

  /** The row that it names; else the last one before it, of this person and item, that it tells something of. */
  #rowOf(event: PersonEvent): Row | undefined {
    const { rows } = this.#paper.state;
    if (event.requestId !== undefined) return rows.get(keyOf(event.requestId, event.item));
    const outcomes = this.#outcomes.outcomesOf(event);
    return [...rows.values()]
      .filter((row) => {
        const { person, item, lane, sinceMs, fates } = row;
        if (person !== event.person || item !== event.item || lane !== event.lane) return false;
        if (sinceMs > event.atMs) return false;
        return outcomes.some((each) => fates[each.name] === 'open' || isReached(row, each));
      })
      .filter((row) => this.#outcomes.isWithin(row, event))
      .sort((a, b) => b.sinceMs - a.sinceMs || (a.requestId < b.requestId ? 1 : -1))[0];
  }

  #join(row: Row, happened: PersonEvent): void {
    const { books } = this.#paper.state;
    let event = happened;
    if (event.person === '' && this.#outcomes.isTelling(row)) {
      event = { ...event, person: row.person };
      this.#tell(row.person, event);
    }
    const outcomes = this.#outcomes
      .outcomesOf(event)
      .filter(({ name }) => row.fates[name] === 'open');
    const said = outcomes.filter(({ windowMs }) => event.atMs <= row.sinceMs + windowMs);
    const isAgain = this.#outcomes.outcomesOf(event).some((outcome) => isReached(row, outcome));
    if (said.length === 0) {
      if (isAgain) books.again++;
      // Too late for its row, it counts by itself.
      else this.#alone(event);
      return;
    }
    books.joined++;
    // Who does something with an item has seen it.
    this.#outcomes.seen(row, event.atMs);
    const { negative, undoes } = this.#paper.options.events[event.type] ?? {};
    const labels: Record<string, number> = {};
    for (const outcome of said) {
      if (negative) labels[outcome.name] = 0;
      else if (outcome.sums) addValue(row, outcome.name, event, undoes);
      else labels[outcome.name] = 1;
    }
    this.#outcomes.resolve(row, labels);
  }

  /** No row of ours is before it any more. */
  #alone(event: PersonEvent): void {
    const { books } = this.#paper.state;
    if (event.person === '') return void books.orphans++;
    const { negative, undoes } = this.#paper.options.events[event.type] ?? {};
    const outcomes = this.#outcomes.outcomesOf(event).filter(({ sums }) => !sums);
    if (!this.#paper.options.organic || negative || undoes !== undefined || outcomes.length === 0) {
      books.historyOnly++;
      return;
    }
    books.organic++;
    const { person, lane, atMs } = event;
    const labelsOf = (label: number) =>
      Object.fromEntries(outcomes.map(({ name }) => [name, label]));
    this.#paper.samples.push({ item: event.item, person, lane, atMs, labels: labelsOf(1) });
    for (const item of event.drawn)
      this.#paper.samples.push({
        ...{ item, person, lane, atMs },
        labels: labelsOf(0),
        drawnOf: event.drawn.length,
      });
  }

  /** Whether no row that it could belong to can come any more. */
  #isDecided({ requestId, atMs }: PersonEvent, watermarkMs: number): boolean {
    const { latenessMs, organicWaitMs } = this.#paper.options;
    if (requestId === undefined) return atMs + organicWaitMs - latenessMs <= watermarkMs;
    return atMs + this.#paper.windowMsMax + latenessMs <= watermarkMs;
  }
}

function addValue(row: Row, outcome: string, event: PersonEvent, undoes: string | undefined): void {
  const { order = '', type, value = 0 } = event;
  if (undoes === undefined) return void row.values.push({ outcome, order, type, value });
  const at = row.values.findIndex((each) => {
    return each.outcome === outcome && each.order === order && each.type === undoes;
  });
  if (at >= 0) row.values.splice(at, 1);
}

function byTime(a: PersonEvent, b: PersonEvent): number {
  return a.atMs - b.atMs || (a.id < b.id ? -1 : 1);
}
