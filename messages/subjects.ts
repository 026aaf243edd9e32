import type { StreamKey } from './streams.js';

/**
 * Every subject of the protocol, one row each: what builds it, the pattern of all of them, the stream that keeps it and the
 * page of subjects follow from its template (cluster-names.ts). Whole subjects begin with the name of the cluster.
 *
 * A row that belongs to a model names it, so that another model beside it has logs and networks of its own. Rows of
 * parameters are asked of a shard, which has partitions of any model: there the message names it.
 *
 * Delivery: `request` = a queue group answers one caller; `stream` = JetStream keeps it, the stream's acknowledgement
 * is the answer; `notice` = core NATS, may be lost, and something else makes good for it.
 */
export type Delivery = 'request' | 'stream' | 'notice';

export interface SubjectRow<Template extends string = string> {
  /** Without the name of the cluster; a parameter stands in angle brackets. */
  readonly template: Template;
  readonly delivery: Delivery;
  /** The stream that takes it. */
  readonly stream?: StreamKey;
  readonly sender: string;
  readonly handler: string;
  readonly meaning: string;
}

export const subjectTable = {
  recommend: request('recommend', 'clients', 'recommender', 'the k best items for a user'),
  rank: request('rank', 'clients, recommender', 'ranker', 'scores of given candidates'),
  rankOf: request(
    'ranker.<model>',
    'recommender',
    'ranker',
    'scores of given candidates, by a model that it names',
  ),
  rankOfAt: request(
    'at.<dc>.ranker.<model>',
    'recommender, ranker',
    'ranker',
    'the same of one data center; and whether what the model has learned is there',
  ),
  recommendAt: request(
    'at.<dc>.recommend',
    'clients',
    'recommender',
    'the same of one data center, for a request that was not answered in time',
  ),
  rankAt: request('at.<dc>.rank', 'clients, recommender', 'ranker', 'the same of one data center'),
  status: request('status', 'clients', 'cluster supervisor', 'what runs, and how'),
  ingest: mapped(
    'ingest.<type>',
    'clients, ranker',
    'RAW_<DC>',
    'event, impression, shown, alias, merge, items or users, and erase of operators; mapped to raw',
  ),
  raw: kept(
    'raw.<dc>.<type>',
    'raw',
    'the mapping of the data center',
    'processor',
    'events as they came',
  ),
  join: kept(
    'join.<joiner>',
    'join',
    'processor, import',
    'joiner',
    'checked events of the people of one partition',
  ),
  joinControl: request(
    'joiner.<joiner>.close',
    'replay',
    'joiner',
    'ends the window: no more events will come',
  ),
  joinSnapshot: request(
    'joiner.<joiner>.snapshot',
    'cluster supervisor',
    'joiner',
    'snapshot of the window',
  ),
  joinImport: request(
    'joiner.<joiner>.import',
    'import',
    'joiner',
    'how far an import has come into a partition',
  ),
  joinRelease: request(
    'joiner.<joiner>.release',
    'cluster supervisor',
    'joiner',
    'ends the work at a partition, which another joiner goes on with',
  ),
  joinPerson: request(
    'joiner.<joiner>.person',
    'cluster supervisor',
    'joiner',
    'what the window has of a person',
  ),
  samples: kept('samples.<joiner>', 'samples', 'joiner', 'trainer', 'joined training samples'),
  samplesRetried: kept(
    'samples.retried.letters',
    'samples',
    'command line',
    'trainer',
    'samples out of dead letters, which are to be learned after all',
  ),
  pull: request('ps.pull.<shard>', 'trainer', 'ps-shard', 'rows of fids'),
  push: request('ps.push.<shard>', 'trainer', 'ps-shard', 'gradients; answered when durable'),
  shardControl: request(
    'ps.control.<shard-verb>.<shard>',
    'cluster supervisor, audit',
    'ps-shard',
    'catch-up, release, snapshot, restore, digest of partitions; rows of a person, to be told or removed',
  ),
  servingControl: request(
    'serving.control.<serving-verb>.<dc>.<shard>',
    'cluster supervisor, audit',
    'serving-shard',
    'snapshot, digest of partitions',
  ),
  featureControl: request(
    'feature-store.control.<feature-verb>.<dc>',
    'cluster supervisor',
    'feature-store',
    'snapshot of users and items, by one of the stores of a data center; what it has of a person',
  ),
  denseControl: request(
    'dense.control.<dense-verb>.<model>',
    'cluster supervisor',
    'dense-shard',
    'snapshot, restore of the network',
  ),
  operate: request(
    'operate.<verb>',
    'command line',
    'cluster supervisor',
    'snapshot, restore, scale, drain, undrain, settings, config, people, person, model; answered when done',
  ),
  progress: notice(
    'progress.<operation>',
    'who works on it',
    'who asked for it',
    'how far an operation is, every few seconds; silence: he is gone',
  ),
  densePull: request('dense.pull.<model>', 'trainer', 'dense-shard', 'dense parameters'),
  densePush: request(
    'dense.push.<model>',
    'trainer',
    'dense-shard',
    'dense gradient; answers new parameters',
  ),
  denseDurable: request(
    'dense.durable.<model>',
    'trainer',
    'dense-shard',
    'answered when the batches are durable',
  ),
  deltaRows: kept(
    'deltas.rows.<model>.<partition>',
    'deltas',
    'ps-shard',
    'ps-shard',
    'changed rows with their optimizer state; from one writer only',
  ),
  deltaWeights: kept(
    'deltas.weights.<model>.<partition>',
    'deltas',
    'ps-shard',
    'serving-shard',
    'their weights alone, just after',
  ),
  deltaDense: kept(
    'deltas.dense.<model>',
    'deltas',
    'dense-shard',
    'dense-shard',
    'the whole network now and then, so that it can go back to any time with the rows',
  ),
  denseVersion: kept(
    'dense-log.version.<model>',
    'dense',
    'dense-shard',
    'ranker',
    'parameters to serve with',
  ),
  denseState: kept(
    'dense-log.state.<model>',
    'dense',
    'dense-shard',
    'dense-shard',
    'parameters, optimizer state, applied set; of a large network its last part',
  ),
  denseStatePart: kept(
    'dense-log.state-part.<model>.<part>',
    'dense',
    'dense-shard',
    'dense-shard',
    'what is before the last part',
  ),
  setting: kept(
    'settings.<setting>',
    'settings',
    'cluster supervisor',
    'ranker, recommender',
    'what a setting is from now on, or that it is as the configuration says',
  ),
  features: kept(
    'features.<entity>',
    'features',
    'processor',
    'feature-store, recommender',
    'changed features',
  ),
  featuresChanged: notice(
    'features-changed.<entity>',
    'processor',
    'ranker, processor',
    'that a change is in FEATURES, and where',
  ),
  activity: kept(
    'activity.<joiner>',
    'activity',
    'joiner',
    'feature-store',
    'what people did, each thing once, and what became of what they were shown',
  ),
  keptChanged: notice(
    'kept-changed.<dc>.<entity>',
    'feature-store',
    'ranker, recommender, processor',
    'whose histories and counts are others than before',
  ),
  featuresGet: request(
    'feature-store.get',
    'ranker, recommender, processor',
    'feature-store',
    'features of entities',
  ),
  featuresGetAt: request(
    'at.<dc>.feature-store',
    'ranker, recommender',
    'feature-store',
    'features of entities, of one data center',
  ),
  lookupAt: request(
    'at.<dc>.lookup.<shard>',
    'ranker',
    'serving-shard',
    'weights of fids, of one data center',
  ),
  lookup: request('lookup.<shard>', 'ranker', 'serving-shard', 'weights of fids'),
  visible: notice(
    'visible.<dc>.<shard>',
    'serving-shard',
    'replay, status',
    'what serving has learned',
  ),
  snapshotObject: kept(
    'snapshots.<dc>.<snapshot>.<object>',
    'snapshotsAt',
    'ps-shard, serving-shard, dense-shard',
    'their successors',
    'chunks of a snapshot',
  ),
  snapshotManifest: kept(
    'snapshot-manifests.<dc>.<snapshot>',
    'snapshotsAt',
    'supervisor',
    'shards, restore',
    'what a snapshot is made of; written last',
  ),
  modelObject: kept(
    'snapshots.<dc>.model.<model>.<snapshot>.<object>',
    'snapshotsAt',
    'ps-shard, serving-shard, dense-shard',
    'their successors',
    'chunks of a snapshot of a model other than `main`',
  ),
  modelManifest: kept(
    'snapshot-manifests.<dc>.model.<model>.<snapshot>',
    'snapshotsAt',
    'supervisor',
    'shards, restore',
    'what such a snapshot is made of; written last',
  ),
  featureObject: kept(
    'snapshots.<dc>.features.<snapshot>.<object>',
    'snapshotsAt',
    'feature-store',
    'feature-store, recommender',
    'chunks of a snapshot of users and items',
  ),
  featureManifest: kept(
    'snapshot-manifests.<dc>.features.<snapshot>',
    'snapshotsAt',
    'supervisor',
    'feature-store, recommender',
    'what such a snapshot is made of; written last',
  ),
  windowObject: kept(
    'snapshots.<dc>.windows.<snapshot>.<object>',
    'snapshotsAt',
    'joiner',
    'joiner',
    'chunks of a snapshot of the windows of joiners',
  ),
  windowManifest: kept(
    'snapshot-manifests.<dc>.windows.<snapshot>',
    'snapshotsAt',
    'supervisor',
    'joiner',
    'what such a snapshot is made of; written last',
  ),
  popular: notice('popular', 'joiner', 'recommender', 'items with the most recent positives'),
  deadLetter: kept(
    'dead-letter.<kind>',
    'deadLetter',
    'any',
    'people',
    'what could not be processed, with its error',
  ),
  hostStatus: notice(
    'hosts.status.<host>',
    'host supervisor',
    'host supervisors',
    'the actors of a host and how they are',
  ),
  hostProfile: request(
    'hosts.profile.<host>',
    'command line',
    'host supervisor',
    'what each process of a host does in the next seconds',
  ),
  turn: notice(
    'hosts.turn',
    'host supervisor',
    'host supervisors',
    'who is about to create streams: one host at a time',
  ),
  supervision: kept(
    'supervision.<event>',
    'supervision',
    'supervisor',
    'status, people',
    'starts, crashes, restarts',
  ),
} as const;

