import type { ClusterNames } from './cluster-names.js';
import { actorKinds } from './actor-kinds.js';
import { trainerQueues } from './models.js';
import { configContentKey, configKey } from './config-versions.js';

/**
 * Who may do what, said once in the words of the protocol: one role for each kind of actor, and three for people and
 * programs. A server turns it into subjects (permissions.ts) and holds everybody to it, so a ranker that was taken over
 * can answer wrongly, but can't push gradients, and reads no replies but its own.
 *
 * An actor that starts to use another subject, stream or key gets it here; until then it fails with FORBIDDEN, and the
 * message names the subject that is missing.
 */
export const roles = [...actorKinds, 'supervisor', 'client', 'admin'] as const;
export type Role = (typeof roles)[number];

/** Patterns have wildcards in the place of what is not known beforehand. */
export interface RoleNeeds {
  /** Request subjects it answers; it may answer those who may call them, at their inboxes, and nowhere else. */
  readonly serves?: readonly string[];
  /** Request subjects it calls. */
  readonly calls?: readonly string[];
  /** Subjects it publishes to: of streams, whose acknowledgement it gets, and notices. */
  readonly writes?: readonly string[];
  /** Of these, what it may not. */
  readonly refused?: readonly string[];
  /** Subjects it hears without a stream. */
  readonly hears?: readonly string[];
  /** Streams it follows, in order. JetStream can't confine a follower to some subjects of a stream. */
  readonly tails?: readonly string[];
  /** Logs that are somebody's work: read by unnamed consumers, as a name could be that of theirs. */
  readonly overhears?: readonly string[];
  /** Shares of the work of a stream, acknowledged one by one. */
  readonly works?: readonly { readonly stream: string; readonly durable: string }[];
  /** Streams whose messages it reads one at a time. */
  readonly looksUp?: readonly string[];
  /** Streams whose bounds and subjects it asks for. */
  readonly measures?: readonly string[];
  /** The names and the state of all streams and of who reads them, as tools ask for them. */
  readonly lists?: boolean;
  /** Streams that are paged through by the official `nats` command line, which makes itself a named consumer for that. */
  readonly pages?: readonly string[];
  /** Streams it removes messages from. */
  readonly purges?: readonly string[];
  readonly keys?: BucketNeeds;
}

export interface BucketNeeds {
  readonly bucket: string;
  /** Patterns of keys; watching is reading. */
  readonly reads: readonly string[];
  readonly writes: readonly string[];
}

/**
 * Where a server stands. The same role may write snapshots and events to the streams of this data center only. What it
 * follows, and what it tells of itself, it may from any server: an actor whose own server is gone signs in elsewhere as
 * a guest, and goes on with its own.
 */
export interface Place {
  /** Of the cluster whose roles these are. */
  readonly names: ClusterNames;
  readonly dataCenter: string;
  /** All of the cluster. */
  readonly dataCenters: readonly string[];
}

/** Undefined: no limits. */
export function needsOf(role: Role, place: Place): RoleNeeds | undefined {
  const { pattern: s, stream, bucket } = place.names;
  return needs[role]({ ...place, s, stream, bucket, letters: s('deadLetter', { kind: role }) });
}

/** A place, and the words for what is there. */
interface Words extends Place, Pick<ClusterNames, 'stream' | 'bucket'> {
  readonly s: ClusterNames['pattern'];
  /** Its own dead letters only: the last token is the kind. */
  readonly letters: string;
}

/** What is owned by whom, and who holds which lease. */
const owners = 'partition.>';
const leases = 'lease.>';
/** Which joiner has which partition of JOIN. */
const joins = 'join.*';

/** Written in the own data center, read in any: a shard that has lost its own may start from another's. */
function snapshots({ s, stream, dataCenter, dataCenters }: Words) {
  const all = dataCenters.map(stream.snapshotsAt);
  return {
    writes: [s('snapshotObject', { dc: dataCenter }), s('modelObject', { dc: dataCenter })],
    tails: all,
    looksUp: all,
    measures: all,
  };
}

