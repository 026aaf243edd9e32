/**
 * The one declaration of streams and buckets. `cluster` names where a stream lives; an inference data center keeps its
 * own RAW stream, so ingest is acknowledged there whatever happens elsewhere, and its own copy of what serving needs.
 * Limits-based retention with an age: a log is what recovery replays, so nothing is thrown away by its being read.
 */
export interface StreamDeclaration {
  readonly name: string;
  readonly cluster: string;
  /** Copies on different servers of the cluster; one if left out. */
  readonly replicas?: number;
  readonly subjects?: readonly string[];
  readonly sources?: readonly { readonly stream: string; readonly subject: string }[];
  readonly maxAgeMs: number;
  readonly maxMessagesPerSubject?: number;
  /** A longer message is refused. */
  readonly maxMessageBytes?: number;
  /** Acknowledge, or refuse, when the limit is met; `old` drops the oldest instead. */
  readonly discard: 'old' | 'new';
  readonly duplicateWindowMs: number;
}

/** Keys with their newest values, kept like a stream. */
export interface BucketDeclaration {
  readonly name: string;
  readonly cluster: string;
  readonly replicas: number;
}

export interface StreamTopology {
  readonly dataCenters: readonly {
    readonly name: string;
    readonly role: 'training' | 'inference';
  }[];
  /** False on a plain server without our account mappings: the one RAW stream then takes the public subject itself. */
  readonly ingestMapped: boolean;
  /** By data center; 1 where it is not named. More than it has servers, and the server refuses the stream. */
  readonly replicas?: Readonly<Record<string, number>>;
}

const hours = 3_600_000;
const days = 24 * hours;

export const streamName = {
  raw: (dataCenter: string) => `RAW_${token(dataCenter)}`,
  join: 'JOIN',
  samples: 'SAMPLES',
  deltas: 'DELTAS',
  deltasAt: (dataCenter: string) => `DELTAS_${token(dataCenter)}`,
  dense: 'DENSE',
  denseAt: (dataCenter: string) => `DENSE_${token(dataCenter)}`,
  snapshotsAt: (dataCenter: string) => `SNAPSHOTS_${token(dataCenter)}`,
  features: 'FEATURES',
  featuresAt: (dataCenter: string) => `FEATURES_${token(dataCenter)}`,
  deadLetter: 'DEAD_LETTER',
  supervision: 'SUPERVISION',
} as const;

export const clusterBucket = 'CLUSTER';

function token(dataCenter: string): string {
  return dataCenter.toUpperCase().replace(/[^A-Z0-9]/g, '_');
}

export function declareStreams(topology: StreamTopology): StreamDeclaration[] {
  const { replicas = {} } = topology;
  return logsAndCopies(topology).map((declared) => ({
    ...declared,
    replicas: replicas[declared.cluster] ?? 1,
  }));
}

/** Who owns what is decided where the owners are. */
export function declareBucket(topology: Omit<StreamTopology, 'ingestMapped'>): BucketDeclaration {
  const { name: cluster } = trainingOf(topology);
  return { name: clusterBucket, cluster, replicas: topology.replicas?.[cluster] ?? 1 };
}

function trainingOf({ dataCenters }: Pick<StreamTopology, 'dataCenters'>) {
  return dataCenters.find((dc) => dc.role === 'training') ?? dataCenters[0]!;
}

function logsAndCopies(topology: StreamTopology): StreamDeclaration[] {
  const training = trainingOf(topology);
  const log = (name: string, subjects: string[], maxAgeMs: number): StreamDeclaration => ({
    name,
    cluster: training.name,
    subjects,
    maxAgeMs,
    discard: 'new',
    duplicateWindowMs: 120_000,
  });
  const declarations: StreamDeclaration[] = [
    log(streamName.join, ['starling.join.*'], 3 * days),
    log(streamName.samples, ['starling.samples.*'], 7 * days),
    // Deltas and features are the only copy of what was learned and told: they have no age. Deltas are trimmed behind
    // the oldest snapshot that is kept.
    log(
      streamName.deltas,
      ['starling.deltas.rows.*', 'starling.deltas.weights.*', 'starling.deltas.dense'],
      0,
    ),
    {
      ...log(streamName.dense, ['starling.dense-log.*'], 0),
      maxMessagesPerSubject: 16,
      discard: 'old',
    },
    log(streamName.features, ['starling.features.*'], 0),
    { ...log(streamName.deadLetter, ['starling.dead-letter.*'], 30 * days), discard: 'old' },
    { ...log(streamName.supervision, ['starling.supervision.*'], 30 * days), discard: 'old' },
  ];
  for (const [position, dc] of topology.dataCenters.entries()) {
    const subjects = [`starling.raw.${dc.name}.*`];
    if (!topology.ingestMapped && position === 0) subjects.push('starling.ingest.*');
    declarations.push({ ...log(streamName.raw(dc.name), subjects, 3 * days), cluster: dc.name });
    const snapshots = ['snapshots', 'snapshot-manifests'].map(
      (kind) => `starling.${kind}.${dc.name}.>`,
    );
    // No age: the newest ones are kept by number, and a log is trimmed behind them.
    declarations.push({ ...log(streamName.snapshotsAt(dc.name), snapshots, 0), cluster: dc.name });
  }
  for (const dc of topology.dataCenters.filter((each) => each.role === 'inference')) {
    declarations.push(
      copyOf(streamName.deltasAt(dc.name), dc.name, streamName.deltas, 'starling.deltas.weights.*'),
      // Whole, so its sequences are those of FEATURES: what follows it starts again while training is away.
      copyOf(streamName.featuresAt(dc.name), dc.name, streamName.features, 'starling.features.*'),
      {
        ...copyOf(
          streamName.denseAt(dc.name),
          dc.name,
          streamName.dense,
          'starling.dense-log.version',
        ),
        maxMessagesPerSubject: 16,
        discard: 'old',
      },
    );
  }
  return declarations;
}

function copyOf(name: string, cluster: string, stream: string, subject: string): StreamDeclaration {
  return {
    name,
    cluster,
    sources: [{ stream, subject }],
    maxAgeMs: 0,
    discard: 'new',
    duplicateWindowMs: 120_000,
  };
}
