import type { ProfileTree } from '../../messages/profiles.js';

/**
 * What each part of a profile is a part of: the stage of an event's or a request's way, and the kind of actor. Functions say so by the file
 * they are in; what says nothing (a library, a helper) is a part of what called it. After an `await` the caller is gone from
 * the stack, and the function that goes on is still in a file of its own.
 */
export const stages = [
  ...(['bus', 'decode', 'encode', 'check', 'join', 'features', 'pull', 'step', 'push'] as const),
  ...(['deltas', 'retrieve', 'score', 'store', 'supervise', 'clients', 'log', 'gc'] as const),
  ...(['engine', 'other', 'servers', 'idle'] as const),
];
export type Stage = (typeof stages)[number];

export const stageMeanings: Readonly<Record<Stage, string>> = {
  bus: 'messages in and out: sockets, the client of NATS, neighbours, deadlines',
  decode: 'bytes to values, and their checks',
  encode: 'values to bytes',
  check: 'events as they come in: checked, divided, forwarded',
  join: 'impressions and events to samples',
  features: 'features, histories and counts: kept, looked up, transformed',
  pull: 'rows read: found, copied, asked for',
  step: 'the network, forward and backward, and its optimizer',
  push: 'rows learned: gradients unified, sent, applied',
  deltas: 'changed rows told, followed, saved',
  retrieve: 'candidates, filters, slates',
  score: 'the network, forward, for answers',
  store: 'what is on disk beside the logs',
  supervise: 'processes, placement, status',
  clients: 'the audience or the replay of `starling up`',
  log: 'lines of logs',
  gc: 'the garbage collector',
  engine: 'Node.js itself: the event loop, microtasks, timers, compiling',
  other: 'none of these',
  servers: 'nats-servers, all they do',
  idle: 'nothing',
};

interface StageRule {
  readonly stage: Stage;
  /** Beginning of the file. */
  readonly file: string;
  /** Of the function; left out: any. */
  readonly name?: RegExp;
}

const rule = (stage: Stage, file: string, name?: RegExp): StageRule =>
  name === undefined ? { stage, file } : { stage, file, name };

const ofPull = /pull|lookup|find|gather/i;
const ofPush = /push|unify|scatter/i;

/** The first that fits counts. */
export const stageRules: readonly StageRule[] = [
  rule('gc', '', /^\(garbage collector\)$/),
  rule('idle', '', /^\(idle\)$/),
  rule('engine', '', /^\(program\)$/),
  // Its own beginning, before the time is taken that a process is charged with.
  rule('idle', 'runtime/os/profile-process'),
  // The monitors of nats-servers.
  rule('supervise', 'node:internal/deps/undici'),
  rule('decode', 'node_modules/cbor-x/decode.js'),
  rule('encode', 'node_modules/cbor-x/encode.js'),
  rule('decode', 'messages/', /^(decode|parse|read|as[A-Z]|hear)/),
  rule('encode', 'messages/', /^(encode|write)|(Message|Reply)$/),
  rule('join', 'core/joining/'),
  rule('features', 'core/features/'),
  rule('features', 'core/activity/'),
  rule('pull', 'core/embedding/', ofPull),
  rule('push', 'core/embedding/', ofPush),
  // Of a process that only answers it is `score`: see `stagesOf`.
  rule('step', 'core/model/'),
  rule('retrieve', 'core/retrieval/'),
  rule('deltas', 'replication/'),
  rule('store', 'runtime/stores/'),
  rule('store', 'node_modules/lmdb/'),
  rule('log', 'node_modules/pino'),
  rule('log', 'node_modules/sonic-boom/'),
  rule('supervise', 'runtime/actor-life'),
  rule('supervise', 'runtime/supervisor-channel'),
  rule('bus', 'runtime/'),
  rule('bus', 'node_modules/nats/'),
  rule('bus', 'node:net'),
  rule('bus', 'node:internal/stream'),
  rule('pull', 'actors/trainer/parameter-client', ofPull),
  rule('push', 'actors/trainer/parameter-client', ofPush),
  rule('step', 'actors/trainer/'),
  rule('step', 'actors/dense-shard/'),
  rule('pull', 'actors/ps-shard/row-requests', ofPull),
  rule('push', 'actors/ps-shard/row-requests', ofPush),
  rule('deltas', 'actors/ps-shard/'),
  rule('pull', 'actors/serving-shard/', ofPull),
  rule('deltas', 'actors/serving-shard/'),
  rule('pull', 'actors/ranker/', /row|pull|lookup/i),
  rule('score', 'actors/ranker/'),
  rule('retrieve', 'actors/recommender/'),
  rule('check', 'actors/processor/'),
  rule('join', 'actors/joiner/'),
  rule('features', 'actors/feature-store/'),
  rule('features', 'actors/shared/feature'),
  rule('supervise', 'supervisor/'),
  rule('supervise', 'cluster/'),
  rule('supervise', 'site/'),
  rule('clients', 'audience/'),
  rule('clients', 'replay/'),
  rule('clients', 'client/'),
  rule('clients', 'cli/'),
];

/** Kinds of actors whose networks answer, and do not learn. */
const answering: ReadonlySet<string> = new Set(['ranker', 'recommender']);

export interface Placed {
  /** By node. */
  readonly stageOf: readonly Stage[];
  /** Undefined: of none of the actors in the process, or of all. */
  readonly kindOf: readonly (string | undefined)[];
}

/** @param kinds of the process; where there is one, all of it is of that kind. */
export function placed(tree: ProfileTree, kinds: readonly string[]): Placed {
  const { names, files, fileOf, functionOf, parentOf } = tree;
  const own = names.map((name, i) => {
    const file = files[fileOf[i]!]!;
    return { stage: stageIn(name, file), kind: /^actors\/([^/]+)\//.exec(file)?.[1] };
  });
  const only = kinds.length === 1 ? kinds[0] : undefined;
  const stageOf: Stage[] = [];
  const kindOf: (string | undefined)[] = [];
  functionOf.forEach((index, node) => {
    const { stage, kind } = own[index]!;
    const parent = parentOf[node]!;
    const above = node === 0 ? undefined : kindOf[parent];
    const found = only ?? (kind !== undefined && kinds.includes(kind) ? kind : above);
    const isScore = stage === 'step' && found !== undefined && answering.has(found);
    kindOf.push(found);
    const calledBy = node === 0 ? 'other' : stageOf[parent]!;
    stageOf.push(isScore ? 'score' : (stage ?? inherited(calledBy, files[fileOf[index]!]!)));
  });
  return { stageOf, kindOf };
}

/** Below what called it; nobody but the event loop calls what Node.js begins with. */
function inherited(above: Stage, file: string): Stage {
  return above === 'other' && (file === '' || file.startsWith('node:')) ? 'engine' : above;
}

function stageIn(functionName: string, file: string): Stage | undefined {
  return stageRules.find(
    ({ file: begin, name }) => file.startsWith(begin) && (name?.test(functionName) ?? true),
  )?.stage;
}
