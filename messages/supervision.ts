import { isErrorCode, type ErrorCode } from '../core/base/errors.js';
import { asMessage, number, text, wrong } from './checks.js';

/**
 * What a host supervisor and the actor processes of its host say to each other, and what a supervisor tells the rest of
 * the cluster about them. The channel is IPC for a process that the supervisor started, and a socket in the state folder
 * for one that an earlier supervisor left.
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

/** How to reach NATS servers, in the role of the actor's kind. */
export interface NatsAccess {
  /** Home, the server of the actor's own data center, first; the others are for when it is gone. */
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
  /** False: its data center is drained, so it stays out of the queue groups of public subjects. Absent: true. */
  readonly serving?: boolean;
}

/** Finish what is in flight, make it durable and exit within `drainMs`; after that the process is killed. */
export interface StopMessage {
  readonly type: 'stop';
  readonly drainMs: number;
}

/** The answer to `attach`: from now on this supervisor is the actor's, over the same socket. */
export interface AdoptedMessage {
  readonly type: 'adopted';
}

/** Join or leave the queue groups of public subjects; kinds that answer no public subject have nothing to do. */
export interface ServeMessage {
  readonly type: 'serve';
  readonly open: boolean;
}

export type ParentMessage = StartMessage | StopMessage | ServeMessage | AdoptedMessage;

export const reportedStates = ['starting', 'restoring', 'ready', 'draining', 'stopped'] as const;

/** What an actor says of itself. */
export type ReportedState = (typeof reportedStates)[number];

/**
 * How well an actor serves, under `health` in its figures. It is what data centers are judged by, so a supervisor needs
 * to know no kind for that. What an actor has no part in is absent.
 */
export interface ActorHealth {
  /** Of the answers of the last seconds; null: nobody asked. */
  readonly p99Ms?: number | null;
  /** Of SAMPLES: all batches up to this sequence are in what it serves. */
  readonly through?: number;
  /** From the step in training to the row that is served, in the last seconds; null: nothing came. */
  readonly propagationP99Ms?: number | null;
}

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
 * How an actor whose supervisor died introduces itself to the successor. The answer is `adopted`, or `stop` when it is
 * not what the successor wants at this address.
 */
export interface AttachMessage {
  readonly type: 'attach';
  readonly address: string;
  readonly kind: ActorKind;
  readonly epoch: number;
  readonly pid: number;
  readonly state: ReportedState;
  /** Those of its start message. */
  readonly partitions: readonly number[];
  /** Of the configuration and the access to servers that it was started with. */
  readonly startHash: string;
}

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
  /** A data center was taken out of service, or back into it. */
  'drain',
  'undrain',
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

/** An introduction, or undefined if it is none. */
export function parseAttachMessage(value: unknown): AttachMessage | undefined {
  if (!isRecord(value) || value['type'] !== 'attach') return undefined;
  const { address, kind, epoch, pid, partitions, startHash } = value;
  const state = reportedStates.find((known) => known === value['state']);
  if (typeof address !== 'string' || !isActorKind(kind) || state === undefined) return undefined;
  if (!isPositive(epoch) || !isPositive(pid) || typeof startHash !== 'string') return undefined;
  if (!isListOfIntegers(partitions)) return undefined;
  return { type: 'attach', address, kind, epoch, pid, state, partitions, startHash };
}

/** What `health` in the figures of an actor says; of an unknown shape it says nothing. */
export function parseHealth(value: unknown): ActorHealth {
  if (!isRecord(value)) return {};
  const { p99Ms, through, propagationP99Ms } = value;
  return {
    ...(p99Ms === undefined ? {} : { p99Ms: figure(p99Ms) }),
    ...(typeof through === 'number' && through >= 0 ? { through } : {}),
    ...(propagationP99Ms === undefined ? {} : { propagationP99Ms: figure(propagationP99Ms) }),
  };
}

/** JSON has no NaN: the figure of nothing arrives as null. */
function figure(value: unknown): number | null {
  return typeof value === 'number' && value >= 0 ? value : null;
}

/** A message from the supervisor, or undefined if it is of no known type and shape. */
export function parseParentMessage(value: unknown): ParentMessage | undefined {
  if (!isRecord(value)) return undefined;
  if (value['type'] === 'stop') {
    const drainMs = value['drainMs'];
    return typeof drainMs === 'number' ? { type: 'stop', drainMs } : undefined;
  }
  if (value['type'] === 'adopted') return { type: 'adopted' };
  if (value['type'] === 'serve') {
    const open = value['open'];
    return typeof open === 'boolean' ? { type: 'serve', open } : undefined;
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
    isListOfIntegers(message.partitions) &&
    typeof message.stateDir === 'string' &&
    (message.serving === undefined || typeof message.serving === 'boolean') &&
    isRecord(nats) &&
    Array.isArray(nats['url']) &&
    nats['url'].every((url) => typeof url === 'string') &&
    typeof nats['user'] === 'string' &&
    typeof nats['password'] === 'string'
  );
}

function isPositive(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) > 0;
}

function isListOfIntegers(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((each) => Number.isSafeInteger(each));
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
