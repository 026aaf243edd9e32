import { asFields, asMessage, listOf, number, text, texts, wrong, type Fields } from './checks.js';
import { protocolVersion } from './codec.js';
import { parseOperation, type Operation } from './operations.js';

/**
 * What a process did in some seconds, as a tree of calls: asked of a host by `starling.hosts.profile.<host>`, and by that of each
 * process it has, one profile for all actors in it.
 */

/** Columns; node 0 is the root, and a parent stands before its children. */
export interface ProfileTree {
  /** By function: its name, and which of `files` it is in. */
  readonly names: readonly string[];
  readonly fileOf: readonly number[];
  /** Within the package (`core/model/adam.js`), of Node.js (`node:net`), `wasm`, or empty for what the engine does itself. */
  readonly files: readonly string[];
  /** By node: its function, its parent, and its own time without that of its children, µs of samples. */
  readonly functionOf: readonly number[];
  readonly parentOf: readonly number[];
  readonly selfUs: readonly number[];
}

export interface ProcessProfile {
  /** Address of its only actor, or of all in it by data center and pid; `host <name>`, `nats-server <data center>`. */
  readonly name: string;
  readonly pid: number;
  /** Of the actors in it; `supervisor`, `nats-server`. */
  readonly kinds: readonly string[];
  /** How long it was watched, and the processor time of all its threads meanwhile. */
  readonly wallMs: number;
  readonly cpuMs: number;
  /** Left out for a process of which nothing but its processor time is known. */
  readonly tree?: ProfileTree;
}

export interface HostProfile {
  readonly host: string;
  readonly processes: readonly ProcessProfile[];
  /** Processes that did not answer, and why. */
  readonly missing: readonly string[];
}

/** What a process says of itself. */
export type MeasuredProfile = Pick<ProcessProfile, 'wallMs' | 'cpuMs'> & {
  readonly tree: ProfileTree;
};

export interface ProfileRequest extends Operation {
  readonly seconds: number;
}

/** Too low: nothing is seen. Too high: samples fill the memory of each process, some 100 kB a second. */
export const profileSeconds = { min: 0.1, max: 120 } as const;

/**
 * Nodes of a tree; where there are more the smallest go into their parents. Too low: what is small is not told apart. Too high: answers of
 * a host with many processes do not fit into a message.
 */
export const profileNodesMax = 2_500;

/** @throws StarlingError BAD_MESSAGE */
export function parseProfileRequest(value: unknown): ProfileRequest {
  const what = 'profile';
  const seconds = number(asMessage(value, what), 'seconds', what);
  if (!(seconds >= profileSeconds.min && seconds <= profileSeconds.max)) {
    const { min, max } = profileSeconds;
    throw wrong(what, 'seconds', `${min} to ${max}`, seconds);
  }
  return { ...parseOperation(value, what), seconds };
}

export function hostProfileMessage(profile: HostProfile) {
  return { v: protocolVersion, ...profile };
}

/** @throws StarlingError BAD_MESSAGE */
export function parseHostProfile(value: unknown): HostProfile {
  const what = 'host profile';
  const fields = asMessage(value, what);
  return {
    host: text(fields, 'host', what),
    processes: listOf(fields, 'processes', what, processIn),
    missing: texts(fields, 'missing', what),
  };
}

function processIn(value: unknown, what: string): ProcessProfile {
  const fields = asFields(value, what);
  return {
    name: text(fields, 'name', what),
    pid: number(fields, 'pid', what),
    kinds: texts(fields, 'kinds', what),
    wallMs: number(fields, 'wallMs', what),
    cpuMs: number(fields, 'cpuMs', what),
    ...(fields.tree === undefined ? {} : { tree: treeIn(fields.tree, `${what}.tree`) }),
  };
}

/** @throws StarlingError BAD_MESSAGE */
export function measuredProfile(value: unknown): MeasuredProfile {
  const what = 'measured profile';
  const fields = asFields(value, what);
  return {
    wallMs: number(fields, 'wallMs', what),
    cpuMs: number(fields, 'cpuMs', what),
    tree: treeIn(fields.tree, `${what}.tree`),
  };
}

function treeIn(value: unknown, what: string): ProfileTree {
  const fields = asFields(value, what);
  // Copies, as all of it is sent on: who reads a channel of Node.js may have arrays of another realm, which codecs take for streams.
  const files = [...texts(fields, 'files', what)];
  const names = [...texts(fields, 'names', what)];
  const fileOf = indexes(fields, 'fileOf', what, files.length, names.length);
  const functionOf = indexes(fields, 'functionOf', what, names.length);
  const parentOf = indexes(fields, 'parentOf', what, functionOf.length, functionOf.length);
  // So that whoever walks it from the front has met each parent, and the walk ends.
  if (parentOf.some((parent, node) => node > 0 && parent >= node))
    throw wrong(what, 'parentOf', 'parents before their children', 'another order');
  const selfUs = numbers(fields, 'selfUs', what, functionOf.length);
  if (selfUs.some((us) => !(us >= 0 && us < Infinity)))
    throw wrong(what, 'selfUs', 'numbers of at least 0', 'others');
  return { files, names, fileOf, functionOf, parentOf, selfUs };
}

function indexes(fields: Fields, name: string, what: string, end: number, length?: number) {
  const list = numbers(fields, name, what, length);
  if (list.some((index) => !(Number.isInteger(index) && index >= 0 && index < end)))
    throw wrong(what, name, `integers below ${end}`, 'others');
  return list;
}

function numbers(fields: Fields, name: string, what: string, length?: number): number[] {
  const list = fields[name];
  if (!Array.isArray(list) || !list.every((each) => typeof each === 'number'))
    throw wrong(what, name, 'a list of numbers', list);
  if (length !== undefined && list.length !== length)
    throw wrong(what, name, `${length} numbers`, `${list.length}`);
  return [...list];
}
