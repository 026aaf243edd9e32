/**
 * Every subject of the protocol, one row each. A subject is built by its function, never by a string at a call site.
 * Delivery: `request` = a queue group answers one caller; `stream` = JetStream keeps it, the stream's acknowledgement
 * is the answer; `notice` = core NATS, may be lost, and something else makes good for it.
 */
export type Delivery = 'request' | 'stream' | 'notice';

export interface SubjectRow {
  readonly template: string;
  readonly delivery: Delivery;
  readonly sender: string;
  readonly handler: string;
  readonly meaning: string;
}

export const subjectTable = {
  recommend: row(
    'starling.recommend',
    'request',
    'clients',
    'recommender',
    'the k best items for a user',
  ),
  rank: row(
    'starling.rank',
    'request',
    'clients, recommender',
    'ranker',
    'scores of given candidates',
  ),
  recommendAt: row(
    'starling.at.<dc>.recommend',
    'request',
    'clients',
    'recommender',
    'the same of one data center, for a request that was not answered in time',
  ),
  rankAt: row(
    'starling.at.<dc>.rank',
    'request',
    'clients, recommender',
    'ranker',
    'the same of one data center',
  ),
  status: row('starling.status', 'request', 'clients', 'cluster supervisor', 'what runs, and how'),
  ingest: row(
    'starling.ingest.<type>',
    'stream',
    'clients, ranker',
    'RAW_<DC>',
    'impression, action or features; mapped to raw',
  ),
  raw: row(
    'starling.raw.<dc>.<type>',
    'stream',
    'the mapping of the data center',
    'processor',
    'events as they came',
  ),
  join: row(
    'starling.join.<joiner>',
    'stream',
    'processor',
    'joiner',
    'checked events of one request-id range',
  ),
  joinControl: row(
    'starling.joiner.<joiner>.close',
    'request',
    'replay',
    'joiner',
    'ends the window: no more events will come',
  ),
  samples: row(
    'starling.samples.<joiner>',
    'stream',
    'joiner',
    'trainer',
    'joined training samples',
  ),
  pull: row('starling.ps.pull.<shard>', 'request', 'trainer', 'ps-shard', 'rows of fids'),
  push: row(
    'starling.ps.push.<shard>',
    'request',
    'trainer',
    'ps-shard',
    'gradients; answered when durable',
  ),
  shardControl: row(
    'starling.ps.control.<verb>.<shard>',
    'request',
    'cluster supervisor',
    'ps-shard',
    'catch-up, release, snapshot, restore, digest of partitions',
  ),
  servingControl: row(
    'starling.serving.control.<verb>.<dc>.<shard>',
    'request',
    'cluster supervisor',
    'serving-shard',
    'snapshot, digest of partitions',
  ),
  denseControl: row(
    'starling.dense.control.<verb>',
    'request',
    'cluster supervisor',
    'dense-shard',
    'snapshot, restore of the network',
  ),
  operate: row(
    'starling.operate.<verb>',
    'request',
    'command line',
    'cluster supervisor',
    'snapshot, restore, scale, drain, undrain; answered when done',
  ),
  progress: row(
    'starling.progress.<operation>',
    'notice',
    'cluster supervisor',
    'command line',
    'how far an operation is',
  ),
  densePull: row('starling.dense.pull', 'request', 'trainer', 'dense-shard', 'dense parameters'),
  densePush: row(
    'starling.dense.push',
    'request',
    'trainer',
    'dense-shard',
    'dense gradient; answers new parameters',
  ),
  denseDurable: row(
    'starling.dense.durable',
    'request',
    'trainer',
    'dense-shard',
    'answered when the batches are durable',
  ),
  deltaRows: row(
    'starling.deltas.rows.<partition>',
    'stream',
    'ps-shard',
    'ps-shard',
    'changed rows with their optimizer state; from one writer only',
  ),
  deltaWeights: row(
    'starling.deltas.weights.<partition>',
    'stream',
    'ps-shard',
    'serving-shard',
    'their weights alone, just after',
  ),
  deltaDense: row(
    'starling.deltas.dense',
    'stream',
    'dense-shard',
    'dense-shard',
    'the whole network now and then, so that it can go back to any time with the rows',
  ),
  denseVersion: row(
    'starling.dense-log.version',
    'stream',
    'dense-shard',
    'ranker',
    'parameters to serve with',
  ),
  denseState: row(
    'starling.dense-log.state',
    'stream',
    'dense-shard',
    'dense-shard',
    'parameters, optimizer state, applied set',
  ),
  features: row(
    'starling.features.<entity>',
    'stream',
    'processor',
    'feature-store, recommender',
    'changed features',
  ),
  featuresGet: row(
    'starling.feature-store.get',
    'request',
    'ranker, processor',
    'feature-store',
    'features of entities',
  ),
  featuresGetAt: row(
    'starling.at.<dc>.feature-store',
    'request',
    'ranker',
    'feature-store',
    'features of entities, of one data center',
  ),
  lookupAt: row(
    'starling.at.<dc>.lookup.<shard>',
    'request',
    'ranker',
    'serving-shard',
    'weights of fids, of one data center',
  ),
  lookup: row('starling.lookup.<shard>', 'request', 'ranker', 'serving-shard', 'weights of fids'),
  visible: row(
    'starling.visible.<dc>.<shard>',
    'notice',
    'serving-shard',
    'replay, status',
    'what serving has learned',
  ),
  snapshotObject: row(
    'starling.snapshots.<dc>.<snapshot>.<object>',
    'stream',
    'ps-shard, serving-shard, dense-shard',
    'their successors',
    'chunks of a snapshot',
  ),
  snapshotManifest: row(
    'starling.snapshot-manifests.<dc>.<snapshot>',
    'stream',
    'supervisor',
    'shards, restore',
    'what a snapshot is made of; written last',
  ),
  popular: row(
    'starling.popular',
    'notice',
    'joiner',
    'recommender',
    'items with the most recent positives',
  ),
  deadLetter: row(
    'starling.dead-letter.<kind>',
    'stream',
    'any',
    'people',
    'what could not be processed, with its error',
  ),
  hostStatus: row(
    'starling.hosts.status.<host>',
    'notice',
    'host supervisor',
    'host supervisors',
    'the actors of a host and how they are',
  ),
  turn: row(
    'starling.hosts.turn',
    'notice',
    'host supervisor',
    'host supervisors',
    'who is about to create streams: one host at a time',
  ),
  supervision: row(
    'starling.supervision.<type>',
    'stream',
    'supervisor',
    'status, people',
    'starts, crashes, restarts',
  ),
} as const satisfies Record<string, SubjectRow>;

