import type { IgnoredReason } from '../../actors/processor/ignored-events.js';
import { CheckedEvents } from '../../actors/processor/checked-events.js';
import { ActivityBook } from '../../core/activity/activity-book.js';
import type { ActivityState } from '../../core/activity/activity-state.js';
import type { AggregateRule } from '../../core/activity/kept-rules.js';
import type { Activity } from '../../core/base/activity.js';
import { joinRulesOf } from '../../core/blueprint/join-rules.js';
import { keptRulesOf } from '../../core/blueprint/kept-rules.js';
import type { ClusterConfig } from '../../core/config/schema.js';
import { encodeContext } from '../../core/features/origin.js';
import type { KeptFeatures } from '../../core/features/kept-features.js';
import type { RawFeatures } from '../../core/features/raw-features.js';
import type { EncodedEntity, Transform } from '../../core/features/transform.js';
import { visitorPerson } from '../../core/joining/person-event.js';
import type { NegativeDraws } from '../../core/retrieval/negative-draws.js';
import type { Entity } from '../../messages/subjects.js';
import type { PublicAction } from '../../messages/public.js';
import type { ImportedEvent } from '../../importing/import-source.js';

type Draws = Pick<NegativeDraws, 'note' | 'draw'>;

export interface ImportFoldOptions {
  readonly config: ClusterConfig;
  readonly transform: Transform;
  readonly told: (entity: Entity, id: string) => RawFeatures | undefined;
  readonly draws: Draws;
  /** What was kept under a key before the first of the rows; left out: nothing was. */
  readonly past?: (key: string) => ActivityState | undefined;
  /** Whether an event was told before, by its id, and comes by `toldMeanwhile`; left out: none was. */
  readonly isTold?: (id: string) => boolean;
}

/** Events may be so far ahead of the clock here; others are of no time that has been. */
const aheadMsMax = 2_000;

/** The rows that an event is learned by: its item first, then those drawn, with the features of the moment before it. */
export interface MomentOfEvent {
  readonly items: readonly string[];
  readonly weights: readonly number[];
  readonly user: EncodedEntity;
  readonly encoded: readonly EncodedEntity[];
  readonly context: EncodedEntity;
}

/** An event as JOIN has it. */
export interface FoldedEvent {
  readonly person: string;
  readonly item: string;
  readonly atMs: number;
  readonly label: number;
  /** See `actionFactTable`. */
  readonly facts: Readonly<Record<string, string | number>>;
  /** It says as well that this visitor is this user; as people. */
  readonly alias: FoldedAlias | undefined;
  readonly moment: MomentOfEvent | undefined;
  /** Why nothing will be learned of it, in words; undefined: it will. */
  readonly whyNot: string | undefined;
}

export interface FoldedAlias {
  readonly visitor: string;
  readonly user: string;
  readonly atMs: number;
}

/**
 * What people did, in the order of time, folded as the feature stores fold it: what is kept of people and items before each event is what
 * it was then. The same rows in the same order give the same, whoever folds them.
 */
export class ImportFold {
  readonly #options: ImportFoldOptions;
  readonly #checked: CheckedEvents;
  readonly #book: ActivityBook;
  /** Of outcomes that are chances. */
  readonly #learnedTypes: ReadonlySet<string>;
  readonly #isKept: Readonly<Record<Entity, boolean>>;
  /** Users by visitor; as people. */
  readonly #owners = new Map<string, string>();
  /** As they are for as long as nothing happens to them, where that is so. */
  readonly #encodedItems = new Map<string, EncodedEntity>();
  readonly #areItemsSteady: boolean;
  readonly #contexts = new Map<string, EncodedEntity>();

