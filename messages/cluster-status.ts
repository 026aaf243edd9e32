import { alarmIn, type Alarm } from './alarms.js';
import { parseActorStatus, type ActorStatus } from './actor-status.js';
import { asFields, asMessage, flag, listOf, number, text, texts, wrong } from './checks.js';
import { protocolVersion } from './codec.js';
import { serverIn, type HostedServer } from './hosts.js';
import { eventIn, type SupervisionEvent } from './supervision-events.js';

/** A machine that runs actors. */
export interface HostSummary {
  readonly name: string;
  /** Data centers whose actors it may run. */
  readonly dataCenters: readonly string[];
  readonly capacity: number;
  /** How many it runs. */
  readonly actors: number;
}

/** What runs, and how: the answer of `starling.status`. */
export interface ClusterStatus {
  readonly name: string;
  /** Host that leads; empty while none does. */
  readonly leader: string;
  /** Counts the leaders there have been. */
  readonly term: number;
  readonly hosts: readonly HostSummary[];
  /** Milliseconds since 1970. */
  readonly startedAtMs: number;
  /** Every actor is ready. */
  readonly ready: boolean;
  readonly dataCenters: readonly DataCenterSummary[];
  readonly natsServers: readonly HostedServer[];
  readonly actors: readonly ActorStatus[];
  /** The latest supervision events, oldest first. */
  readonly events: readonly SupervisionEvent[];
  /** What is wrong with what is learned, by name; left out by a release that does not look. */
  readonly alarms?: readonly Alarm[];
  /** What executes the model in the trainers. */
  readonly backend?: string;
  readonly natsServer?: { readonly version: string };
}

export interface DataCenterSummary {
  readonly name: string;
  readonly role: string;
  readonly state: string;
  /** Left out while nobody knows. */
  readonly storage?: DataCenterStorage;
}

/** What the streams take there, on disk. Data centers that share servers have the same. */
export interface DataCenterStorage {
  readonly usedBytes: number;
  /** What the servers there may use; left out where they don't say, as those that somebody else has set up. */
  readonly bytesMax?: number;
  /** Events are refused with STORAGE_FULL, and why; left out where they are taken. */
  readonly refuses?: StorageShortage;
}

/** `disk`: less is free than is kept back, or nothing. `limit`: the servers may not use more, whatever is free. */
export type StorageShortage = 'disk' | 'limit';

export function statusMessage() {
  return { v: protocolVersion };
}

export function statusReply(status: ClusterStatus) {
  return { v: protocolVersion, ...status };
}

/**
 * Checks all that callers walk through. Events of a type that is not known here are left out: they tell of the past.
 * @throws StarlingError BAD_MESSAGE
 */
export function parseClusterStatus(value: unknown): ClusterStatus {
  const what = 'status';
  const fields = asMessage(value, what);
  const { alarms, backend, natsServer } = fields;
  return {
    name: text(fields, 'name', what),
    leader: text(fields, 'leader', what),
    term: number(fields, 'term', what),
    hosts: listOf(fields, 'hosts', what, hostIn),
    startedAtMs: number(fields, 'startedAtMs', what),
    ready: flag(fields, 'ready', what),
    dataCenters: listOf(fields, 'dataCenters', what, dataCenterIn),
    natsServers: listOf(fields, 'natsServers', what, serverIn),
    actors: listOf(fields, 'actors', what, parseActorStatus),
    events: listOf(fields, 'events', what, eventIn).flatMap((event) => event ?? []),
    ...(alarms === undefined ? {} : { alarms: listOf(fields, 'alarms', what, alarmIn) }),
    ...(backend === undefined ? {} : { backend: text(fields, 'backend', what) }),
    ...(natsServer === undefined ? {} : { natsServer: versionIn(natsServer, what) }),
  };
}

function hostIn(value: unknown, what: string): HostSummary {
  const fields = asFields(value, what);
  return {
    name: text(fields, 'name', what),
    dataCenters: texts(fields, 'dataCenters', what),
    capacity: number(fields, 'capacity', what),
    actors: number(fields, 'actors', what),
  };
}

function dataCenterIn(value: unknown, what: string): DataCenterSummary {
  const fields = asFields(value, what);
  return {
    name: text(fields, 'name', what),
    role: text(fields, 'role', what),
    state: text(fields, 'state', what),
    ...(fields.storage === undefined
      ? {}
      : { storage: storageIn(fields.storage, `${what}.storage`) }),
  };
}

function storageIn(value: unknown, what: string): DataCenterStorage {
  const fields = asFields(value, what);
  const { bytesMax, refuses } = fields;
  return {
    usedBytes: number(fields, 'usedBytes', what),
    ...(bytesMax === undefined ? {} : { bytesMax: number(fields, 'bytesMax', what) }),
    ...(refuses === undefined ? {} : { refuses: shortageIn(refuses, what) }),
  };
}

function shortageIn(value: unknown, what: string): StorageShortage {
  if (value === 'disk' || value === 'limit') return value;
  throw wrong(what, 'refuses', "'disk' or 'limit'", value);
}

function versionIn(value: unknown, what: string): { readonly version: string } {
  return { version: text(asFields(value, `${what}.natsServer`), 'version', what) };
}
