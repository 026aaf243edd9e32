import { asFields, asMessage, number, text, wrong, type Fields } from './checks.js';
import { protocolVersion } from './codec.js';

export const supervisionEventTypes = [
  'start',
  /** A process that an earlier supervisor left goes on under this one. */
  'adopt',
  'ready',
  'exit',
  'suspect',
  'restart',
  'failed',
  'stop',
  /** A standby became the owner of a partition whose owner was lost. */
  'promote',
  /** A partition went to another shard on purpose. */
  'move',
  'snapshot',
  'restore',
  'scale',
  /** A model was started beside others, answers, or is stopped. */
  'model',
  /** Something that may change while it runs was changed. */
  'settings',
  /** Somebody was to be forgotten. */
  'erase',
  /** Actors of some data center are to run another version of the configuration. */
  'configure',
  /** A data center was taken out of service, or back into it. */
  'drain',
  'undrain',
  /** Something is wrong with what is learned, and right again. */
  'alarm',
  'calm',
  /** Another host leads. */
  'lead',
  /** A host joined, left or was lost. */
  'host',
  /** An actor is to run on another host. */
  'place',
] as const;

export type SupervisionEventType = (typeof supervisionEventTypes)[number];

/** One entry of the SUPERVISION log. */
export interface SupervisionEvent {
  readonly atMs: number;
  readonly address: string;
  readonly type: SupervisionEventType;
  readonly detail: string;
  readonly epoch: number;
  /** Where it happened, or who decided it. */
  readonly host?: string;
  /** On `ready` after an exit: from the first exit since the actor was last ready until now. */
  readonly recoveryMs?: number;
}

export function supervisionEventMessage(event: SupervisionEvent) {
  return { v: protocolVersion, ...event };
}

/** @throws StarlingError BAD_MESSAGE for what is no event of a type known here. */
export function parseSupervisionEvent(value: unknown): SupervisionEvent {
  const what = 'supervision event';
  const fields = asMessage(value, what);
  const event = eventOf(fields, what);
  if (!event) throw wrong(what, 'type', 'a known type', fields['type']);
  return event;
}

/** One within another message. @returns undefined for an event of a type that is not known here. */
export function eventIn(value: unknown, what: string): SupervisionEvent | undefined {
  return eventOf(asFields(value, what), what);
}

function eventOf(fields: Fields, what: string): SupervisionEvent | undefined {
  const type = supervisionEventTypes.find((known) => known === fields['type']);
  if (!type) return undefined;
  const { host, recoveryMs } = fields;
  return {
    atMs: number(fields, 'atMs', what),
    address: text(fields, 'address', what),
    type,
    detail: text(fields, 'detail', what),
    epoch: number(fields, 'epoch', what),
    ...(typeof host === 'string' ? { host } : {}),
    ...(typeof recoveryMs === 'number' ? { recoveryMs } : {}),
  };
}
