import { at } from '../../core/base/columns.js';
import { StarlingError, codeOf, errorCodes } from '../../core/base/errors.js';
import { nearestOf } from '../../core/config/fields.js';
import type { FeatureSpec } from '../../core/features/feature-spec.js';
import type { Transform } from '../../core/features/transform.js';
import { decode } from '../../messages/codec.js';
import type { Actions, Impressions } from '../../messages/events.js';
import { isColumnar, isOfSpec, parseActions, parseImpressions } from '../../messages/events.js';
import type {
  PublicAction,
  EntityChange,
  PublicAlias,
  PublicErase,
  PublicImpression,
  PublicMerge,
  PublicShown,
} from '../../messages/public.js';
import { parse, parseEntityChange, peopleIn, publicEvent } from '../../messages/public.js';
import type { EventType } from '../../messages/subjects.js';
import { eventTypes, lastToken } from '../../messages/subjects.js';
import { UnknownKeys } from '../../messages/unknown-keys.js';
import type { ChangeOrigin } from '../../messages/features.js';
import type { WorkMessage } from '../../runtime/bus/work-queues.js';
import { pauseMsAfter } from '../../runtime/retry.js';
import type { Rejected } from '../shared/dead-letter.js';
import type { FeatureSource } from '../shared/feature-source.js';
import type { EventForwarder } from './event-forwarder.js';
import { EventTimes, eventTime } from '../shared/event-times.js';
import type { CheckedAttributes } from './checked-attributes.js';
import type { EventActions, EventOrigin } from './event-actions.js';
import { checkImpression, impressionsOf, shownBatchOf } from './public-events.js';

/** After this many deliveries an event that fails for no known reason is set aside. */
const deliveriesMax = 5;
/** Before an event that failed for a while comes again: doubled with every delivery, and not all at once. */
const redelivery = { baseMs: 200, capMs: 5_000 };

export interface RawEventPorts {
  readonly spec: FeatureSpec;
  readonly transform: Transform;
  /** What is known of users and items now, for impressions that bring no features. */
  readonly source: Pick<FeatureSource, 'get'>;
  readonly forward: Pick<
    EventForwarder,
    'impressions' | 'actions' | 'shown' | 'aliases' | 'merges' | 'features' | 'erasures'
  >;
  readonly actions: Pick<EventActions, 'check' | 'actionsOf' | 'ignored'>;
  readonly attributes: Pick<CheckedAttributes, 'check'>;
  /** In [0, 1). */
  readonly random: () => number;
  /**
   * Keeps what can't be used of a message, with the reasons.
   * @throws StarlingError SPEC_MISMATCH for what the next process can read: it is delivered to that one.
   */
  readonly bury: (message: WorkMessage, rejected: readonly Rejected[]) => Promise<void>;
}

/**
 * What becomes of a message of RAW: columns by rankers and replays, or events by hand, of which each is judged by itself. A
 * message that failed for a while comes again; one that can't be used is buried, and nothing waits for it.
 */
export class RawEvents {
  readonly counts = { messages: 0, deadLettered: 0, retried: 0 };
  readonly times = new EventTimes();
  readonly strange = new UnknownKeys();
  readonly #ports: RawEventPorts;

  constructor(ports: RawEventPorts) {
    this.#ports = ports;
  }

