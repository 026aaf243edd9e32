import type { HeldPlace } from './held-events.js';
import { keyOf } from './kept-rows.js';
import type { OpenRow } from './open-rows.js';
import type { TypeMeaning } from './outcome-rules.js';
import { decodeEvent, type PersonEvent } from './person-event.js';
import type { RowOutcomes } from './row-outcomes.js';
import type { Unjoined } from './window-output.js';
import type { WindowParts } from './window-parts.js';

/** Of a closed row: somebody has said so. */
export const dismissed = 1;

/** Of a window, what people do: whether it has come before, where it belongs, and what becomes of it where it has no row. */
export class EventsInWindow {
  readonly #parts: WindowParts;
  readonly #rows: RowOutcomes;

  constructor(parts: WindowParts, rows: RowOutcomes) {
    this.#parts = parts;
    this.#rows = rows;
  }

  /** @param isTold followers have heard of it. @param isSent see `isKnown` of `EventIds`. */
  happened(event: PersonEvent, isTold = false, isSent = false): void {
    const { options, books, identities, ids, moved, out } = this.#parts;
    const key = event.requestId === '' ? '' : keyOf(event.requestId, event.item);
    if (this.#isCopy(event, key, isSent)) return books.count('duplicates', event);
    books.count('actions', event);
    const { lane, atMs, person } = event;
    this.#parts.heard(lane, atMs);
    if (event.isIgnored) {
      books.count('ignoredActions', event);
      return ids.remember(event);
    }
    // A clock may have been ahead.
    const sinceMs = event.acceptedAtMs < atMs ? event.acceptedAtMs : atMs;
    if (identities.isForgotten(person, sinceMs)) {
      books.count('erasedActions', event);
      return ids.remember(event);
    }
    const owner = person === '' ? undefined : identities.ownerOf(person);
    const went = key === '' ? undefined : moved.valueOf(key);
    if (owner !== undefined)
      return this.pass(options.homeOf(owner), { ...event, person: owner }, isTold);
    if (went !== undefined) return this.pass(went, event, isTold);
    ids.remember(event);
    // Of whom it is, if it does not say so, is known when its row is.
    if (!isTold && person !== '') out.tellEvent(person, event);
    this.#settle(event, key);
  }

  /** A row has come that events may wait for. */
  joinWaiting(row: OpenRow): void {
    const { held } = this.#parts;
    if (held.size === 0) return;
    const waiting = held
      .waitingFor(row.key, row.person)
      .filter((each) => each.key === row.key || this.#rowOf(each.event) === row);
    for (const each of waiting) {
      held.release(each);
      this.#join(row, each.event);
    }
  }

  /** The row that events wait for is elsewhere. */
  passWaiting(key: string, to: number): void {
    const { held } = this.#parts;
    for (const each of [...held.waitingFor(key, '')]) {
      held.release(each);
      this.pass(to, each.event, each.event.person !== '');
    }
  }

  pass(to: number, event: PersonEvent, isTold: boolean): void {
    const { books, ids, out } = this.#parts;
    books.count('passedActions', event);
    ids.rememberPassed(event);
    out.send(to, { kind: 'event', event }, isTold);
  }

  /** No row comes any more that these have waited for. */
  closeDue(lane: number, watermarkMs: number): void {
    for (const { event } of this.#parts.held.takeDue(lane, watermarkMs))
      this.#alone(event, 'orphan');
  }

  /** One that waits, as it is stored. */
  decode(bytes: Uint8Array): readonly [PersonEvent, HeldPlace] {
    const { slotCount, denseCount } = this.#parts.options;
    const event = decodeEvent(bytes, slotCount, denseCount);
    return [event, this.#placeOf(event)];
  }

  /** One that brings no id is known by what it says of its row, as long as the row is known. */
  #isCopy(event: PersonEvent, key: string, isSent: boolean): boolean {
    const { ids, closed, held } = this.#parts;
    if (event.id !== '') return ids.isKnown(event, isSent);
    if (key === '') return false;
    return (!event.isPositive && closed.valueOf(key) === dismissed) || held.hasLike(key, event);
  }

  /** Joins it, or holds it, or says what else becomes of it. */
  #settle(event: PersonEvent, key: string): void {
    const { closed, held, lanes, progress } = this.#parts;
    const row = this.#rowOf(event, key);
    if (row) return this.#join(row, event);
    const place = this.#placeOf(event);
    const { lane } = event;
    if (key !== '' && closed.has(key)) return this.#alone(event, 'late');
    if (held.isDue(place, lane, lanes[lane]!.watermarkMs)) return this.#alone(event, 'late');
    held.hold(progress.numberNext++, event, place);
  }

  /** The row that it names; else the last one before it, of this person and item, that it tells something of. */
  #rowOf(
    event: PersonEvent,
    key = event.requestId === '' ? '' : keyOf(event.requestId, event.item),
  ): OpenRow | undefined {
    const { kept } = this.#parts;
    if (key !== '') return kept.get(key);
    const meaning = this.#meaningOf(event);
    let found: OpenRow | undefined;
    for (const row of kept.of(event.person, event.item)) {
      if (row.item !== event.item || row.lane !== event.lane || row.sinceMs > event.atMs) continue;
      if (((row.open | row.reached) & meaning.outcomes) === 0) continue;
      if (!this.#rows.isWithin(row, meaning, event.atMs)) continue;
      if (!found || isAfter(row, found)) found = row;
    }
    return found;
  }

  #join(row: OpenRow, happened: PersonEvent): void {
    const { books, out } = this.#parts;
    let event = happened;
    if (event.person === '' && !row.isGone) {
      event = { ...event, person: row.person };
      out.tellEvent(row.person, event);
    }
    const meaning = this.#meaningOf(event);
    const said = this.#rows.saidOf(row, meaning, event.atMs);
    if (said !== 0) {
      books.count('joinedActions', event);
      this.#rows.join(row, event, meaning, said);
    } else if ((row.reached & meaning.outcomes) !== 0) books.count('repeatedActions', event);
    // Too late for its row, it counts by itself.
    else this.#alone(event, 'late');
  }

  /** No row of ours is before it any more. */
  #alone(event: PersonEvent, why: Unjoined): void {
    const { options, books, out } = this.#parts;
    if (event.person === '') {
      books.count(why === 'late' ? 'lateActions' : 'orphanActions', event);
      return out.buryEvent(event, why);
    }
    const isLearned = options.organic && this.#rows.learnAlone(event, this.#meaningOf(event));
    books.count(isLearned ? 'organicActions' : 'historyActions', event);
  }

  #meaningOf({ type, isPositive }: PersonEvent): TypeMeaning {
    return this.#parts.outcomes.meaningOf(type, isPositive);
  }

  /** When it is known that no row it could belong to comes any more. */
  #placeOf({ requestId, item, atMs }: PersonEvent): HeldPlace {
    const { options, outcomes } = this.#parts;
    const { latenessMs, organicWaitMs } = options;
    if (requestId === '') return { key: '', dueMs: atMs + organicWaitMs - latenessMs };
    return { key: keyOf(requestId, item), dueMs: atMs + outcomes.windowMsMax + latenessMs };
  }
}

function isAfter(a: OpenRow, b: OpenRow): boolean {
  return a.sinceMs > b.sinceMs || (a.sinceMs === b.sinceMs && a.requestId > b.requestId);
}
