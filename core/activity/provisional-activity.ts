import { dropOldest } from '../base/oldest.js';
import type { ActivityState, ListedEvent } from './activity-state.js';
import { emptyState, listEvent, listOf, unlistEvent } from './activity-state.js';
import type { KeptRules } from './kept-rules.js';

/** What somebody did, as the log of events of one data center has it. */
export interface ProvisionalEvent {
  /** Of its message, in that log. */
  readonly sequence: number;
  readonly person: string;
  readonly type: string;
  readonly item: string;
  readonly atMs: number;
  /** NaN: none. */
  readonly value: number;
  readonly order: string;
}

type Lists = Pick<ActivityState, 'lists'>;

/** People beyond it: who did something first gives way. Too low: what some of them did shows when training is back. */
const peopleMaxDefault = 50_000;
/** Of one person. */
const eventsMax = 200;

/**
 * What people did since nobody tells it: lists of events only, beside those that were told. What is told after all counts once,
 * as it stands there with the same item and time; so this may be forgotten at any moment after it.
 */
export class ProvisionalActivity {
  readonly #rules: Pick<KeptRules, 'listed' | 'undoes'>;
  readonly #peopleMax: number;
  readonly #events = new Map<string, ProvisionalEvent[]>();
  /** Visitors who are users since. */
  readonly #visitors = new Map<string, Set<string>>();
  readonly #changed = new Set<string>();

  constructor(rules: Pick<KeptRules, 'listed' | 'undoes'>, peopleMax = peopleMaxDefault) {
    this.#rules = rules;
    this.#peopleMax = peopleMax;
  }

  get people(): number {
    return this.#events.size;
  }

  take(event: ProvisionalEvent): void {
    const { listed, undoes } = this.#rules;
    if (!listed.has(event.type) && !undoes.has(event.type)) return;
    const events = this.#events.get(event.person) ?? [];
    // A message may be read again.
    if (events.some((other) => isSame(other, event))) return;
    events.push(event);
    if (events.length > eventsMax) events.shift();
    this.#events.set(event.person, events);
    this.#changed.add(event.person);
    dropOldest(this.#events, this.#peopleMax, (person) => this.#forget(person));
  }

  /** What the visitor did is the user's from now on. */
  merge(visitor: string, user: string): void {
    if (visitor === user) return;
    const visitors = this.#visitors.get(user) ?? new Set();
    this.#visitors.set(user, visitors.add(visitor));
    for (const event of this.#events.get(visitor) ?? []) this.take({ ...event, person: user });
    this.#events.delete(visitor);
    this.#changed.add(user);
    dropOldest(this.#visitors, this.#peopleMax);
  }

  /**
   * Somebody's lists, with what he did since.
   * @param told what is known of a person otherwise.
   */
  listsOf(person: string, told: (person: string) => Lists | undefined): Lists | undefined {
    const own = told(person);
    const events = this.#events.get(person);
    const visitors = this.#visitors.get(person);
    if (!events && !visitors) return own;
    const lists = emptyState();
    for (const each of [own, ...[...(visitors ?? [])].map(told)]) this.#copy(each, lists);
    for (const event of events ?? []) this.#add(event, lists);
    return lists;
  }

  /** Forgets what is told by now. */
  prune(person: string, told: (person: string) => Lists | undefined): void {
    const events = this.#events.get(person);
    if (!events) return;
    const own = told(person);
    if (!events.every((event) => own !== undefined && hasEvent(own, event))) return;
    this.#forget(person);
  }

  /** Somebody is to be forgotten. */
  erase(person: string): void {
    this.#visitors.delete(person);
    for (const visitors of this.#visitors.values()) visitors.delete(person);
    this.#forget(person);
  }

  /** Everything, as all of it is told. */
  clear(): void {
    for (const person of [...this.#events.keys(), ...this.#visitors.keys()])
      this.#changed.add(person);
    this.#events.clear();
    this.#visitors.clear();
  }

  /** Whose lists are others than when it was asked last. */
  takeChanged(): ReadonlySet<string> {
    const changed = new Set(this.#changed);
    this.#changed.clear();
    return changed;
  }

  #forget(person: string): void {
    this.#events.delete(person);
    this.#changed.add(person);
  }

  #copy(from: Lists | undefined, to: ActivityState): void {
    if (!from) return;
    for (const [type, max] of this.#rules.listed)
      for (const event of listOf(from, type) ?? [])
        if (!hasEvent(to, { type, item: event[0], atMs: event[1] }))
          listEvent(to, type, event, max);
  }

  #add(event: ProvisionalEvent, lists: ActivityState): void {
    const { listed, undoes } = this.#rules;
    const undone = undoes.get(event.type);
    if (undone !== undefined) unlistEvent(lists, undone, event);
    const max = listed.get(event.type) ?? 0;
    if (max === 0 || hasEvent(lists, event)) return;
    const listedEvent: ListedEvent = [event.item, event.atMs, event.value, event.order];
    listEvent(lists, event.type, listedEvent, max);
  }
}

function isSame(a: ProvisionalEvent, b: ProvisionalEvent): boolean {
  return a.sequence === b.sequence && a.type === b.type && a.item === b.item && a.atMs === b.atMs;
}

function hasEvent(
  lists: Lists,
  { type, item, atMs }: Pick<ProvisionalEvent, 'type' | 'item' | 'atMs'>,
): boolean {
  return (listOf(lists, type) ?? []).some(([one, at]) => one === item && at === atMs);
}
