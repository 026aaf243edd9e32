import { DueBuckets } from './due-buckets.js';
import type { PersonEvent } from './person-event.js';
import { decodeEvent } from './person-event.js';

/** An event that may follow something of which we have not heard yet. */
export interface HeldEvent {
  /** Numbers rise in the order of arrival. */
  readonly number: number;
  readonly bytes: Uint8Array;
  readonly requestId: string;
  readonly person: string;
  readonly item: string;
  readonly id: string;
  readonly type: string;
  readonly isPositive: boolean;
  readonly atMs: number;
  readonly lane: number;
  /** The row that it names; '': none. */
  readonly key: string;
  isHeld: boolean;
  isStored: boolean;
}

/**
 * Events whose row has not come yet, and those of which it is not known whether there is one: another partition's lag, a processor
 * that was restarted, or an event of its own accord that the watermark has not reached. All stay in memory, packed.
 */
export class HeldEvents {
  readonly #byKey = new Map<string, HeldEvent[]>();
  readonly #byPerson = new Map<string, HeldEvent[]>();
  readonly #due: readonly DueBuckets<HeldEvent>[];
  #fresh: HeldEvent[] = [];
  #removed: number[] = [];
  #size = 0;
  #unnamed = 0;

  constructor(bucketMs: number, lanes: number) {
    this.#due = Array.from({ length: lanes }, () => new DueBuckets<HeldEvent>(bucketMs));
  }

  /** Those that name no row. */
  get unnamed(): number {
    return this.#unnamed;
  }

  get size(): number {
    return this.#size;
  }

  isDue(dueMs: number, lane: number, watermarkMs: number): boolean {
    return this.#due[lane]!.isDue(dueMs, watermarkMs);
  }

  /** @param key of the row that it names; '': none. @param dueMs when it is known that no row comes any more. */
  hold(number: number, event: PersonEvent, bytes: Uint8Array, key: string, dueMs: number): void {
    this.#fresh.push(this.#add(number, event, bytes, key, dueMs, false));
  }

  /** From the store. */
  restore(number: number, bytes: Uint8Array, placeOf: (event: PersonEvent) => HeldPlace): void {
    const event = decodeEvent(bytes);
    const { key, dueMs } = placeOf(event);
    this.#add(number, event, bytes.slice(), key, dueMs, true);
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
      (held) => held.id === '' && held.type === type && held.isPositive === isPositive,
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
    if (held.person !== '') dropFrom(this.#byPerson, held.person, held);
    if (held.isStored) this.#removed.push(held.number);
  }

  /** Releases and returns those that have waited in vain, by time. */
  takeDue(lane: number, watermarkMs: number): HeldEvent[] {
    const due = this.#due[lane]!.takeDue(watermarkMs).flat();
    const taken = due.filter(({ isHeld }) => isHeld).sort(byTime);
    for (const held of taken) this.release(held);
    return taken;
  }

  /** What has been held since the last drain and still is. */
  takeFresh(): HeldEvent[] {
    const fresh = this.#fresh.filter(({ isHeld }) => isHeld);
    this.#fresh = [];
    for (const held of fresh) held.isStored = true;
    return fresh;
  }

  /** Numbers of stored ones that are no longer held. */
  takeRemoved(): number[] {
    const removed = this.#removed;
    this.#removed = [];
    return removed;
  }

  #add(
    number: number,
    { requestId, person, item, id, type, isPositive, atMs, lane }: PersonEvent,
    bytes: Uint8Array,
    key: string,
    dueMs: number,
    isStored: boolean,
  ): HeldEvent {
    const held: HeldEvent = {
      ...{ number, bytes, requestId, person, item, id, type, isPositive, atMs, lane, key },
      ...{ isStored, isHeld: true },
    };
    if (key === '') this.#unnamed++;
    else addTo(this.#byKey, key, held);
    if (person !== '') addTo(this.#byPerson, person, held);
    this.#due[lane]!.add(dueMs, held);
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
  return a.atMs - b.atMs || (a.id < b.id ? -1 : 1);
}
