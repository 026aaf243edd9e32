import { isErrorCode, type ErrorCode } from '../core/base/errors.js';
import { isActorKind, type ActorKind } from './actor-kinds.js';
import { isRecord } from './checks.js';
import type { NatsAccess } from './nats-access.js';

/**
 * What a host supervisor and the actor processes of its host say to each other. The channel is IPC for a process that the
 * supervisor started, and a socket in the state folder for each actor that an earlier supervisor left. A process may hold
 * several actors: what is said over IPC names the one that it is about, by its `address`. Without one it is about all.
 *
 * The start message carries the credentials, because a command line and an environment can be read by every user of
 * the machine and the channel can't. Both sides ignore message types they do not know, so a rolling upgrade may add
 * one; they refuse nothing, since a child that can't be understood shows up as a child that never gets ready.
 */

/** Everything a process needs to become the actor `address`, beside those that it is already. */
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

/**
 * Finish what is in flight, make it durable and leave within `drainMs`; after that the process is killed. It ends with the
 * last actor in it.
 */
export interface StopMessage {
  readonly type: 'stop';
  readonly address?: string;
  readonly drainMs: number;
}

/** The answer to `attach`: from now on this supervisor is the actor's, over the same socket. */
export interface AdoptedMessage {
  readonly type: 'adopted';
}

/** Join or leave the queue groups of public subjects; kinds that answer no public subject have nothing to do. */
export interface ServeMessage {
  readonly type: 'serve';
  readonly address?: string;
  readonly open: boolean;
}

/**
 * All actors of the process are going to be told to stop, this one when its turn comes, and nobody will begin there again.
 * Until then it goes on; that a neighbour has not left in order is no reason to end the process any more.
 */
export interface RetireMessage {
  readonly type: 'retire';
  readonly address?: string;
}

/** Watch the whole process for `seconds`, and answer with `profiled`; said to one of its actors. */
export interface ProfileMessage {
  readonly type: 'profile';
  readonly address?: string;
  readonly seconds: number;
}

/** Actors of these kinds are about to begin here: what they consist of can be loaded while nothing else can be done. */
export interface PrepareMessage {
  readonly type: 'prepare';
  readonly kinds: readonly ActorKind[];
}

export type ParentMessage =
  | PrepareMessage
  | StartMessage
  | StopMessage
  | ServeMessage
  | RetireMessage
  | AdoptedMessage
  | ProfileMessage;

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
  /** The last words of an actor that can't go on; its process is about to exit. */
  | { readonly type: 'failed'; readonly code: ErrorCode; readonly message: string }
  | ProfiledMessage;

/** What was seen, as it was said (profiles.ts), or why nothing was. */
export interface ProfiledMessage {
  readonly type: 'profiled';
  readonly profile?: Readonly<Record<string, unknown>>;
  readonly error?: string;
}

/**
 * An actor that was asked to stop has left, and its process goes on with the others. `clean` false: something of it may go
 * on, so the process ends, at once or, where all in it are leaving, with the last of them.
 */
export interface LeftMessage {
  readonly type: 'left';
  readonly clean: boolean;
}

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

/** The actor that a message over IPC names, from it or to it; undefined: none. */
export function addressIn(value: unknown): string | undefined {
  const address = isRecord(value) ? value['address'] : undefined;
  return typeof address === 'string' ? address : undefined;
}

/** A message from a child, or undefined if it is of no known type and shape. */
export function parseChildMessage(value: unknown): ChildMessage | LeftMessage | undefined {
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
    case 'left':
      return { type: 'left', clean: value['clean'] === true };
    case 'profiled': {
      const { profile, error } = value;
      if (isRecord(profile)) return { type: 'profiled', profile };
      return typeof error === 'string' ? { type: 'profiled', error } : undefined;
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
  const address = addressIn(value);
  const to = address === undefined ? {} : { address };
  if (value['type'] === 'stop') {
    const drainMs = value['drainMs'];
    return typeof drainMs === 'number' ? { type: 'stop', ...to, drainMs } : undefined;
  }
  if (value['type'] === 'adopted') return { type: 'adopted' };
  if (value['type'] === 'retire') return { type: 'retire', ...to };
  if (value['type'] === 'prepare') {
    const { kinds } = value;
    return Array.isArray(kinds) ? { type: 'prepare', kinds: kinds.filter(isActorKind) } : undefined;
  }
  if (value['type'] === 'serve') {
    const open = value['open'];
    return typeof open === 'boolean' ? { type: 'serve', ...to, open } : undefined;
  }
  if (value['type'] === 'profile') {
    const seconds = value['seconds'];
    return typeof seconds === 'number' ? { type: 'profile', ...to, seconds } : undefined;
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
