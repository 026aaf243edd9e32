import { columnsOfRows, isNone } from '../../core/base/columns.js';
import type { ClusterConfig } from '../../core/config/schema.js';
import { encodeContext } from '../../core/features/origin.js';
import type { EncodedEntity, Transform } from '../../core/features/transform.js';
import { actionFactTable, noActionFacts } from '../../core/joining/event-facts.js';
import type { Moment } from '../../core/joining/types.js';
import type { NegativeDraws } from '../../core/retrieval/negative-draws.js';
import type { Actions } from '../../messages/events.js';
import { personIn, type PublicAction } from '../../messages/public.js';
import type { FeatureSource } from '../shared/feature-source.js';
import { eventTime } from '../shared/event-times.js';
import { CheckedEvents, known } from './checked-events.js';
import type { IgnoredEvents, IgnoredReason } from './ignored-events.js';

/** Where an event was accepted. */
export interface EventOrigin {
  readonly dataCenter: string;
  /** In RAW of the data center. */
  readonly sequence: number;
  readonly atMs: number;
}

/** One event of a message, and its place in the list there. */
export interface PlacedAction {
  readonly event: PublicAction;
  readonly index: number;
}

export interface EventActionsOptions {
  readonly config: Pick<
    ClusterConfig,
    'events' | 'currency' | 'rates' | 'organic' | 'ignore' | 'limits'
  >;
  readonly transform: Transform;
  /** What is known of people and items now. */
  readonly source: Pick<FeatureSource, 'get'>;
  readonly draws: Pick<NegativeDraws, 'note' | 'draw'>;
}

/** What people did, as the joiner takes it: what it needs to know of the moment before is added here. */
export class EventActions {
  readonly #options: EventActionsOptions;
  readonly #checked: CheckedEvents;

  constructor(options: EventActionsOptions) {
    this.#options = options;
    this.#checked = new CheckedEvents(options);
  }

  get ignored(): IgnoredEvents {
    return this.#checked.ignored;
  }

  /** One event by itself, so that a bad one among many is told apart. @throws StarlingError */
  check(event: PublicAction, acceptedAtMs: number): void {
    this.#checked.check(event, acceptedAtMs);
  }

  /** Of events that were checked. */
  async actionsOf(placed: readonly PlacedAction[], origin: EventOrigin): Promise<Actions> {
    const { atMs } = origin;
    const events = placed.map(({ event }) => event);
    const reasons = events.map((event) => this.#checked.reasonOf(event, atMs));
    events.forEach(({ item, label }, i) => {
      if (label === 1 && reasons[i] === undefined) this.#options.draws.note(item);
    });
    const moment = await this.#momentOf(events, reasons);
    const facts = columnsOfRows(
      actionFactTable,
      placed.map((each, i) => ({
        ...this.#factsOf(each, origin),
        ...known({ ignored: reasons[i] }),
      })),
    );
    return {
      requestIds: events.map(({ requestId = '' }) => requestId),
      items: events.map(({ item }) => item),
      atMs: Float64Array.from(events, ({ timestamp }) => eventTime(timestamp, atMs)),
      labels: Float32Array.from(events, ({ label }) => label),
      acceptedAtMs: new Float64Array(events.length).fill(atMs),
      facts: isNone(actionFactTable, facts) ? noActionFacts : facts,
      ...(moment ? { moment } : {}),
    };
  }

  #factsOf({ event, index }: PlacedAction, { dataCenter, sequence }: EventOrigin) {
    const { requestId, id } = event;
    const position = `${dataCenter}:${sequence}`;
    return {
      ...this.#checked.factsOf(event),
      ...known({
        // What names no request is told from others by its place in RAW, however often it is delivered.
        ids: id ?? (requestId === undefined ? `${position}.${index}` : undefined),
        positions: requestId === undefined || isTold(event) ? position : undefined,
      }),
    };
  }

  /** For events of people who are known: their item, and others that it is learned against, with the features of now. */
  async #momentOf(
    events: readonly PublicAction[],
    reasons: readonly (IgnoredReason | undefined)[],
  ): Promise<Moment | undefined> {
    const { config, draws, source, transform } = this.#options;
    const { negatives } = config.organic;
    const isLearned = events.map((event, i) => isTold(event) && reasons[i] === undefined);
    if (negatives === 0 || !isLearned.includes(true)) return undefined;
    const ends = new Uint32Array(events.length);
    const items: string[] = [];
    const weights: number[] = [];
    const people: string[] = [];
    const contexts: EncodedEntity[] = [];
    for (const [i, event] of events.entries()) {
      if (isLearned[i]!) {
        const person = personIn(event);
        const context = encodeContext(transform, event.context, 'organic');
        const own = { item: event.item, weight: 1 };
        for (const { item, weight } of [own, ...draws.draw(negatives, event.item)]) {
          items.push(item);
          weights.push(weight);
          people.push(person);
          contexts.push(context);
        }
      }
      ends[i] = items.length;
    }
    const found = await source.get(people, items);
    return {
      ...{ items, ends, examples: transform.assemble(found.users, found.items, contexts) },
      ...(weights.some((weight) => weight !== 1) ? { weights: Float32Array.from(weights) } : {}),
    };
  }
}

function isTold({ user, visitor }: PublicAction): boolean {
  return user !== undefined || visitor !== undefined;
}
