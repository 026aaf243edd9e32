import { asFields, asMessage, listOf, number, text, texts, wrong } from './checks.js';
import { decode, encode, protocolVersion } from './codec.js';
import type { ActorKind } from './actor-kinds.js';
import { parseActorStatus, type ActorStatus } from './actor-status.js';
import { actorKinds } from './actor-kinds.js';
import { modelsIn, type ModelRecord } from './models.js';

/**
 * What hosts, and the one of them that leads, write for each other. All of it is state and none of it a command: the
 * leader writes what should be, hosts make it so and tell what is. So whatever is lost, late or said twice, the next
 * look mends it; and to fence a leader of the past it is enough that the bucket refuses what it writes.
 */

/** A machine that runs actors: one key each, `host.<name>`, renewed while the host lives. */
export interface HostRecord {
  readonly name: string;
  /** Of one run of the host; another one of the same name is another life. */
  readonly life: string;
  /** Data centers whose actors it may run. */
  readonly dataCenters: readonly string[];
  /** Most actors it takes. */
  readonly capacity: number;
  /** It has stopped by itself: nobody need wait for its lease to run out. */
  readonly left: boolean;
}

/** Who leads: the key `leader`. */
export interface LeaderRecord {
  readonly host: string;
  readonly life: string;
  /** Fencing number: one more with every new leader. */
  readonly term: number;
  /** Of a leader that has left by itself: anybody may follow at once. */
  readonly resigned: boolean;
}

/** Which host runs which actor: the key `placement`. */
export interface PlacementRecord {
  /** Of the leader that wrote it. */
  readonly term: number;
  /** Actors per kind, from which all addresses follow. */
  readonly counts: Readonly<Record<ActorKind, number>>;
  /** By address; one that is missing has no host to run on. */
  readonly hosts: Readonly<Record<string, string>>;
  /** Beside `main`; left out: there are none. */
  readonly models?: readonly ModelRecord[];
}

/** What a host tells of itself, again and again, on `starling.hosts.status.<host>`. */
export interface HostStatus extends HostRecord {
  /** How many messages of this life came before: an older one that arrives late is not news. */
  readonly number: number;
  readonly startedAtMs: number;
  readonly actors: readonly ActorStatus[];
  readonly natsServers: readonly HostedServer[];
}

/** What a host that is about to create streams says, again and again, on `starling.hosts.turn`. */
export interface Turn {
  /** Random; the lowest goes first. */
  readonly id: string;
  /** Its turn has come: the others wait, whatever theirs is. */
  readonly acting: boolean;
}

export interface HostedServer {
  readonly dataCenter: string;
  /** Null where somebody else runs it, or it is down. */
  readonly pid: number | null;
  readonly url: string;
}

export const leaderKey = 'leader';
export const placementKey = 'placement';
export const hostKeys = 'host.*';

export function hostKey(name: string): string {
  return `host.${name}`;
}

/** @returns undefined for a key that is not of a host. */
export function hostOfKey(key: string): string | undefined {
  return key.startsWith('host.') ? key.slice('host.'.length) : undefined;
}

/** Epochs of an address go on wherever it runs. */
export function epochKey(address: string): string {
  return `epoch.${address}`;
}

export function encodeRecord(
  record:
    HostRecord | LeaderRecord | PlacementRecord | HostStatus | Turn | { readonly epoch: number },
): Uint8Array {
  return encode({ v: protocolVersion, ...record });
}

/** @throws StarlingError BAD_MESSAGE */
export function decodeHost(bytes: Uint8Array): HostRecord {
  return hostOf(asMessage(decode(bytes), 'host'), 'host');
}

/** @throws StarlingError BAD_MESSAGE */
export function decodeLeader(bytes: Uint8Array): LeaderRecord {
  const what = 'leader';
  const fields = asMessage(decode(bytes), what);
  return {
    host: text(fields, 'host', what),
    life: text(fields, 'life', what),
    term: natural(fields, 'term', what),
    resigned: fields['resigned'] === true,
  };
}

/** @throws StarlingError BAD_MESSAGE */
export function decodePlacement(bytes: Uint8Array): PlacementRecord {
  const what = 'placement';
  const fields = asMessage(decode(bytes), what);
  const counts = asFields(fields['counts'], `${what}.counts`);
  const hosts = asFields(fields['hosts'], `${what}.hosts`);
  const models = modelsIn(fields, what);
  for (const address of Object.keys(hosts)) text(hosts, address, `${what}.hosts`);
  return {
    term: natural(fields, 'term', what),
    counts: Object.fromEntries(
      actorKinds.map((kind) => [kind, natural(counts, kind, `${what}.counts`)]),
    ) as Record<ActorKind, number>,
    hosts: hosts as Record<string, string>,
    ...(models.length > 0 ? { models } : {}),
  };
}

/**
 * What an actor says of itself is checked figure by figure, all else as a whole.
 * @throws StarlingError BAD_MESSAGE
 */
export function parseHostStatus(value: unknown): HostStatus {
  const what = 'host status';
  const fields = asMessage(value, what);
  return {
    ...hostOf(fields, what),
    number: natural(fields, 'number', what),
    startedAtMs: number(fields, 'startedAtMs', what),
    actors: listOf(fields, 'actors', what, parseActorStatus),
    natsServers: listOf(fields, 'natsServers', what, serverIn),
  };
}

/** @throws StarlingError BAD_MESSAGE */
export function serverIn(value: unknown, what: string): HostedServer {
  const fields = asFields(value, what);
  return {
    dataCenter: text(fields, 'dataCenter', what),
    pid: fields['pid'] === null ? null : number(fields, 'pid', what),
    url: text(fields, 'url', what),
  };
}

/** @throws StarlingError BAD_MESSAGE */
export function decodeTurn(bytes: Uint8Array): Turn {
  const fields = asMessage(decode(bytes), 'turn');
  return { id: text(fields, 'id', 'turn'), acting: fields['acting'] === true };
}

/** @throws StarlingError BAD_MESSAGE */
export function decodeEpoch(bytes: Uint8Array): number {
  return natural(asMessage(decode(bytes), 'epoch'), 'epoch', 'epoch');
}

function hostOf(fields: Readonly<Record<string, unknown>>, what: string): HostRecord {
  return {
    name: text(fields, 'name', what),
    life: text(fields, 'life', what),
    dataCenters: texts(fields, 'dataCenters', what),
    capacity: natural(fields, 'capacity', what),
    left: fields['left'] === true,
  };
}

function natural(fields: Readonly<Record<string, unknown>>, name: string, what: string): number {
  const value = number(fields, name, what);
  if (!Number.isSafeInteger(value) || value < 0) throw wrong(what, name, 'a natural number', value);
  return value;
}