  constructor(options: ImportFoldOptions) {
    const { config, told, past = () => undefined } = options;
    const rules = keptRulesOf(config);
    this.#options = options;
    this.#checked = new CheckedEvents(options);
    const chances = joinRulesOf(config).outcomes.filter(({ sums }) => sums !== true);
    this.#learnedTypes = new Set(chances.flatMap(({ from }) => from));
    const ports = { stored: past, features: told };
    this.#book = new ActivityBook(rules, ports, Infinity);
    this.#isKept = {
      user: rules.histories.length > 0 || rules.aggregates.some(({ entity }) => entity === 'user'),
      item: rules.aggregates.some(({ entity }) => entity === 'item'),
    };
    this.#areItemsSteady = rules.aggregates.every(
      (rule) => rule.entity === 'user' || isSteady(rule),
    );
  }

  /** Whether anything is kept of what people do. */
  get keepsAny(): boolean {
    return this.#isKept.user || this.#isKept.item;
  }

  /** Who a visitor is by now, as everybody behind the door knows him. */
  personOf({ user, visitor }: Pick<ImportedEvent, 'user' | 'visitor'>): string {
    if (user !== undefined) return user;
    if (visitor === undefined) return '';
    const person = visitorPerson(visitor);
    return this.#owners.get(person) ?? person;
  }

  /** Of before the first row: something that was told. */
  told(activity: Activity): void {
    this.#book.take(activity);
    for (const item of this.#book.takeChanged().item) this.#encodedItems.delete(item);
  }

  /** Of the time of the rows: something that was told of before the next one. */
  toldMeanwhile(activity: Activity): void {
    if (activity.kind === 'merged') this.#owners.set(activity.visitor, activity.user);
    const person = 'person' in activity ? this.#owners.get(activity.person) : undefined;
    // Of a visitor whom the rows have given a name since.
    this.told(person === undefined ? activity : ({ ...activity, person } as Activity));
  }

  /** Of before the first row: who a visitor was; what the rows have said of him since stays. @param visitor as a person. */
  wasKnown(visitor: string, user: string): void {
    if (!this.#owners.has(visitor)) this.#owners.set(visitor, user);
  }

  /** Nothing was told. */
  forgetAll(): void {
    this.#book.forgetAll();
    this.#encodedItems.clear();
  }

  /** Items of what is listed of somebody: histories say what is told of them. */
  listedOf(person: string): string[] {
    const lists = Object.values(this.#book.toldOf(person)?.lists ?? {});
    return lists.flatMap((list) => list.map(([item]) => item));
  }

  /** @returns undefined where that was known. */
  becomes(visitorId: string, user: string, atMs: number): FoldedAlias | undefined {
    const visitor = visitorPerson(visitorId);
    if (this.#owners.get(visitor) === user) return undefined;
    this.#owners.set(visitor, user);
    this.#book.take({ kind: 'merged', user, visitor });
    return { visitor, user, atMs };
  }

  /** What is told of an item is another than before. */
  toldAnew(entity: Entity, id: string): void {
    if (entity === 'item') this.#encodedItems.delete(id);
  }

  /**
   * Takes an event.
   * @param wanted whether JOIN is to have it of this person: else nothing is made of it but history.
   * @throws StarlingError for one that nothing can be made of; then nothing is changed.
   */
  happened(told: ImportedEvent, nowMs: number, wanted: (person: string) => boolean): FoldedEvent {
    const { draws } = this.#options;
    const event = publicOf(told);
    this.#checked.check(event, nowMs);
    const { user, visitor } = told;
    const alias =
      user !== undefined && visitor !== undefined
        ? this.becomes(visitor, user, told.timestamp)
        : undefined;
    const person = this.personOf(told);
    const ignored = this.#checked.reasonOf(event, nowMs);
    const atMs = Math.min(told.timestamp, nowMs + aheadMsMax);
    if (event.label === 1 && ignored === undefined) draws.note(event.item);
    const whyNot = this.#whyNot(event, person, ignored);
    const isLearned = whyNot === undefined && wanted(person);
    const moment = isLearned ? this.#momentOf(event, person, atMs) : undefined;
    const facts = this.#checked.factsOf(event);
    const isTold = this.#options.isTold?.(told.id) ?? false;
    if (ignored === undefined && person !== '' && !isTold) this.#take(event, person, atMs, facts);
    return {
      ...{ person, item: event.item, atMs, label: event.label, alias, moment, whyNot },
      facts: {
        ...facts,
        // Who he is by now; of a visitor who is nobody else, what he is called.
        ...(user === undefined && visitor !== undefined && person !== visitorPerson(visitor)
          ? { users: person }
          : {}),
        ids: told.id,
        ...(ignored === undefined ? {} : { ignored }),
      },
    };
  }

  /** What is kept of one at a time, as a feature store says it. */
  kept(entity: Entity, id: string, atMs: number): KeptFeatures | undefined {
    return this.#isKept[entity] ? this.#book.kept(entity, id, atMs) : undefined;
  }

  #take(
    { item, type = 'click', order = '' }: PublicAction,
    person: string,
    atMs: number,
    facts: Readonly<Record<string, string | number>>,
  ): void {
    const value = typeof facts['values'] === 'number' ? facts['values'] : NaN;
    this.told({ kind: 'event', person, type, item, id: '', atMs, value, order });
  }

  /** As joiners see it, of what follows no slate. */
  #whyNot(
    { type = 'click', label }: PublicAction,
    person: string,
    ignored: IgnoredReason | undefined,
  ): string | undefined {
    const { events, organic } = this.#options.config;
    const { negative, undoes } = events[type]!;
    if (ignored === 'ignore') return 'ignored, as `ignore` says';
    if (ignored !== undefined) return 'ignored: more events than a person can do';
    if (person === '') return 'of nobody: it names neither a user nor a visitor';
    if (negative || label === 0)
      return 'a dismissal, and nothing of ours was shown that it could be of';
    if (undoes !== undefined) return `it takes back a ${undoes}`;
    if (!this.#learnedTypes.has(type)) return `no outcome is of the type ${type}`;
    return organic.negatives === 0
      ? 'events of their own accord are not learned (organic)'
      : undefined;
  }

  #momentOf(event: PublicAction, person: string, atMs: number): MomentOfEvent {
    const { config, draws, transform, told } = this.#options;
    const own = { item: event.item, weight: 1 };
    const all = [own, ...draws.draw(config.organic.negatives, event.item)];
    const kept = this.kept('user', person, atMs);
    return {
      items: all.map(({ item }) => item),
      weights: all.map(({ weight }) => weight),
      user: transform.encodeEntity('user', person, told('user', person) ?? {}, kept),
      encoded: all.map(({ item }) => this.#itemAt(item, atMs)),
      context: this.#contextOf(event),
    };
  }

  #itemAt(item: string, atMs: number): EncodedEntity {
    const known = this.#encodedItems.get(item);
    if (known) return known;
    const { transform, told } = this.#options;
    const kept = this.kept('item', item, atMs);
    const features = told('item', item);
    const encoded = transform.encodeEntity('item', item, features ?? {}, kept);
    // Of one that nothing is told of, something may be yet.
    if (this.#areItemsSteady && features) this.#encodedItems.set(item, encoded);
    return encoded;
  }

  /** Most events say nothing of theirs. */
  #contextOf({ context }: PublicAction): EncodedEntity {
    const { transform } = this.#options;
    if (Object.keys(context).length > 0) return encodeContext(transform, context, 'organic');
    const known = this.#contexts.get('') ?? encodeContext(transform, {}, 'organic');
    this.#contexts.set('', known);
    return known;
  }
}

/** As the door for single events takes it. A slate that it names is over. */
function publicOf({
  timestamp,
  label = 1,
  context = {},
  requestId,
  ...told
}: ImportedEvent): PublicAction {
  void requestId;
  return { ...told, label, context, timestamp: timestamp / 1000 };
}

/** Whether it is the same until something happens to what it is of: it fades with no time, and is of nothing that others share. */
function isSteady({ scale, memory, by, beside }: AggregateRule): boolean {
  const isLasting = memory.kind === 'ever' || memory.kind === 'last';
  return isLasting && scale === 'count' && by === undefined && beside === undefined;
}
