import { PaperEvents } from './person-join-events.testkit.js';
import { PaperOutcomes } from './person-join-outcomes.testkit.js';
import { Paper, keyOf } from './person-join-paper.testkit.js';
import { PaperPeople } from './person-join-people.testkit.js';
import type {
  Lane,
  PersonJoinOptions,
  Offer,
  Shown,
  Pointer,
  Sent,
  JoinLogRecord,
  PaperOutput,
} from './person-join-records.testkit.js';
import type { Books, State } from './person-join-state.testkit.js';

/**
 * The join of everything that people do, on paper: several outcomes, events of their own accord, visitors who log in, lanes,
 * erasure and expiry, over partitions by person. As plainly as it can be written: maps, scans over everything, no disk. The
 * rules are those of docs/decisions/0028-the-joiner-on-paper.md; the real joiner is to be held against it.
 *
 * What comes out is a function of the records that came in, in their order. So a partition that is made anew, from a snapshot
 * or from the beginning, says the same again; what it had sent to other partitions it sends again, and they know it.
 */
export class PersonJoin {
  readonly #paper: Paper;
  readonly #outcomes: PaperOutcomes;
  readonly #events: PaperEvents;
  readonly #people: PaperPeople;

  constructor(partition: number, options: PersonJoinOptions) {
    this.#paper = new Paper(partition, options);
    this.#outcomes = new PaperOutcomes(this.#paper);
    this.#events = new PaperEvents(this.#paper, this.#outcomes);
    this.#people = new PaperPeople(this.#paper, this.#outcomes, this.#events);
  }

  save(): State {
    return structuredClone(this.#paper.state);
  }

  restore(state: State): void {
    this.#paper.state = structuredClone(state);
  }

  get books(): Books {
    return structuredClone(this.#paper.state.books);
  }

  /** Outcomes that are open, and events that wait. */
  get waiting(): { outcomes: Record<string, number>; events: number } {
    const open = (name: string): number =>
      [...this.#paper.state.rows.values()].filter(({ fates }) => fates[name] === 'open').length;
    const outcomes = this.#paper.options.outcomes.map(({ name }) => [name, open(name)] as const);
    return { outcomes: Object.fromEntries(outcomes), events: this.#paper.state.held.length };
  }

  /** Records that came in one message: what has ended is looked at behind the last of them. */
  take(...records: readonly JoinLogRecord[]): PaperOutput {
    for (const record of records) this.#take(record);
    for (const lane of ['live', 'import'] as const) this.#advance(lane);
    return this.#paper.takeOutput();
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
        this.#paper.state.books.events++;
        return this.#events.happened(record);
      case 'alias':
        return this.#people.becomes(record);
      case 'clock': {
        const lane = this.#paper.state.lanes[record.lane];
        lane.watermarkMs = Math.max(lane.watermarkMs, record.atMs);
        return;
      }
      case 'erase':
        return this.#people.erase(record);
      case 'sent':
        return this.#received(record);
    }
  }

  /** What is delivered again, since whoever sent it was made anew, has been taken. */
  #received({ source, number, what, isTold = false }: Sent): void {
    const { taken, books } = this.#paper.state;
    if (number <= (taken.get(source) ?? -1)) return;
    taken.set(source, number);
    if (what.kind === 'moved') return this.#people.moveIn(what);
    if (what.kind === 'erase') return this.#people.erase(what);
    if (what.kind === 'impression') return this.#offered(what, true);
    if (what.kind === 'shown') return this.#shown(what);
    books.eventsIn++;
    this.#events.happened(what, isTold, true);
  }

  /** @param isSent by the partition that has looked for copies of it. */
  #offered(offer: Offer, isSent = false): void {
    const { rows, moved, owners, lanes, books } = this.#paper.state;
    const owner = owners.get(offer.person);
    const lane = lanes[offer.lane];
    const isLate =
      offer.atMs + this.#paper.windowMsMax + this.#paper.options.latenessMs < lane.watermarkMs;
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
      if (this.#paper.isForgotten(offer.person, offer.atMs)) {
        this.#forgotten(offer, item);
        continue;
      }
      if (owner !== undefined) {
        const to = this.#paper.options.homeOf(owner);
        // Whoever comes next under this name is somebody else, perhaps; this was offered to him.
        moved.set(key, {
          partition: to,
          lane: offer.lane,
          untilMs: offer.atMs + this.#paper.keepMs,
        });
        this.#paper.send(to, { ...offer, person: owner, items: [item] });
        continue;
      }
      books.rows++;
      if (isLate) {
        books.lateRows++;
        continue;
      }
      lane.eventMsMax = Math.max(lane.eventMsMax, offer.atMs);
      const open = this.#paper.options.outcomes.map(({ name }) => [name, 'open'] as const);
      const { requestId, person, atMs } = offer;
      if (offer.log === 'all') this.#paper.activity.push(`${person} sees ${item} at ${atMs}`);
      rows.set(key, {
        ...{ requestId, item, person, atMs, sinceMs: atMs, lane: offer.lane, values: [], told: [] },
        ...{ isShown: offer.log === 'all', fates: Object.fromEntries(open) },
      });
      this.#events.retry(key);
    }
  }

