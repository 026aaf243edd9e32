import { isErrorCode, type ErrorCode } from '../core/base/errors.js';
import { isActorKind, type ActorKind } from './actor-kinds.js';
import { isRecord } from './checks.js';
import type { NatsAccess } from './nats-access.js';

/**
 * What a host supervisor and the actor processes of its host say to each other. The channel is IPC for a process that the
 * supervisor started, and a socket in the state folder for one that an earlier supervisor left.
 *
 * The start message carries the credentials, because a command line and an environment can be read by every user of
 * the machine and the channel can't. Both sides ignore message types they do not know, so a rolling upgrade may add
 * one; they refuse nothing, since a child that can't be understood shows up as a child that never gets ready.
 */

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
  /** The newest life before it whose end was seen. Absent: none was, so one may still be about, elsewhere. */
  readonly ended?: number;
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

export type ChildMessage =
  | { readonly type: 'state'; readonly state: ReportedState }
  | {
      readonly type: 'heartbeat';
      readonly atMs: number;
      /** As it was said: whoever knows the kind has it heard by `hearStats`. */
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
    typeof nats['cluster'] === 'string' &&
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