function row(
  template: string,
  delivery: Delivery,
  sender: string,
  handler: string,
  meaning: string,
): SubjectRow {
  return { template, delivery, sender, handler, meaning };
}

export const eventTypes = ['impression', 'action', 'features'] as const;
export type EventType = (typeof eventTypes)[number];
export const entities = ['user', 'item'] as const;
export type Entity = (typeof entities)[number];

/** What the supervisor asks of shards beside pulls and pushes. */
export type ShardVerb = 'catch-up' | 'release' | 'snapshot' | 'restore' | 'digest';
export type ServingVerb = 'snapshot' | 'digest';
export type DenseVerb = 'snapshot' | 'restore';
/** What people ask of the cluster. */
export type OperateVerb = 'snapshot' | 'restore' | 'scale' | 'drain' | 'undrain';

export const subject = {
  recommend: 'starling.recommend',
  rank: 'starling.rank',
  recommendAt: (dataCenter: string) => `starling.at.${dataCenter}.recommend`,
  rankAt: (dataCenter: string) => `starling.at.${dataCenter}.rank`,
  featuresGetAt: (dataCenter: string) => `starling.at.${dataCenter}.feature-store`,
  lookupAt: (dataCenter: string, shard: number) => `starling.at.${dataCenter}.lookup.${shard}`,
  status: 'starling.status',
  ingest: (type: EventType) => `starling.ingest.${type}`,
  raw: (dataCenter: string, type: EventType) => `starling.raw.${dataCenter}.${type}`,
  join: (joiner: number) => `starling.join.${joiner}`,
  joinControl: (joiner: number) => `starling.joiner.${joiner}.close`,
  samples: (joiner: number) => `starling.samples.${joiner}`,
  pull: (shard: number) => `starling.ps.pull.${shard}`,
  push: (shard: number) => `starling.ps.push.${shard}`,
  shardControl: (verb: ShardVerb, shard: number) => `starling.ps.control.${verb}.${shard}`,
  servingControl: (verb: ServingVerb, dataCenter: string, shard: number) =>
    `starling.serving.control.${verb}.${dataCenter}.${shard}`,
  denseControl: (verb: DenseVerb) => `starling.dense.control.${verb}`,
  operate: (verb: OperateVerb) => `starling.operate.${verb}`,
  progress: (operation: string) => `starling.progress.${operation}`,
  densePull: 'starling.dense.pull',
  densePush: 'starling.dense.push',
  denseDurable: 'starling.dense.durable',
  deltaWeights: (partition: number | '*') => `starling.deltas.weights.${partition}`,
  deltaRows: (partition: number) => `starling.deltas.rows.${partition}`,
  deltaDense: 'starling.deltas.dense',
  denseVersion: 'starling.dense-log.version',
  denseState: 'starling.dense-log.state',
  features: (entity: Entity) => `starling.features.${entity}`,
  featuresGet: 'starling.feature-store.get',
  lookup: (shard: number) => `starling.lookup.${shard}`,
  visible: (dataCenter: string, shard: number) => `starling.visible.${dataCenter}.${shard}`,
  visibleAll: 'starling.visible.>',
  snapshotObject: (dataCenter: string, snapshot: string, object: string) =>
    `starling.snapshots.${dataCenter}.${snapshot}.${object}`,
  snapshotManifest: (dataCenter: string, snapshot: string) =>
    `starling.snapshot-manifests.${dataCenter}.${snapshot}`,
  popular: 'starling.popular',
  deadLetter: (kind: string) => `starling.dead-letter.${kind}`,
  hostStatus: (host: string) => `starling.hosts.status.${host}`,
  turn: 'starling.hosts.turn',
  supervision: (type: string) => `starling.supervision.${type}`,
} as const;

/** All subjects of a row: `*` where the template names something, unless `known` says what it is. */
export function subjectPattern(
  name: keyof typeof subjectTable,
  known: Readonly<Record<string, string>> = {},
): string {
  return subjectTable[name].template.replace(
    /<([^>]+)>/g,
    (_all, part: string) => known[part] ?? '*',
  );
}

/** The last token of a subject: the event type, the partition, the shard. */
export function lastToken(subjectName: string): string {
  return subjectName.slice(subjectName.lastIndexOf('.') + 1);
}
