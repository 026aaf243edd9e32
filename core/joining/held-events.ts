import { DueBuckets } from './due-buckets.js';
import type { PersonEvent } from './person-event.js';
import { encodeEvent } from './person-event.js';
import type { JoinRecord } from './types.js';

/** What somebody does is learned by so much later at most. */
const unnamedBucketMs = 50;

/** An event that may follow something of which we have not heard yet. */
export interface HeldEvent {
  /** Numbers rise in the order of arrival. */
  readonly number: number;
  readonly event: PersonEvent;
  /** The row that it names; '': none. */
  readonly key: string;
  isHeld: boolean;
  isStored: boolean;
}

/**
 * Events whose row has not come yet, and those of which it is not known whether there is one: another partition's lag, a processor
 * that was restarted, or an event of its own accord that the watermark has not reached. All stay in memory, with the batches that
 * they came in; the store has them packed.
 */
export class HeldEvents {
  readonly #byKey = new Map<string, HeldEvent[]>();
  readonly #byPerson = new Map<string, HeldEvent[]>();
  /** By lane, of those that name a row and of those that don't: those wait for a window, these for a moment. */
  readonly #due: readonly DueBuckets<HeldEvent>[];
  readonly #unnamedDue: readonly DueBuckets<HeldEvent>[];
  #fresh: HeldEvent[] = [];
  #removed: number[] = [];
  #size = 0;
  #unnamed = 0;

  constructor(bucketMs: number, lanes: number) {
    const bucketsOf = (ms: number) =>
      Array.from({ length: lanes }, () => new DueBuckets<HeldEvent>(ms));
    this.#due = bucketsOf(bucketMs);
    this.#unnamedDue = bucketsOf(Math.min(bucketMs, unnamedBucketMs));
  }

  /** Those that name no row. */
  get unnamed(): number {
    return this.#unnamed;
  }

  get size(): number {
    return this.#size;
  }

  isDue({ key, dueMs }: HeldPlace, lane: number, watermarkMs: number): boolean {
    return this.#bucketsOf(key, lane).isDue(dueMs, watermarkMs);
  }

  /** @param key of the row that it names; '': none. @param dueMs when it is known that no row comes any more. */
  hold(number: number, event: PersonEvent, { key, dueMs }: HeldPlace): void {
    this.#fresh.push(this.#add(number, event, key, dueMs, false));
  }

  /** From the store. */
  restore(number: number, event: PersonEvent, { key, dueMs }: HeldPlace): void {
    this.#add(number, event, key, dueMs, true);
  }

  /** Those that name the row, and those of the person that name none, in the order of arrival. */
  waitingFor(key: string, person: string): HeldEvent[] {
    const named = this.#byKey.get(key) ?? [];
    const others = (this.#byPerson.get(person) ?? []).filter((held) => held.key === '');
    if (others.length === 0) return named;
    return [...named, ...others].sort((a, b) => a.number - b.number);
  }

  /** Whether one that says the same waits for the row, and neither brings an id. */
  hasLike(key: string, { type, isPositive }: PersonEvent): boolean {
    return (this.#byKey.get(key) ?? []).some(
      ({ event }) => event.id === '' && event.type === type && event.isPositive === isPositive,
    );
  }

  of(person: string): readonly HeldEvent[] {
    return this.#byPerson.get(person) ?? [];
  }

  release(held: HeldEvent): void {
    held.isHeld = false;
    this.#size--;
    if (held.key === '') this.#unnamed--;
    else dropFrom(this.#byKey, held.key, held);
    const { person } = held.event;
    if (person !== '') dropFrom(this.#byPerson, person, held);
    if (held.isStored) this.#removed.push(held.number);
  }

  /** Releases and returns those that have waited in vain, by time. */
  takeDue(lane: number, watermarkMs: number): HeldEvent[] {
    const buckets = [this.#due[lane]!, this.#unnamedDue[lane]!];
    const due = buckets.flatMap((each) => each.takeDue(watermarkMs).flat());
    const taken = due.filter(({ isHeld }) => isHeld).sort(byTime);
    for (const held of taken) this.release(held);
    return taken;
  }

  /** Records of what has been held since the last drain and still is. */
  takeFresh(): JoinRecord[] {
    const fresh = this.#fresh.filter(({ isHeld }) => isHeld);
    this.#fresh = [];
    return fresh.map((held) => {
      held.isStored = true;
      return { number: held.number, bytes: encodeEvent(held.event) };
    });
  }

  /** Numbers of stored ones that are no longer held. */
  takeRemoved(): number[] {
    const removed = this.#removed;
    this.#removed = [];
    return removed;
  }

  #bucketsOf(key: string, lane: number): DueBuckets<HeldEvent> {
    return (key === '' ? this.#unnamedDue : this.#due)[lane]!;
  }

  #add(
    number: number,
    event: PersonEvent,
    key: string,
    dueMs: number,
    isStored: boolean,
  ): HeldEvent {
    const held: HeldEvent = { number, event, key, isStored, isHeld: true };
    const { person, lane } = event;
    if (key === '') this.#unnamed++;
    else addTo(this.#byKey, key, held);
    if (person !== '') addTo(this.#byPerson, person, held);
    this.#bucketsOf(key, lane).add(dueMs, held);
    this.#size++;
    return held;
  }
}

export interface HeldPlace {
  readonly key: string;
  readonly dueMs: number;
}

function addTo(map: Map<string, HeldEvent[]>, key: string, held: HeldEvent): void {
  const list = map.get(key);
  if (list) list.push(held);
  else map.set(key, [held]);
}

function dropFrom(map: Map<string, HeldEvent[]>, key: string, held: HeldEvent): void {
  const list = map.get(key)!;
  if (list.length === 1) map.delete(key);
  else list.splice(list.indexOf(held), 1);
}

/** Not the order of arrival: what comes first is told first. */
function byTime(a: HeldEvent, b: HeldEvent): number {
  return a.event.atMs - b.event.atMs || (a.event.id < b.event.id ? -1 : 1);
}
