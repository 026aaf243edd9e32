import type { Activity } from '../base/activity.js';
import type { KeptFeatures, KeptHistory, KeptPairs } from '../features/kept-features.js';
import type { RawFeatures } from '../features/raw-features.js';
import type { ActivityState, ListedEvent } from './activity-state.js';
import {
  emptyState,
  limitPairs,
  listEvent,
  mergeInto,
  noteAccount,
  pairsOf,
  listOf,
  unlistEvent,
} from './activity-state.js';
import type { Cell } from './cell.js';
import { addTo } from './cell.js';
import { KeptNumbers } from './kept-numbers.js';
import type { AggregateRule, HistoryRule, KeptRules } from './kept-rules.js';
import { isPair } from './kept-rules.js';
import { historyOf, newestOf, type NewestEvents } from './person-history.js';
import { StateCache } from './state-cache.js';
import { allKey, personKey, sharedKey, stateKey } from './state-keys.js';

/** One account is merged into another, and that into the next. */
const mergesMax = 16;

type Entity = 'user' | 'item';

export interface BookPorts {
  /** What was stored under a key before. */
  readonly stored: (key: string) => ActivityState | undefined;
  /** What is told of an entity. */
  readonly features: (entity: Entity, id: string) => RawFeatures | undefined;
  /** Somebody's lists with what nobody has told yet; left out: there is no such thing. */
  readonly provisional?: (person: string, told: (person: string) => Lists) => Lists;
  /** Hears who is to be forgotten. */
  readonly erased?: (person: string) => void;
}

type Lists = Pick<ActivityState, 'lists'> | undefined;

/** Something that happened between a person and an item. */
interface Happened {
  readonly person: string;
  readonly item: string;
  readonly atMs: number;
  /** NaN: none. */
  readonly value: number;
}

/** In which of a data center somebody asks about them: whose kept features are others than before. */
export interface ChangedEntities {
  readonly user: ReadonlySet<string>;
  readonly item: ReadonlySet<string>;
}

/**
 * What people did, folded into what is kept of them and of items. The same records in the same order give the same numbers,
 * in whatever process.
 */
export class ActivityBook {
  readonly #rules: KeptRules;
  readonly #states: StateCache;
  readonly #numbers: KeptNumbers;
  readonly #provisional: BookPorts['provisional'];
  readonly #erased: BookPorts['erased'];
  readonly #byEvent: ReadonlyMap<string, readonly AggregateRule[]>;
  readonly #byOutcome: ReadonlyMap<string, readonly AggregateRule[]>;
  /** Those of the same events and length together: several features of what somebody did last look at the same of it. */
  readonly #histories: readonly (readonly HistoryRule[])[];
  #changed = { user: new Set<string>(), item: new Set<string>() };

