import { keepsNegative } from './negative-sampling.js';
import type { OutcomeRule } from './outcome-rules.js';
import { isBefore, type Paper } from './person-join-paper.testkit.js';
import type { Lane, PersonEvent, Row } from './person-join-records.testkit.js';

/** Of the join on paper, what becomes known of rows, outcome by outcome. */
export class PaperOutcomes {
  readonly #paper: Paper;

  constructor(paper: Paper) {
    this.#paper = paper;
  }

  /** Outcomes that an event of this type says something of: a dismissal of all, a refund of those that sum. */
  outcomesOf({ type }: PersonEvent): readonly OutcomeRule[] {
    const { outcomes, events } = this.#paper.options;
    const { negative, undoes } = events[type] ?? {};
    if (negative) return outcomes;
    if (undoes !== undefined)
      return outcomes.filter(({ sums, from }) => sums && from.includes(undoes));
    return outcomes.filter(({ from }) => from.includes(type));
  }

  isWithin(row: Row, event: PersonEvent): boolean {
    const outcomes = this.outcomesOf(event);
    return outcomes.some(({ windowMs }) => event.atMs <= row.sinceMs + windowMs);
  }

  isTelling(row: Row): boolean {
    return (
      this.isOpen(row) || this.#paper.options.outcomes.some((outcome) => isReached(row, outcome))
    );
  }

  isOpen(row: Row): boolean {
    return this.#paper.options.outcomes.some(({ name }) => row.fates[name] === 'open');
  }

  seen(row: Row, atMs: number): void {
    if (row.isShown) return;
    row.isShown = true;
    row.sinceMs = Math.max(row.sinceMs, atMs);
    this.#paper.activity.push(`${row.person} sees ${row.item} at ${row.sinceMs}`);
  }

  /** One sample of what becomes known at once; what is given by a 0 is not learned. */
  resolve(row: Row, labels: Record<string, number>): void {
    const { books } = this.#paper.state;
    const kept: Record<string, number> = {};
    for (const { name, given, sums } of this.#paper.options.outcomes) {
      const { [name]: outcomeBooks } = books.outcomes;
      if (row.fates[name] !== 'open') continue;
      const label = labels[name];
      if (given !== undefined && isNone(row.fates[given])) this.end(row, name, 'not given');
      else if (label !== undefined) {
        row.fates[name] = label;
        this.#paper.activity.push(`${row.person} ${name}=${label} ${row.item} of ${row.requestId}`);
        if (label === 0 && !sums && !this.#keeps(row)) outcomeBooks!.dropped++;
        else {
          outcomeBooks!.known++;
          // What was told as 0 was learned then; what happens after all is learned again.
          if (!row.told.includes(name)) kept[name] = label;
          else if (label !== 0) kept[`${name} after all`] = label;
        }
      }
    }
    if (Object.keys(kept).length === 0) return;
    const { requestId, item, person, lane, atMs } = row;
    this.#paper.samples.push({ requestId, item, person, lane, atMs, labels: kept });
  }

  end(row: Row, name: string, fate: 'not given' | 'not seen' | 'erased' | 'moved'): void {
    row.fates[name] = fate;
    const books = this.#paper.state.books.outcomes[name]!;
    if (fate === 'not given') books.notGiven++;
    else if (fate === 'not seen') books.notSeen++;
    else if (fate === 'erased') books.erased++;
    else books.moved++;
  }

  eraseRow(row: Row): void {
    for (const outcome of this.#paper.options.outcomes) {
      if (row.fates[outcome.name] === 'open') this.end(row, outcome.name, 'erased');
      else if (isReached(row, outcome)) row.fates[outcome.name] = 'erased';
    }
  }

  /** What ends first is told first, whatever came first. */
  closeDue(lane: Lane, watermarkMs: number): void {
    for (;;) {
      const due = this.#dueNext(lane, watermarkMs);
      if (!due) return;
      this.#close(due.row, due.atMs);
    }
  }

  /** The row of which an outcome ends next, and when. */
  #dueNext(lane: Lane, watermarkMs: number): { row: Row; atMs: number } | undefined {
    let next: { row: Row; atMs: number } | undefined;
    for (const row of this.#paper.state.rows.values()) {
      if (row.lane !== lane) continue;
      const atMs = this.#endsAtMs(row);
      if (atMs > watermarkMs) continue;
      if (!next || atMs < next.atMs || (atMs === next.atMs && isBefore(row, next.row)))
        next = { row, atMs };
    }
    return next;
  }

  #endsAtMs(row: Row): number {
    const open = this.#paper.options.outcomes.filter(({ name }) => row.fates[name] === 'open');
    if (open.length === 0) return Infinity;
    // Whoever was offered it has time to see it.
    if (!row.isShown) return row.sinceMs + this.#paper.windowMsMax;
    return row.sinceMs + Math.min(...open.map((outcome) => nextMs(row, outcome)));
  }

  #close(row: Row, atMs: number): void {
    const { outcomes } = this.#paper.options;
    if (!row.isShown) {
      for (const { name } of outcomes)
        if (row.fates[name] === 'open') this.end(row, name, 'not seen');
      return;
    }
    const labels: Record<string, number> = {};
    for (const { name, windowMs, sums } of outcomes) {
      if (row.fates[name] !== 'open' || row.sinceMs + windowMs > atMs) continue;
      labels[name] = sums ? sumOf(row, name) : 0;
    }
    this.resolve(row, labels);
    this.#tellEarly(row, atMs);
  }

  #tellEarly(row: Row, atMs: number): void {
    const labels: Record<string, number> = {};
    for (const { name, earlyMs = Infinity } of this.#paper.options.outcomes) {
      if (row.fates[name] !== 'open' || row.told.includes(name)) continue;
      if (row.sinceMs + earlyMs <= atMs) labels[name] = 0;
    }
    if (Object.keys(labels).length === 0) return;
    row.told.push(...Object.keys(labels));
    if (!this.#keeps(row)) return;
    const { requestId, item, person, lane, atMs: offeredAtMs } = row;
    this.#paper.samples.push({ requestId, item, person, lane, atMs: offeredAtMs, labels });
  }

  #keeps({ requestId, item }: Row): boolean {
    return keepsNegative(requestId, item, this.#paper.options.negativeRate);
  }
}

function nextMs({ told }: Row, { name, windowMs, earlyMs }: OutcomeRule): number {
  return earlyMs === undefined || told.includes(name) ? windowMs : earlyMs;
}

/** By an event; a value is no such thing. */
export function isReached({ fates }: Row, { name, sums }: OutcomeRule): boolean {
  return !sums && fates[name] === 1;
}

function isNone(fate: Row['fates'][string] | undefined): boolean {
  return fate === 0 || fate === 'not given';
}

function sumOf(row: Row, outcome: string): number {
  const values = row.values.filter((each) => each.outcome === outcome);
  return values.reduce((sum, { value }) => sum + value, 0);
}