  /** Copies of it are known by it; nothing comes of it, and whoever answers it counts by himself. */
  #ignored({ requestId, person, atMs, lane }: Offer, item: string): void {
    const { rows, lanes, books } = this.#paper.state;
    books.rows++;
    books.ignoredRows++;
    lanes[lane].eventMsMax = Math.max(lanes[lane].eventMsMax, atMs);
    const fates = this.#paper.options.outcomes.map(({ name }) => [name, 'ignored'] as const);
    rows.set(keyOf(requestId, item), {
      ...{ requestId, item, person, atMs, sinceMs: atMs, lane, values: [], told: [] },
      ...{ isShown: false, fates: Object.fromEntries(fates) },
    });
  }

  /** Of a time that is forgotten: as if the erasure had met it. */
  #forgotten({ requestId, person, atMs, lane }: Offer, item: string): void {
    const { rows, lanes, books } = this.#paper.state;
    books.rows++;
    lanes[lane].eventMsMax = Math.max(lanes[lane].eventMsMax, atMs);
    const fates = this.#paper.options.outcomes.map(({ name }) => [name, 'erased'] as const);
    for (const { name } of this.#paper.options.outcomes) books.outcomes[name]!.erased++;
    rows.set(keyOf(requestId, item), {
      ...{ requestId, item, person, atMs, sinceMs: atMs, lane, values: [], told: [] },
      ...{ isShown: false, fates: Object.fromEntries(fates) },
    });
  }

  #shown({ requestId, items, atMs, lane }: Shown): void {
    const { rows, moved, lanes } = this.#paper.state;
    lanes[lane].eventMsMax = Math.max(lanes[lane].eventMsMax, atMs);
    for (const item of items) {
      const key = keyOf(requestId, item);
      const went = moved.get(key);
      if (went)
        this.#paper.send(went.partition, { kind: 'shown', lane, requestId, items: [item], atMs });
      const row = rows.get(key);
      if (row && this.#outcomes.isOpen(row)) this.#outcomes.seen(row, atMs);
    }
  }

  /** Events that wait for it go there, and so does what comes later. */
  #points({ requestId, items, lane, atMs, to: partition }: Pointer): void {
    const { rows, moved } = this.#paper.state;
    for (const item of items) {
      const key = keyOf(requestId, item);
      if (rows.has(key) || moved.has(key)) continue;
      moved.set(key, { partition, lane, untilMs: atMs + this.#paper.keepMs });
      this.#events.passWaiting(key, partition);
    }
  }

  #advance(name: Lane): void {
    const lane = this.#paper.state.lanes[name];
    lane.watermarkMs = Math.max(lane.watermarkMs, lane.eventMsMax - this.#paper.options.latenessMs);
    this.#outcomes.closeDue(name, lane.watermarkMs);
    this.#events.closeDue(name, lane.watermarkMs);
    this.#forget(name, lane.watermarkMs);
  }

  #forget(lane: Lane, watermarkMs: number): void {
    const { rows, moved, ids } = this.#paper.state;
    for (const [key, row] of rows) {
      const isOver = !this.#outcomes.isOpen(row) && row.sinceMs + this.#paper.keepMs < watermarkMs;
      if (row.lane === lane && isOver) rows.delete(key);
    }
    for (const [key, { lane: its, untilMs }] of moved)
      if (its === lane && untilMs < watermarkMs) moved.delete(key);
    for (const [key, { lane: its, atMs }] of ids)
      if (its === lane && atMs + this.#paper.keepMs < watermarkMs) ids.delete(key);
  }
}