  constructor(rules: KeptRules, ports: BookPorts, statesMax: number) {
    this.#rules = rules;
    this.#states = new StateCache(ports.stored, statesMax);
    this.#numbers = new KeptNumbers(rules, this.#states, ports.features);
    this.#provisional = ports.provisional;
    this.#erased = ports.erased;
    this.#histories = alikeOf(rules.histories);
    const types = [...rules.types, 'shown'];
    this.#byEvent = new Map(
      types.map((type) => [type, rules.aggregates.filter(({ events }) => events.has(type))]),
    );
    const outcomes = rules.aggregates.flatMap(({ of }) => outcomeOf(of) ?? []);
    this.#byOutcome = new Map(
      outcomes.map((name) => [name, rules.aggregates.filter(({ of }) => outcomeOf(of) === name)]),
    );
  }

  /** What is told of an account that was merged is of whoever it is now. */
  take(told: Activity): void {
    const activity = this.#ofWhoIsIt(told);
    switch (activity.kind) {
      case 'event':
        return this.#happened(activity);
      case 'shown':
        return this.#count(this.#byEvent.get('shown')!, { ...activity, value: NaN }, 1);
      case 'outcome': {
        const rules = this.#byOutcome.get(activity.outcome) ?? [];
        return this.#count(rules, { ...activity, value: activity.label }, 1);
      }
      case 'merged':
        return this.#merge(activity.user, activity.visitor);
      case 'erased':
        this.#states.remove(personKey(activity.person));
        this.#changed.user.add(activity.person);
        this.#erased?.(activity.person);
    }
  }

  /** What is kept of one, at a time. */
  kept(entity: Entity, asked: string, nowMs: number): KeptFeatures {
    const id = entity === 'user' ? this.whoIs(asked) : asked;
    const numbers = this.#numbers.of(entity, id, nowMs);
    if (entity === 'item' || this.#rules.histories.length === 0) return numbers;
    const state = this.#listsOf(id);
    const kept: Record<string, number | KeptHistory | KeptPairs> = numbers;
    for (const rules of this.#histories) {
      const newest = newestOf(state, rules[0]!, this.#rules.types);
      for (const rule of rules) kept[rule.name] = this.#historyOf(rule, newest, nowMs);
    }
    return kept;
  }

  /** What was told of somebody. */
  toldOf(person: string): Lists {
    return this.#states.get(personKey(this.whoIs(person)));
  }

  /** All that is kept under this name, as it is stored. */
  about(person: string): ActivityState | undefined {
    return this.#states.get(personKey(person));
  }

  /** Items of what somebody did lately, by types of events, those of each in the order of time. */
  itemsOf(person: string, types: Iterable<string>, sinceMs: number): string[] {
    const state = this.#listsOf(person) ?? emptyState();
    const items = new Set<string>();
    for (const type of types)
      for (const [item, atMs] of listOf(state, type) ?? []) if (atMs >= sinceMs) items.add(item);
    return [...items];
  }

  /** Who an account is by now. Bounded: circles are the joiner's to break, and told one after the other. */
  whoIs(person: string): string {
    let found = person;
    for (let i = 0; i < mergesMax; i++) {
      const next = this.#states.get(personKey(found))?.is;
      if (next === undefined) return found;
      found = next;
    }
    return found;
  }

  /** Whose kept features are others than when it was asked last. */
  takeChanged(): ChangedEntities {
    const changed = this.#changed;
    this.#changed = { user: new Set(), item: new Set() };
    return changed;
  }

  /** What is not stored yet, to be stored at once; undefined: to be removed. */
  takeUnstored(): Map<string, ActivityState | undefined> {
    return this.#states.takeUnstored();
  }

  /** What was taken is stored, or could not be. */
  settle(isStored: boolean): void {
    this.#states.settle(isStored);
  }

  forgetAll(): void {
    this.#states.clear();
  }

  #historyOf({ source }: HistoryRule, newest: NewestEvents, nowMs: number): KeptHistory {
    const valueOf = (item: string): unknown => this.#numbers.toldOf('item', item, source) ?? null;
    return historyOf(newest, nowMs, valueOf);
  }

  /** With what nobody has told yet. */
  #listsOf(person: string): Lists {
    const told = (each: string): Lists => this.toldOf(each);
    return this.#provisional ? this.#provisional(this.whoIs(person), told) : told(person);
  }

  #happened(event: Extract<Activity, { kind: 'event' }>): void {
    const { person, type, item, atMs, value, order } = event;
    const rules = this.#byEvent.get(type) ?? [];
    this.#count(rules, event, 1);
    const undone = this.#rules.undoes.get(type);
    if (undone !== undefined) this.#undo(event, undone);
    const max = this.#rules.listed.get(type) ?? 0;
    if (max === 0) return;
    const listed: ListedEvent = [item, atMs, value, order];
    listEvent(this.#states.change(personKey(person)), type, listed, max);
    this.#touch(person);
  }

  #undo({ person, item, order }: Extract<Activity, { kind: 'event' }>, type: string): void {
    const found = unlistEvent(this.#states.change(personKey(person)), type, { item, order });
    if (!found) return;
    const [, atMs, value] = found;
    this.#count(this.#byEvent.get(type) ?? [], { person, item, atMs, value }, -1);
    this.#touch(person);
  }

  #merge(user: string, visitor: string): void {
    const { isVisitor = () => true } = this.#rules;
    if (!isVisitor(visitor)) return this.#mergeAccount(user, visitor);
    const came = this.#states.get(personKey(visitor));
    if (!came) return;
    const to = this.whoIs(user);
    mergeInto(this.#states.change(personKey(to)), came, this.#rules);
    this.#states.remove(personKey(visitor));
    this.#changed.user.add(visitor);
    this.#touch(to);
  }

  /** All of it, however long ago; and who asks for it asks for the other one from now on. */
  #mergeAccount(user: string, account: string): void {
    const came = this.#states.get(personKey(account)) ?? emptyState();
    const into = this.#states.change(personKey(user));
    // Where accounts were merged in a circle, the joiner says whose it all is.
    delete into.is;
    mergeInto(into, came, { ...this.#rules, lookbackMs: Infinity });
    noteAccount(into, account, came);
    this.#states.remove(personKey(account));
    this.#states.change(personKey(account)).is = user;
    this.#touch(user);
  }

  #ofWhoIsIt(told: Activity): Activity {
    if (told.kind === 'merged' || told.kind === 'erased') return told;
    const person = this.whoIs(told.person);
    return person === told.person ? told : { ...told, person };
  }

  /** Others may know him by the names that he had. */
  #touch(person: string): void {
    this.#changed.user.add(person);
    for (const name of this.#states.get(personKey(person))?.was ?? []) this.#changed.user.add(name);
  }

  /** All values are those from before it. */
  #count(rules: readonly AggregateRule[], happened: Happened, weight: number): void {
    if (rules.length === 0) return;
    const values = rules.map((rule) => this.#numbers.valueOf(rule, happened));
    rules.forEach((rule, i) => {
      if (!Number.isNaN(values[i]!)) this.#add(rule, happened, values[i]!, weight);
    });
  }

  #add(rule: AggregateRule, happened: Happened, value: number, weight: number): void {
    const { entity, key, memory, by, beside } = rule;
    const when = { weight, atMs: happened.atMs };
    const id = entity === 'user' ? happened.person : happened.item;
    if (rule.scale !== 'count' && beside === undefined) {
      const all = this.#states.change(allKey).cells;
      // On the whole nothing is the last of anything.
      all[key] = addTo(memory.kind === 'last' ? ever : memory, all[key], value, when);
    }
    const put = (cells: Record<string, Cell>, at: string): void => {
      cells[at] = addTo(memory, cells[at], value, when);
    };
    if (!by) {
      put(this.#states.change(stateKey(entity, id)).cells, key);
      this.#changes(entity, id);
      return;
    }
    const other = by.entity === 'user' ? happened.person : happened.item;
    const keys = by.keysOf(this.#numbers.toldOf(by.entity, other, by.source));
    if (!isPair(rule)) {
      // Whoever shares the value hears of it when he is looked at again.
      for (const each of keys) put(this.#states.change(sharedKey(rule, each)).cells, key);
      return;
    }
    const pairs = pairsOf(this.#states.change(stateKey(entity, id)), key);
    for (const each of keys) {
      put(pairs, String(each));
      limitPairs(pairs, String(each));
    }
    this.#changes(entity, id);
  }

  #changes(entity: Entity, id: string): void {
    if (entity === 'user') this.#touch(id);
    else this.#changed.item.add(id);
  }
}

function alikeOf(rules: readonly HistoryRule[]): HistoryRule[][] {
  const groups = new Map<string, HistoryRule[]>();
  for (const rule of rules) {
    const key = JSON.stringify([rule.length, [...rule.events].sort()]);
    groups.set(key, [...(groups.get(key) ?? []), rule]);
  }
  return [...groups.values()];
}

const ever = { kind: 'ever' } as const;

function outcomeOf(of: AggregateRule['of']): string | undefined {
  return of.kind === 'outcome' || of.kind === 'known' ? of.name : undefined;
}
