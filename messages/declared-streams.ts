import { trains, type DataCenterRole } from '../core/config/data-centers.js';
import type { ClusterNames } from './cluster-names.js';
import type { StreamKey, StreamRow } from './streams.js';
import { streamTable } from './streams.js';
import type { SubjectKey } from './subjects.js';
import { subjectTable } from './subjects.js';

/** A stream as it is to be. `cluster` names the data center where it lives, by the name it has among servers. */
export interface StreamDeclaration {
  readonly name: string;
  readonly cluster: string;
  /** Copies on different servers of the cluster; one if left out. */
  readonly replicas?: number;
  readonly subjects?: readonly string[];
  readonly sources?: readonly { readonly stream: string; readonly subject: string }[];
  readonly maxAgeMs: number;
  readonly maxMessagesPerSubject?: number;
  /** A longer message is refused, from the creation of the stream on. */
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
    readonly role: DataCenterRole;
  }[];
  /** False on a plain server without our account mappings: the one RAW stream then takes the public subject itself. */
  readonly ingestMapped: boolean;
  /** By data center; 1 where it is not named. More than it has servers, and the server refuses the stream. */
  readonly replicas?: Readonly<Record<string, number>>;
  /** How far back JOIN must reach, so that a joiner without its store can be made anew; at least its usual age. */
  readonly joinMemoryMs?: number;
  /** For how long JOIN is kept, where somebody has said so. */
  readonly joinLogMs?: number | undefined;
  /** Of other streams, where somebody has said so. */
  readonly agesMs?: Partial<Readonly<Record<StreamKey, number>>>;
}

const duplicateWindowMs = 120_000;

export function declareStreams(names: ClusterNames, topology: StreamTopology): StreamDeclaration[] {
  const { replicas = {} } = topology;
  const keys = Object.keys(streamTable) as StreamKey[];
  return keys
    .flatMap((key) => declarationsOf(names, key, topology))
    .map((declared) => ({ ...declared, replicas: replicas[declared.cluster] ?? 1 }));
}

/** Who owns what is decided where the owners are. */
export function declareBucket(
  names: ClusterNames,
  topology: Omit<StreamTopology, 'ingestMapped'>,
): BucketDeclaration {
  const { name: cluster } = trainingOf(topology);
  return { name: names.bucket, cluster, replicas: topology.replicas?.[cluster] ?? 1 };
}

function trainingOf({ dataCenters }: Pick<StreamTopology, 'dataCenters'>) {
  return dataCenters.find(trains) ?? dataCenters[0]!;
}

function declarationsOf(
  names: ClusterNames,
  key: StreamKey,
  topology: StreamTopology,
): StreamDeclaration[] {
  const row: StreamRow = streamTable[key];
  return placesOf(row, topology).map((dataCenter) => {
    const { maxMessagesPerSubject, discard } = row;
    const { joinMemoryMs = 0, joinLogMs = Math.max(row.maxAgeMs, joinMemoryMs) } = topology;
    const maxAgeMs = key === 'join' ? joinLogMs : (topology.agesMs?.[key] ?? row.maxAgeMs);
    return {
      name: names.streamIn(key, dataCenter),
      cluster: dataCenter,
      ...contentOf(names, key, dataCenter, topology),
      maxAgeMs,
      ...(maxMessagesPerSubject === undefined ? {} : { maxMessagesPerSubject }),
      discard,
      // A server has none that is longer than what it keeps.
      duplicateWindowMs: Math.min(duplicateWindowMs, maxAgeMs || Infinity),
    };
  });
}

function placesOf({ place }: StreamRow, { dataCenters }: StreamTopology): string[] {
  if (place === 'training') return [trainingOf({ dataCenters }).name];
  // One that is all has the logs themselves.
  const those = dataCenters.filter(({ role }) => place === 'each' || role === place);
  return those.map(({ name }) => name);
}

function contentOf(
  names: ClusterNames,
  key: StreamKey,
  dataCenter: string,
  { dataCenters, ingestMapped }: StreamTopology,
): Pick<StreamDeclaration, 'subjects' | 'sources'> {
  const { copyOf }: StreamRow = streamTable[key];
  if (copyOf) {
    const stream = names.streamIn(copyOf.stream as StreamKey, dataCenter);
    return { sources: [{ stream, subject: names.pattern(copyOf.row as SubjectKey) }] };
  }
  const subjects = rowsOf(key).map((row) => names.pattern(row, { dc: dataCenter }));
  const takesPublic = key === 'raw' && !ingestMapped && dataCenter === dataCenters[0]?.name;
  return { subjects: takesPublic ? [...subjects, names.pattern('ingest')] : subjects };
}

/** What a stream takes. */
function rowsOf(stream: StreamKey): SubjectKey[] {
  const keys = Object.keys(subjectTable) as SubjectKey[];
  return keys.filter((key) => subjectTable[key].stream === stream);
}
