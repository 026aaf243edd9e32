import { dropOldest } from '../../core/base/oldest.js';
import type { ProvisionalEvent } from '../../core/activity/provisional-activity.js';
import { at } from '../../core/base/columns.js';
import type { FeatureSpec } from '../../core/features/feature-spec.js';
import { personOf } from '../../core/joining/person-event.js';
import { decode } from '../../messages/codec.js';
import type { Actions } from '../../messages/events.js';
import { isColumnar, parseActions, parseImpressions } from '../../messages/events.js';
import { parse, peopleIn, personIn, publicEvent } from '../../messages/public.js';
import { lastToken } from '../../messages/subjects.js';
import type { StreamMessage } from '../../runtime/bus/logs.js';
import { EventTimes, eventTime } from '../shared/event-times.js';

/** Requests whose people are known. Too few: of an event that names an older one alone nobody knows whose it is. */
const requestsMax = 50_000;

export interface RawPeoplePorts {
  readonly spec: FeatureSpec;
  readonly happened: (event: ProvisionalEvent) => void;
  /** A visitor is a user, or an account another one. */
  readonly merged: (from: string, to: string) => void;
  /** Somebody is to be forgotten. */
  readonly erased: (person: string) => void;
}

/**
 * What people did, out of the raw events of a data center: no more than their lists need. What is strange here becomes a dead
 * letter elsewhere.
 */
export class RawPeople {
  readonly #ports: RawPeoplePorts;
  readonly #people = new Map<string, string>();
  readonly #times = new EventTimes();

  constructor(ports: RawPeoplePorts) {
    this.#ports = ports;
  }

  /** @param isNew whether what it says of events is to be told; else only whose requests are is learned. */
  read(message: StreamMessage, isNew: boolean): void {
    let value: unknown;
    try {
      value = decode(message.bytes);
      if (isColumnar(value, 'impressions')) {
        const { requestIds, users } = parseImpressions(value, this.#ports.spec);
        return requestIds.forEach((requestId, row) => this.#asked(requestId, users[row]!));
      }
      if (isColumnar(value, 'actions')) {
        if (isNew) this.#columns(parseActions(value, this.#ports.spec), message);
        return;
      }
    } catch {
      return;
    }
    for (const each of Array.isArray(value) ? (value as unknown[]) : [value])
      try {
        this.#byHand(lastToken(message.subject), each, message, isNew);
      } catch {
        // Its neighbours go on.
      }
  }

  #byHand(type: string, content: unknown, message: StreamMessage, isNew: boolean): void {
    if (type === 'impression') {
      const event = parse(publicEvent.impression, content, type, 'BAD_EVENT');
      return this.#asked(event.requestId, personIn(event));
    }
    if (!isNew) return;
    if (type === 'alias') {
      const { visitor, user } = parse(publicEvent.alias, content, type, 'BAD_EVENT');
      return this.#ports.merged(personOf('', visitor), user);
    }
    if (type === 'merge') {
      const { from, to } = parse(publicEvent.merge, content, type, 'BAD_EVENT');
      return this.#ports.merged(from, to);
    }
    if (type === 'erase') {
      const who = parse(publicEvent.erase, content, type, 'BAD_EVENT');
      return peopleIn(who).forEach(this.#ports.erased);
    }
    if (type !== 'event' && type !== 'action') return;
    const event = parse(publicEvent.event, content, type, 'BAD_EVENT');
    const { user = '', visitor = '', requestId = '', value = NaN, order = '' } = event;
    if (user !== '' && visitor !== '') this.#ports.merged(personOf('', visitor), user);
    this.#happened(message, {
      ...{ item: event.item, type: event.type ?? 'click', value, order },
      person: personOf(user, visitor),
      requestId,
      atMs: eventTime(event.timestamp, message.atMs),
    });
  }

  #columns({ requestIds, items, atMs, facts }: Actions, message: StreamMessage): void {
    requestIds.forEach((requestId, row) =>
      this.#happened(message, {
        ...{ requestId, item: items[row]!, atMs: atMs[row]! },
        person: personOf(at(facts.users, row), at(facts.visitors, row)),
        ...{ type: at(facts.types, row), value: at(facts.values, row) },
        order: at(facts.orders, row),
      }),
    );
  }

  #happened(
    { sequence, atMs: acceptedAtMs }: StreamMessage,
    event: Omit<ProvisionalEvent, 'sequence'> & { readonly requestId: string },
  ): void {
    const { requestId, ...told } = event;
    const person = told.person === '' ? this.#people.get(requestId) : told.person;
    if (person === undefined || person === '') return;
    const atMs = Float64Array.of(told.atMs);
    this.#times.limit(atMs, acceptedAtMs, () => person);
    this.#ports.happened({ ...told, person, sequence, atMs: atMs[0]! });
  }

  #asked(requestId: string, person: string): void {
    this.#people.set(requestId, person);
    dropOldest(this.#people, requestsMax);
  }
}