export type SubjectKey = keyof typeof subjectTable;

function request<const Template extends string>(
  template: Template,
  sender: string,
  handler: string,
  meaning: string,
): SubjectRow<Template> {
  return { template, delivery: 'request', sender, handler, meaning };
}

function notice<const Template extends string>(
  template: Template,
  sender: string,
  handler: string,
  meaning: string,
): SubjectRow<Template> {
  return { template, delivery: 'notice', sender, handler, meaning };
}

function kept<const Template extends string>(
  template: Template,
  stream: StreamKey,
  sender: string,
  handler: string,
  meaning: string,
): SubjectRow<Template> {
  return { template, delivery: 'stream', stream, sender, handler, meaning };
}

/** Becomes a subject that a stream keeps, in the data center of the sender. */
function mapped<const Template extends string>(
  template: Template,
  sender: string,
  handler: string,
  meaning: string,
): SubjectRow<Template> {
  return { template, delivery: 'stream', sender, handler, meaning };
}

export const eventTypes = [
  ...(['event', 'impression', 'shown', 'alias', 'merge', 'items', 'users'] as const),
  /** What `event` was called first, and `items` and `users` were. */
  ...(['action', 'features'] as const),
  /** Of operators. */
  'erase',
] as const;
export type EventType = (typeof eventTypes)[number];
export const entities = ['user', 'item'] as const;
export type Entity = (typeof entities)[number];