/** The request subjects that are there for outsiders. */
export const publicRequests = ['recommend', 'recommendAt', 'rank', 'rankAt', 'status'] as const;

/** The copy of FEATURES in each data center, and the snapshots of users and items of all of them. */
function featuresFollowed(words: Words) {
  const followed = words.dataCenters.map(words.stream.featuresAt);
  const { looksUp, measures } = snapshots(words);
  return {
    tails: followed,
    looksUp: [...followed, ...looksUp],
    measures: [...followed, ...measures],
  };
}

/** FEATURES at home, for who follows items in training, and the snapshots of all data centers. */
function itemsFollowed(words: Words) {
  const { features } = words.stream;
  const { tails, looksUp, measures } = featuresFollowed(words);
  return {
    tails: [features, ...tails],
    looksUp: [features, ...looksUp],
    measures: [features, ...measures],
  };
}

const clientCalls = ({ s }: Words): string[] => publicRequests.map((row) => s(row));

const needs: Readonly<Record<Role, (words: Words) => RoleNeeds | undefined>> = {
  processor: ({ s, stream, bucket, letters, dataCenters, ...words }) => ({
    // Of items, where negatives are drawn from all of them.
    ...itemsFollowed({ s, stream, bucket, letters, dataCenters, ...words }),
    works: dataCenters.map((name) => ({ stream: stream.raw(name), durable: 'processor' })),
    calls: [s('featuresGet')],
    writes: [s('join'), s('features'), s('featuresChanged'), letters],
    hears: [s('featuresChanged'), s('keptChanged'), s('popular')],
    keys: { bucket, reads: [configKey], writes: [] },
  }),
  joiner: ({ s, stream, bucket, letters, dataCenter }) => ({
    serves: [
      ...[s('joinControl'), s('joinSnapshot'), s('joinImport'), s('joinRelease')],
      s('joinPerson'),
    ],
    keys: { bucket, reads: [joins, configKey, configContentKey('*')], writes: [] },
    tails: [stream.join],
    // Joiners live in one data center, and so do the snapshots of their windows.
    looksUp: [stream.samples, stream.snapshotsAt(dataCenter)],
    measures: [stream.join, stream.snapshotsAt(dataCenter)],
    // The clock and the end of a stream are records of JOIN.
    writes: [
      ...[s('join'), s('activity'), s('samples'), s('popular'), letters],
      ...[s('windowObject', { dc: dataCenter }), s('progress')],
    ],
  }),
  'feature-store': (words) => {
    const { s, stream, letters, dataCenter, dataCenters } = words;
    const followed = featuresFollowed(words);
    // In training the logs themselves.
    const logs = [stream.features, stream.activity, ...dataCenters.map(stream.activityAt)];
    return {
      tails: [...followed.tails, ...logs],
      // Read where training is away, and measured to know that it is.
      overhears: [stream.raw(dataCenter)],
      looksUp: [...followed.looksUp, ...logs],
      measures: [...followed.measures, ...logs],
      serves: [
        ...[s('featuresGet'), s('featuresGetAt')],
        ...dataCenters.map((dc) => s('featureControl', { dc })),
      ],
      writes: [
        ...[s('featureObject', { dc: dataCenter }), s('keptChanged'), s('progress'), letters],
      ],
    };
  },
  'ps-shard': (words) => {
    const { s, stream, bucket, letters } = words;
    const kept = snapshots(words);
    return {
      ...kept,
      serves: [s('pull'), s('push'), s('shardControl')],
      writes: [...kept.writes, s('deltaRows'), s('deltaWeights'), s('progress'), letters],
      tails: [...kept.tails, stream.deltas],
      looksUp: [...kept.looksUp, stream.deltas],
      keys: { bucket, reads: [owners, leases], writes: [owners, leases] },
    };
  },
  'dense-shard': (words) => {
    const { s, stream, bucket, letters } = words;
    const kept = snapshots(words);
    return {
      ...kept,
      serves: [s('densePull'), s('densePush'), s('denseDurable'), s('denseControl')],
      writes: [
        ...kept.writes,
        ...[s('denseVersion'), s('denseState'), s('denseStatePart'), s('deltaDense'), letters],
      ],
      tails: [...kept.tails, stream.deltas],
      looksUp: [...kept.looksUp, stream.dense],
      keys: { bucket, reads: [leases], writes: [leases] },
    };
  },
  trainer: ({ s, stream, bucket, letters }) => ({
    // Each model has a consumer of its own.
    works: trainerQueues.map((durable) => ({ stream: stream.samples, durable })),
    calls: [s('pull'), s('push'), s('densePull'), s('densePush'), s('denseDurable')],
    writes: [letters],
    keys: { bucket, reads: [owners, configKey], writes: [] },
  }),
  'serving-shard': (words) => {
    const { s, stream, letters, dataCenters } = words;
    const kept = snapshots(words);
    // Of the copies that all inference data centers have, an actor follows its own.
    const followed = dataCenters.map(stream.deltasAt);
    const each = (name: 'visible' | 'servingControl') => dataCenters.map((dc) => s(name, { dc }));
    return {
      ...kept,
      serves: [s('lookup'), s('lookupAt'), ...each('servingControl')],
      writes: [...kept.writes, ...each('visible'), s('progress'), letters],
      tails: [...kept.tails, ...followed],
      looksUp: [...kept.looksUp, ...followed],
    };
  },
  ranker: ({ s, stream, letters, dataCenters }) => ({
    serves: [s('rank'), s('rankAt'), s('rankOf'), s('rankOfAt')],
    // Those of another model whether it is there.
    calls: [s('featuresGet'), s('featuresGetAt'), s('lookup'), s('lookupAt'), s('rankOfAt')],
    tails: [...dataCenters.map(stream.denseAt), ...dataCenters.map(stream.settingsAt)],
    writes: [s('ingest', { type: 'impression' }), letters],
    hears: [s('featuresChanged'), s('keptChanged')],
  }),
  recommender: (words) => ({
    ...featuresFollowed(words),
    tails: [...featuresFollowed(words).tails, ...words.dataCenters.map(words.stream.settingsAt)],
    serves: [words.s('recommend'), words.s('recommendAt')],
    calls: (['rank', 'rankAt', 'rankOf', 'rankOfAt', 'featuresGet', 'featuresGetAt'] as const).map(
      (row) => words.s(row),
    ),
    writes: [words.s('ingest', { type: 'impression' }), words.letters],
    hears: [words.s('popular')],
  }),
  supervisor: () => undefined,
  client: (words) => ({
    calls: clientCalls(words),
    writes: [words.s('ingest')],
    refused: [words.s('ingest', { type: 'erase' })],
  }),
  /**
   * People and their tools: all that a client may, a look at everything, also at the digests of rows, a word with the
   * supervisor, and snapshots, which can be brought from elsewhere. What is imported it writes to JOIN, as who folds it
   * knows the features of each moment. Dead letters with the official `nats` command line.
   */
  admin: (words) => ({
    calls: [
      ...clientCalls(words),
      words.s('featuresGet'),
      words.s('operate'),
      words.s('hostProfile'),
      words.s('joinImport'),
      words.s('shardControl', { 'shard-verb': 'digest' }),
      words.s('servingControl', { 'serving-verb': 'digest' }),
    ],
    writes: [
      words.s('ingest'),
      words.s('join'),
      words.s('samplesRetried'),
      words.s('snapshotObject'),
      words.s('snapshotManifest'),
    ],
    purges: words.dataCenters.map(words.stream.snapshotsAt),
    hears: [words.s('visible'), words.s('progress')],
    tails: ['*'],
    looksUp: ['*'],
    measures: ['*'],
    lists: true,
    // Not any stream: what pages through one may remove consumers of it, and others have those of actors.
    pages: [words.stream.deadLetter],
    keys: { bucket: words.bucket, reads: ['>'], writes: [] },
  }),
};
