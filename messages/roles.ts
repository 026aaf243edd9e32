import { clusterBucket, streamName } from './streams.js';
import { subjectPattern } from './subjects.js';
import { actorKinds } from './actor-kinds.js';

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
  /** Subjects it hears without a stream. */
  readonly hears?: readonly string[];
  /** Streams it follows, in order. JetStream can't confine a follower to some subjects of a stream. */
  readonly tails?: readonly string[];
  /** Shares of the work of a stream, acknowledged one by one. */
  readonly works?: readonly { readonly stream: string; readonly durable: string }[];
  /** Streams whose messages it reads one at a time. */
  readonly looksUp?: readonly string[];
  /** Streams whose bounds and subjects it asks for. */
  readonly measures?: readonly string[];
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
  readonly dataCenter: string;
  /** All of the cluster. */
  readonly dataCenters: readonly string[];
}

/** Undefined: no limits. */
export function needsOf(role: Role, place: Place): RoleNeeds | undefined {
  return needs[role](place);
}

const s = subjectPattern;

/** Its own dead letters only: the last token is the kind. */
const deadLetters = (kind: Role): string => s('deadLetter', { kind });

/** What is owned by whom, and who holds which lease. */
const owners = 'partition.>';
const leases = 'lease.>';

/** Written in the own data center, read in any: a shard that has lost its own may start from another's. */
function snapshots({ dataCenter, dataCenters }: Place) {
  const own = streamName.snapshotsAt(dataCenter);
  const all = dataCenters.map((name) => streamName.snapshotsAt(name));
  return {
    writes: [s('snapshotObject', { dc: dataCenter })],
    tails: all,
    looksUp: all,
    measures: all,
    purges: [own],
  };
}

/** Copies of a log that all inference data centers have, of which an actor follows its own. */
const copies = ({ dataCenters }: Place, name: (dataCenter: string) => string): string[] =>
  dataCenters.map(name);

const clientCalls = [s('recommend'), s('recommendAt'), s('rank'), s('rankAt'), s('status')];

const needs: Readonly<Record<Role, (place: Place) => RoleNeeds | undefined>> = {
  processor: ({ dataCenters }) => ({
    works: dataCenters.map((name) => ({ stream: streamName.raw(name), durable: 'processor' })),
    calls: [s('featuresGet')],
    writes: [s('join'), s('features'), deadLetters('processor')],
    hears: [s('features')],
  }),
  joiner: () => ({
    serves: [s('joinControl')],
    tails: [streamName.join],
    looksUp: [streamName.samples],
    // The clock and the end of a stream are records of JOIN.
    writes: [s('join'), s('samples'), s('popular'), deadLetters('joiner')],
  }),
  'feature-store': (place) => ({
    serves: [s('featuresGet'), s('featuresGetAt')],
    tails: copies(place, streamName.featuresAt),
    writes: [deadLetters('feature-store')],
  }),
  'ps-shard': (place) => {
    const kept = snapshots(place);
    return {
      ...kept,
      serves: [s('pull'), s('push'), s('shardControl')],
      writes: [...kept.writes, s('deltaRows'), s('deltaWeights'), deadLetters('ps-shard')],
      tails: [...kept.tails, streamName.deltas],
      looksUp: [...kept.looksUp, streamName.deltas],
      keys: { bucket: clusterBucket, reads: [owners, leases], writes: [owners, leases] },
    };
  },
  'dense-shard': (place) => {
    const kept = snapshots(place);
    return {
      ...kept,
      serves: [s('densePull'), s('densePush'), s('denseDurable'), s('denseControl')],
      writes: [
        ...kept.writes,
        s('denseVersion'),
        s('denseState'),
        s('deltaDense'),
        deadLetters('dense-shard'),
      ],
      tails: [...kept.tails, streamName.deltas],
      looksUp: [...kept.looksUp, streamName.dense],
      keys: { bucket: clusterBucket, reads: [leases], writes: [leases] },
    };
  },
  trainer: () => ({
    works: [{ stream: streamName.samples, durable: 'trainer' }],
    calls: [s('pull'), s('push'), s('densePull'), s('densePush'), s('denseDurable')],
    writes: [deadLetters('trainer')],
    keys: { bucket: clusterBucket, reads: [owners], writes: [] },
  }),
  'serving-shard': (place) => {
    const kept = snapshots(place);
    const followed = copies(place, streamName.deltasAt);
    const each = (name: 'visible' | 'servingControl') =>
      place.dataCenters.map((dc) => s(name, { dc }));
    return {
      ...kept,
      serves: [s('lookup'), s('lookupAt'), ...each('servingControl')],
      writes: [...kept.writes, ...each('visible'), deadLetters('serving-shard')],
      tails: [...kept.tails, ...followed],
      looksUp: [...kept.looksUp, ...followed],
    };
  },
  ranker: (place) => ({
    serves: [s('rank'), s('rankAt')],
    calls: [s('featuresGet'), s('featuresGetAt'), s('lookup'), s('lookupAt')],
    tails: copies(place, streamName.denseAt),
    writes: [s('ingest', { type: 'impression' }), deadLetters('ranker')],
    hears: [s('features')],
  }),
  recommender: (place) => ({
    serves: [s('recommend'), s('recommendAt')],
    calls: [s('rank'), s('rankAt')],
    tails: copies(place, streamName.featuresAt),
    writes: [deadLetters('recommender')],
    hears: [s('popular')],
  }),
  supervisor: () => undefined,
  client: () => ({ calls: clientCalls, writes: [s('ingest')] }),
  /**
   * People and their tools: all that a client may, a look at everything, a word with the supervisor, and snapshots,
   * which can be brought from elsewhere.
   */
  admin: ({ dataCenters }) => ({
    calls: [...clientCalls, s('featuresGet'), s('operate')],
    writes: [s('ingest'), s('snapshotObject'), s('snapshotManifest')],
    purges: dataCenters.map((name) => streamName.snapshotsAt(name)),
    hears: [s('visible'), s('progress')],
    tails: ['*'],
    looksUp: ['*'],
    measures: ['*'],
    keys: { bucket: clusterBucket, reads: ['>'], writes: [] },
  }),
};