/** What the supervisor asks of shards beside pulls and pushes. */
export type ShardVerb = 'catch-up' | 'release' | 'snapshot' | 'restore' | 'digest' | 'rows';
export type ServingVerb = 'snapshot' | 'digest';
export type FeatureVerb = 'snapshot' | 'person';
export type DenseVerb = 'snapshot' | 'restore';
/** What people ask of the cluster. */
export type OperateVerb =
  | 'snapshot'
  | 'restore'
  | 'scale'
  | 'drain'
  | 'undrain'
  | 'settings'
  | 'config'
  | 'people'
  | 'person'
  | 'model';

/** What stands in the angle brackets of a template; each a token, without dots. */
interface SubjectParameters {
  dc: string;
  type: EventType;
  joiner: number;
  shard: number;
  'shard-verb': ShardVerb;
  'serving-verb': ServingVerb;
  'feature-verb': FeatureVerb;
  'dense-verb': DenseVerb;
  verb: OperateVerb;
  operation: string;
  model: string;
  partition: number;
  part: number;
  entity: Entity;
  setting: string;
  snapshot: string;
  object: string;
  kind: string;
  host: string;
  event: string;
}

/** The parameters of a template, in its order: `ps.pull.<shard>` has [shard: number]. */
type ValuesOf<Template extends string> =
  Template extends `${string}<${infer Name extends keyof SubjectParameters}>${infer Rest}`
    ? [SubjectParameters[Name], ...ValuesOf<Rest>]
    : [];

type Builder<Values extends unknown[]> = Values extends [] ? string : (...values: Values) => string;

export type SubjectBuilders = {
  readonly [Key in SubjectKey]: Builder<ValuesOf<(typeof subjectTable)[Key]['template']>>;
};

type NamesIn<Template extends string> =
  Template extends `${string}<${infer Name extends keyof SubjectParameters}>${infer Rest}`
    ? Name | NamesIn<Rest>
    : never;

/** What stands in the angle brackets of a row. */
export type SubjectPlace<Row extends SubjectKey> = NamesIn<(typeof subjectTable)[Row]['template']>;

/** The last token of a subject: the event type, the partition, the shard. */
export function lastToken(subject: string): string {
  return subject.slice(subject.lastIndexOf('.') + 1);
}
