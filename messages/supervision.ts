import { isErrorCode, type ErrorCode } from '../core/base/errors.js';
import { asMessage, number, text, wrong } from './checks.js';

/**
 * What a host supervisor and the actor processes it started say to each other over the IPC channel, and what a
 * supervisor tells the rest of the cluster about them.
 *
 * The start message carries the credentials, because a command line and an environment can be read by every user of
 * the machine and the channel can't. Both sides ignore message types they do not know, so a rolling upgrade may add
 * one; they refuse nothing, since a child that can't be understood shows up as a child that never gets ready.
 */

/** The kinds a placement knows. A kind is also its folder in actors/, its subject token and its config key. */
export const actorKinds = [
  'processor',
  'joiner',
  'feature-store',
  'ps-shard',
  'dense-shard',
  'trainer',
  'serving-shard',
  'ranker',
  'recommender',
] as const;

export type ActorKind = (typeof actorKinds)[number];

export function isActorKind(value: unknown): value is ActorKind {
  return actorKinds.some((kind) => kind === value);
}

/** How to reach the NATS servers of the actor's own data center, in the role of its kind. */
export interface NatsAccess {
  readonly url: readonly string[];
  readonly user: string;
  readonly password: string;
  /** Where this role may receive replies; the client's own default on servers that don't tell roles apart. */
  readonly inboxPrefix?: string;
  /** Absent: not encrypted. */
  readonly tls?: TlsFiles;
}

/** Paths of PEM files: whom to believe, and what to show to a server that asks who is there. */
export interface TlsFiles {
  readonly ca: string;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
}

/** The first message to a process: everything it needs to become the actor `address`. */
export interface StartMessage {
  readonly type: 'start';
  /** `<data center>.<kind>.<index>`. */
  readonly address: string;
  readonly kind: ActorKind;
  readonly dataCenter: string;
  readonly index: number;
  /** Fencing number of this life of the address: one more than that of the life before. */
  readonly epoch: number;
  /** Owned partitions, ascending; empty for kinds that own none. */
  readonly partitions: readonly number[];
  /** The resolved configuration, plain JSON. */
  readonly config: unknown;
  readonly nats: NatsAccess;
  readonly stateDir: string;
}

/** Finish what is in flight, make it durable and exit within `drainMs`; after that the process is killed. */
export interface StopMessage {
  readonly type: 'stop';
  readonly drainMs: number;
}

export type ParentMessage = StartMessage | StopMessage;

export const reportedStates = ['starting', 'restoring', 'ready', 'draining', 'stopped'] as const;

/** What an actor says of itself. */
export type ReportedState = (typeof reportedStates)[number];

export type ChildMessage =
  | { readonly type: 'state'; readonly state: ReportedState }
  | {
      readonly type: 'heartbeat';
      readonly atMs: number;
      readonly stats: Readonly<Record<string, unknown>>;
    }
  /** The last words of an actor that is about to exit because it can't go on. */
  | { readonly type: 'failed'; readonly code: ErrorCode; readonly message: string };

/**
 * How often an actor sends a heartbeat. Lower costs wake-ups for nothing, as a crash is seen at once anyway; higher
 * makes a hung process be noticed later, because the supervisor waits for several missing ones.
 */
export const heartbeatIntervalMs = 500;

/** Life-cycle state of a child as its supervisor sees it. */
export const childStates = [
  'starting',
  'restoring',
  'ready',
  'suspect',
  'restarting',
  'failed',
  'stopping',
  'stopped',
] as const;

export type ChildState = (typeof childStates)[number];

/** One row of `starling status`. */
export interface ActorStatus {
  readonly address: string;
  readonly kind: ActorKind;
  readonly dataCenter: string;
  readonly host: string;
  /** Null while no process runs. */
  readonly pid: number | null;
  readonly state: ChildState;
  /** 0 until the first process was started. */
  readonly epoch: number;
  /** Starts after the first one, in the life of this supervisor. */
  readonly restarts: number;
  readonly partitions?: readonly number[];
  /** What the last heartbeat brought; empty before the first. */
  readonly stats: Readonly<Record<string, unknown>>;
  /** When `state` was entered, milliseconds since 1970. */
  readonly sinceMs: number;
  /** Why the last process ended, while the actor has not been ready since. */
  readonly reason?: string;
}

export const supervisionEventTypes = [
  'start',
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

/** @throws StarlingError BAD_MESSAGE for what is no event of a type known here. */
export function parseSupervisionEvent(value: unknown): SupervisionEvent {
  const what = 'supervision event';
  const fields = asMessage(value, what);
  const type = supervisionEventTypes.find((known) => known === fields['type']);
  if (!type) throw wrong(what, 'type', 'a known type', fields['type']);
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

/** A message from a child, or undefined if it is of no known type and shape. */
export function parseChildMessage(value: unknown): ChildMessage | undefined {
  if (!isRecord(value)) return undefined;
  switch (value['type']) {
    case 'state': {
      const state = reportedStates.find((known) => known === value['state']);
      return state === undefined ? undefined : { type: 'state', state };
    }
    case 'heartbeat': {
      const { atMs, stats } = value;
      if (typeof atMs !== 'number') return undefined;
      return { type: 'heartbeat', atMs, stats: isRecord(stats) ? stats : {} };
    }
    case 'failed': {
      const { code, message } = value;
      if (typeof message !== 'string') return undefined;
      return { type: 'failed', code: isErrorCode(code) ? code : 'INTERNAL', message };
    }
    default:
      return undefined;
  }
}

/** A message from the supervisor, or undefined if it is of no known type and shape. */
export function parseParentMessage(value: unknown): ParentMessage | undefined {
  if (!isRecord(value)) return undefined;
  if (value['type'] === 'stop') {
    const drainMs = value['drainMs'];
    return typeof drainMs === 'number' ? { type: 'stop', drainMs } : undefined;
  }
  return isStartMessage(value) ? value : undefined;
}

function isStartMessage(value: object): value is StartMessage {
  const message = value as Partial<Record<keyof StartMessage, unknown>>;
  const nats = message.nats;
  return (
    message.type === 'start' &&
    typeof message.address === 'string' &&
    isActorKind(message.kind) &&
    typeof message.dataCenter === 'string' &&
    Number.isSafeInteger(message.index) &&
    Number.isSafeInteger(message.epoch) &&
    Array.isArray(message.partitions) &&
    message.partitions.every((partition) => Number.isSafeInteger(partition)) &&
    typeof message.stateDir === 'string' &&
    isRecord(nats) &&
    Array.isArray(nats['url']) &&
    nats['url'].every((url) => typeof url === 'string') &&
    typeof nats['user'] === 'string' &&
    typeof nats['password'] === 'string'
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
