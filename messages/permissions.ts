import { clusterNameDefault } from '../core/config/cluster-name.js';
import type { ClusterNames } from './cluster-names.js';
import { eventTypes, lastToken } from './subjects.js';
import type { BucketNeeds, Place, Role, RoleNeeds } from './roles.js';
import { needsOf, roles } from './roles.js';

/**
 * What a role needs, as the subjects a nats-server lets its user publish and subscribe to; all else is refused. Beside
 * the subjects of the protocol these are the subjects of JetStream itself: its API, acknowledgements, flow control, keys.
 *
 * Answers are confined too. NATS has `allow_responses` for services, which lets a service publish to whatever a request
 * names as its reply subject: a client could have a ranker publish to `starling.ps.push.0` by asking it with that reply
 * subject, and the server would allow it. So a service may publish to the inboxes of the roles that call it, and each
 * role has inboxes of its own, which no other can read (docs/decisions/0005-answers-go-to-inboxes.md).
 */
export interface Permissions {
  readonly publish: readonly string[];
  /** Of what it may publish, what it may not. */
  readonly refused: readonly string[];
  readonly subscribe: readonly string[];
}

/**
 * Clients have the prefix that every NATS client library and the `nats` command use by themselves. The others have one of
 * their cluster, which as everywhere is not named by default; no name has a `_`, so none reads as another's role.
 */
export function inboxPrefixOf(role: Role, { cluster }: Pick<ClusterNames, 'cluster'>): string {
  if (role === 'client') return '_INBOX';
  return cluster === clusterNameDefault ? `_INBOX_${role}` : `_INBOX_${cluster}_${role}`;
}

/** Has an account of its own, in which there is nothing but what outsiders may ask for. */
export function isOutside(role: Role): boolean {
  return role === 'client';
}

export function permissionsOf(role: Role, place: Place): Permissions {
  const needs = needsOf(role, place);
  if (!needs) return { publish: ['>'], refused: [], subscribe: ['>'] };
  const { serves = [], calls = [], writes = [], hears = [], refused = [] } = needs;
  const publish = [
    ...calls,
    ...(isOutside(role) ? writes : writes.flatMap((subject) => asMapped(subject, place))),
    ...callersOf(serves, place).map((caller) => repliesTo(caller, place)),
    ...streamSubjects(needs),
    ...(needs.keys ? keySubjects(needs.keys) : []),
  ];
  const subscribe = [...serves, ...hears, inboxesOf(role, place)];
  return { publish: unique(publish), refused, subscribe: unique(subscribe) };
}

function inboxesOf(role: Role, { names }: Place): string {
  return `${inboxPrefixOf(role, names)}.>`;
}

/** Requests of another account arrive with a reply subject that its server made up, and translates back. */
function repliesTo(role: Role, place: Place): string {
  return isOutside(role) ? '_R_.>' : inboxesOf(role, place);
}

function callersOf(serves: readonly string[], place: Place): Role[] {
  return roles.filter((role) => {
    const needs = needsOf(role, place);
    const calls = needs ? (needs.calls ?? []) : ['>'];
    return calls.some((call) => serves.some((served) => overlap(call, served)));
  });
}

/** A server applies the mapping of the ingest subjects first and looks at permissions second. */
function asMapped(subject: string, { names, dataCenter }: Place): string[] {
  if (!names.isOf('ingest', subject)) return [subject];
  const type = lastToken(subject);
  const types = type === '*' ? eventTypes : [type];
  return [...types.map((each) => names.pattern('raw', { dc: dataCenter, type: each })), subject];
}

const api = '$JS.API';

function streamSubjects(needs: RoleNeeds): string[] {
  const { tails = [], works = [], looksUp = [], measures = [], purges = [], keys } = needs;
  const { lists = false, pages = [], overhears = [] } = needs;
  const managed = [looksUp, measures, purges, works].some(({ length }) => length > 0) || keys;
  return [
    ...(managed ? [`${api}.INFO`] : []),
    ...tails.flatMap((stream) => tailSubjects(stream, stream !== '*')),
    ...overhears.flatMap((stream) => tailSubjects(stream, false)),
    ...works.flatMap(workSubjects),
    ...looksUp.flatMap((stream) => [
      `${api}.STREAM.MSG.GET.${stream}`,
      `${api}.DIRECT.GET.${stream}`,
      `${api}.DIRECT.GET.${stream}.>`,
    ]),
    ...measures.map((stream) => `${api}.STREAM.INFO.${stream}`),
    ...(lists ? listSubjects : []),
    ...pages.flatMap(pageSubjects),
    ...purges.map((stream) => `${api}.STREAM.PURGE.${stream}`),
  ];
}

const listSubjects = [
  `${api}.STREAM.NAMES`,
  `${api}.STREAM.LIST`,
  `${api}.CONSUMER.NAMES.*`,
  `${api}.CONSUMER.LIST.*`,
];

/** `nats stream view`, and `nats subscribe --stream`: a consumer of any name, its messages, and its end. */
function pageSubjects(stream: string): string[] {
  return [
    `${api}.CONSUMER.CREATE.${stream}.>`,
    `${api}.CONSUMER.MSG.NEXT.${stream}.*`,
    `${api}.CONSUMER.DELETE.${stream}.*`,
    `$JS.ACK.${stream}.>`,
  ];
}

/** @param isNamed by name and filter too. Who follows any stream gets none: the name could be that of somebody's durable one. */
function tailSubjects(stream: string, isNamed: boolean): string[] {
  return [
    `${api}.CONSUMER.CREATE.${stream}`,
    ...(isNamed ? [`${api}.CONSUMER.CREATE.${stream}.>`] : []),
    `${api}.CONSUMER.INFO.${stream}.*`,
    `$JS.FC.${stream}.>`,
  ];
}

function workSubjects({ stream, durable }: { stream: string; durable: string }): string[] {
  return [
    `${api}.CONSUMER.CREATE.${stream}.${durable}`,
    `${api}.CONSUMER.CREATE.${stream}.${durable}.>`,
    `${api}.CONSUMER.INFO.${stream}.${durable}`,
    `${api}.CONSUMER.MSG.NEXT.${stream}.${durable}`,
    `$JS.ACK.${stream}.${durable}.>`,
  ];
}

/** A bucket is a stream with a subject for each key. */
function keySubjects({ bucket, reads, writes }: BucketNeeds): string[] {
  const stream = `KV_${bucket}`;
  const keys = `$KV.${bucket}`;
  return [
    `${api}.STREAM.INFO.${stream}`,
    ...reads.map((key) => `${api}.DIRECT.GET.${stream}.${keys}.${key}`),
    ...(reads.length > 0 ? tailSubjects(stream, true) : []),
    ...writes.map((key) => `${keys}.${key}`),
  ];
}

/** Whether some subject matches both patterns. */
export function overlap(one: string, other: string): boolean {
  const [a, b] = [one.split('.'), other.split('.')];
  for (let i = 0; ; i++) {
    const [x, y] = [a[i], b[i]];
    if (x === undefined || y === undefined) return x === y;
    if (x === '>' || y === '>') return true;
    if (x !== y && x !== '*' && y !== '*') return false;
  }
}

function unique(subjects: readonly string[]): string[] {
  return [...new Set(subjects)];
}