  async handle(message: WorkMessage): Promise<void> {
    const { forward, spec } = this.#ports;
    this.counts.messages++;
    try {
      const value = decode(message.bytes);
      if (isColumnar(value, 'impressions'))
        await this.#offered(parseImpressions(value, spec), message, {
          nameOfRow: () => rankersOf(message),
          cameIn: isOfSpec(value, spec) ? message.bytes : undefined,
        });
      else if (isColumnar(value, 'actions'))
        await forward.actions(this.#actions(parseActions(value, spec), message));
      else await this.#byHand(value, message);
      message.ack();
    } catch (error) {
      await this.#failed(message, error);
    }
  }

  async #failed(message: WorkMessage, error: unknown): Promise<void> {
    const code = codeOf(error);
    const isDefect = code === 'INTERNAL' && message.deliveries >= deliveriesMax;
    if (errorCodes[code].retryable && !isDefect) {
      this.counts.retried++;
      message.nak(pauseMsAfter(message.deliveries, redelivery, this.#ports.random()));
      return;
    }
    await this.#bury(message, [{ content: message.bytes, error, events: 1 }]);
    message.ack();
  }

  async #bury(message: WorkMessage, rejected: readonly Rejected[]): Promise<void> {
    this.counts.deadLettered += rejected.length;
    await this.#ports.bury(message, rejected);
  }

  /** One event, or a list. A bad one is buried by itself, and its neighbours go on. */
  async #byHand(value: unknown, message: WorkMessage): Promise<void> {
    const type = eventTypeOf(message);
    const good: Placed[] = [];
    const rejected: Rejected[] = [];
    const list = Array.isArray(value) ? (value as unknown[]) : [value];
    for (const [index, content] of list.entries()) {
      this.strange.note(type, content);
      try {
        good.push({ event: this.#check(type, content, message.atMs), index });
      } catch (error) {
        rejected.push({ content, error, events: 1, index });
      }
    }
    // At once, so that what is good keeps its place among the messages that come after.
    const [forwarded, buried] = await Promise.allSettled([
      good.length > 0 ? this.#forward(type, good, message) : undefined,
      rejected.length > 0 ? this.#bury(message, rejected) : undefined,
    ]);
    for (const each of [buried, forwarded])
      if (each.status === 'rejected') throw each.reason as unknown;
  }

  async #forward(type: EventType, placed: readonly Placed[], message: WorkMessage): Promise<void> {
    const { forward, transform, source, actions } = this.#ports;
    const { atMs } = message;
    const events = placed.map(({ event }) => event);
    switch (type) {
      case 'features':
      case 'items':
      case 'users':
        return forward.features(events as EntityChange[], atMs, placeOf(message));
      case 'event':
      case 'action': {
        const happened = placed as readonly { event: PublicAction; index: number }[];
        await forward.aliases(
          happened.flatMap(({ event }) => bothIn(event)),
          atMs,
        );
        const batch = await actions.actionsOf(happened, originOf(message));
        return forward.actions(this.#actions(batch, message));
      }
      case 'shown': {
        const batch = shownBatchOf(events as PublicShown[], atMs);
        this.times.limit(batch.atMs, atMs, (row) => `request ${batch.requestIds[row]}`);
        return forward.shown(batch);
      }
      case 'alias':
        return forward.aliases(events as PublicAlias[], atMs);
      case 'merge':
        return forward.merges(events as PublicMerge[], atMs);
      case 'erase':
        return forward.erasures((events as PublicErase[]).flatMap(peopleIn), atMs);
      case 'impression': {
        const shown = events as PublicImpression[];
        const { impressions: marks } = actions.ignored;
        const impressions = await impressionsOf(shown, atMs, transform, source, marks);
        return this.#offered(impressions, message, { nameOfRow: (row) => nameOf(shown[row]!) });
      }
    }
  }

  async #offered(
    impressions: Impressions,
    message: WorkMessage,
    { nameOfRow, cameIn }: Offered,
  ): Promise<void> {
    const { forward, actions } = this.#ports;
    const { users, facts } = impressions;
    actions.ignored.shown(impressions);
    const aliases: PublicAlias[] = [];
    // Few say both: those of a request say the same.
    if (facts.visitors.some((visitor) => visitor !== ''))
      users.forEach((user, row) =>
        aliases.push(...bothIn({ user, visitor: at(facts.visitors, row) })),
      );
    await forward.aliases(aliases, message.atMs);
    const isAsItCame = this.times.limit(impressions.atMs, message.atMs, nameOfRow) === 0;
    await forward.impressions(impressions, isAsItCame ? cameIn : undefined);
  }

  /** When the stream took them, whatever their sender says. */
  #actions(actions: Actions, { atMs }: WorkMessage): Actions {
    const { requestIds, facts } = actions;
    actions.acceptedAtMs.fill(atMs);
    this.times.limit(actions.atMs, atMs, (row) =>
      nameOf({
        user: at(facts.users, row),
        visitor: at(facts.visitors, row),
        requestId: requestIds[row]!,
      }),
    );
    return actions;
  }

  #check(type: EventType, content: unknown, acceptedAtMs: number): unknown {
    const { transform, actions, attributes } = this.#ports;
    switch (type) {
      case 'impression': {
        const event = parse(publicEvent.impression, content, type, 'BAD_EVENT');
        checkImpression(event, transform, acceptedAtMs);
        return event;
      }
      case 'event':
      case 'action': {
        const event = parse(publicEvent.event, content, type, 'BAD_EVENT');
        actions.check(event, acceptedAtMs);
        return event;
      }
      case 'shown': {
        const event = parse(publicEvent.shown, content, type, 'BAD_EVENT');
        eventTime(event.timestamp, acceptedAtMs);
        return event;
      }
      case 'alias':
        return parse(publicEvent.alias, content, type, 'BAD_EVENT');
      case 'merge':
        return parse(publicEvent.merge, content, type, 'BAD_EVENT');
      case 'erase':
        return parse(publicEvent.erase, content, type, 'BAD_EVENT');
      case 'features':
      case 'items':
      case 'users':
        return attributes.check(parseEntityChange(type, content));
    }
  }
}

/**
 * The stream takes whatever is published under `ingest`; here is who can say that it is misspelt.
 *
 * @throws StarlingError BAD_EVENT
 */
function eventTypeOf({ subject }: WorkMessage): EventType {
  const token = lastToken(subject);
  const type = eventTypes.find((each) => each === token);
  if (type !== undefined) return type;
  const nearest = nearestOf(token, eventTypes);
  const hint = nearest ? `did you mean "${nearest}"?` : `expected one of ${eventTypes.join(', ')}.`;
  const text = `there is no event type "${token}"; ${hint}`;
  throw new StarlingError('BAD_EVENT', text, { field: 'type' });
}

/** An event that was checked, and its place in the list that it came in. */
interface Placed {
  readonly event: unknown;
  readonly index: number;
}

interface Offered {
  /** Whose clock they were timed by. */
  readonly nameOfRow: (row: number) => string;
  /** The message that says just these, by the specification of now. */
  readonly cameIn?: Uint8Array | undefined;
}

/** Who is told as a visitor and as a user is both. */
function bothIn({ user, visitor }: { user?: string | undefined; visitor?: string | undefined }) {
  return user && visitor ? [{ user, visitor }] : [];
}

/** Of whoever tells something, by what it says of him. */
function nameOf({ user, visitor, requestId }: Teller): string {
  if (user) return `user ${user}`;
  return visitor ? `visitor ${visitor}` : `request ${requestId}`;
}

interface Teller {
  readonly user?: string | undefined;
  readonly visitor?: string | undefined;
  readonly requestId?: string | undefined;
}

/** Slates are timed by who answers. */
function rankersOf(message: WorkMessage): string {
  return `rankers of ${originOf(message).dataCenter}`;
}

function placeOf(message: WorkMessage): ChangeOrigin {
  const { dataCenter, sequence } = originOf(message);
  return { dataCenter, sequence };
}

function originOf({ subject, sequence, atMs }: WorkMessage): EventOrigin {
  return { dataCenter: subject.split('.').at(-2)!, sequence, atMs };
}
