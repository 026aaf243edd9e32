import { at } from '../base/columns.js';
import { logs } from './event-facts.js';
import { dismissed, type EventsInWindow } from './events-in-window.js';
import { keyOf } from './kept-rows.js';
import { OpenRow, packRow } from './open-rows.js';
import type { RowOutcomes } from './row-outcomes.js';
import type { ImpressionBatch } from './types.js';
import type { WindowParts } from './window-parts.js';

/** Of a window, what people were offered: whether it has come before, where it belongs, and what remains of it when it is over. */
export class OffersInWindow {
  readonly #parts: WindowParts;
  readonly #rows: RowOutcomes;
  readonly #events: EventsInWindow;

  constructor(parts: WindowParts, rows: RowOutcomes, events: EventsInWindow) {
    this.#parts = parts;
    this.#rows = rows;
    this.#events = events;
  }

  /** @param isSent by the partition that has looked for copies of it. */
  offered(batch: ImpressionBatch, row: number, person: string, isSent = false): void {
    const { options, outcomes: set, books, moved, identities, lanes, out } = this.#parts;
    const requestId = batch.requestIds[row]!;
    const item = batch.items[row]!;
    const sinceMs = batch.atMs[row]!;
    const key = keyOf(requestId, item);
    const lane = at(batch.facts.lanes, row);
    const { events, outcomes } = books;
    if (isSent) moved.delete(key, lane);
    if (this.#isKnown(key)) {
      events.duplicates++;
      return;
    }
    if (at(batch.facts.logs, row) === logs.ignored) {
      events.impressions++;
      events.ignoredImpressions++;
      return this.#closedAtOnce(key, lane, sinceMs);
    }
    if (identities.isForgotten(person, sinceMs)) {
      events.impressions++;
      for (const counts of outcomes) counts.erased++;
      return this.#closedAtOnce(key, lane, sinceMs);
    }
    const owner = identities.ownerOf(person);
    if (owner !== undefined) {
      const to = options.homeOf(owner);
      events.passedImpressions++;
      // Whoever comes next under this name is somebody else, perhaps; this was offered to him.
      moved.set(key, to, lane, sinceMs + this.#parts.keepMs);
      return out.send(to, { kind: 'offer', person: owner, packed: packRow(batch, row) });
    }
    events.impressions++;
    const lateMs = lanes[lane]!.watermarkMs - sinceMs - set.windowMsMax - options.latenessMs;
    if (lateMs > 0) {
      events.lateImpressions++;
      return out.buryImpression({ requestId, item, atMs: sinceMs }, lateMs);
    }
    this.#parts.heard(lane, sinceMs);
    for (const counts of outcomes) counts.open++;
    const isShown = at(batch.facts.logs, row) === logs.all;
    const state = { lane, person, sinceMs, isShown, open: set.all, reached: 0, values: undefined };
    const offered = new OpenRow({ key, requestId, item }, state, batch, row);
    if (isShown) this.#rows.tellShown(offered);
    this.admit(offered);
  }

  admit(row: OpenRow): void {
    const { kept, keepMs } = this.#parts;
    kept.add(row, row.sinceMs + keepMs);
    this.#events.joinWaiting(row);
  }

  shown(requestId: string, item: string, atMs: number, lane: number): void {
    const { kept, moved, out } = this.#parts;
    this.#parts.heard(lane, atMs);
    const key = keyOf(requestId, item);
    const to = moved.valueOf(key);
    if (to !== undefined) out.send(to, { kind: 'shown', requestId, item, atMs, lane });
    const row = kept.get(key);
    if (row && row.open !== 0) this.#rows.see(row, atMs);
  }

  /** Who asks for it by its request finds it there. */
  pointed(key: string, to: number, atMs: number, lane: number): void {
    // It may have gone there itself, and further since.
    if (this.#isKnown(key)) return;
    this.#parts.moved.set(key, to, lane, atMs + this.#parts.keepMs);
    this.#events.passWaiting(key, to);
  }

  /** Nothing is open of it any more. */
  closed(row: OpenRow): void {
    const { kept, closed, keepMs } = this.#parts;
    const untilMs = row.sinceMs + keepMs;
    if (row.reached !== 0) return kept.settle(row, untilMs);
    kept.drop(row);
    closed.set(row.key, row.isDismissed ? dismissed : 0, row.lane, untilMs);
  }

  closeDue(lane: number, watermarkMs: number): void {
    this.#parts.kept.eachDue(lane, watermarkMs, (row, atMs) => this.#rows.close(row, atMs));
  }

  #isKnown(key: string): boolean {
    const { kept, closed, moved } = this.#parts;
    return kept.get(key) !== undefined || closed.has(key) || moved.has(key);
  }

  /** Copies of it are known by it. */
  #closedAtOnce(key: string, lane: number, sinceMs: number): void {
    this.#parts.heard(lane, sinceMs);
    this.#parts.closed.set(key, 0, lane, sinceMs + this.#parts.keepMs);
  }
}
