import { clusterNameDefault } from '../core/config/cluster-name.js';
import type { StreamKey, StreamNames, StreamRow } from './streams.js';
import { streamTable } from './streams.js';
import type { SubjectBuilders, SubjectKey, SubjectPlace } from './subjects.js';
import { subjectTable } from './subjects.js';

/**
 * What everything of one cluster is called on the servers it uses: the rows of the tables of subjects and streams, with its
 * name before them. A connection has the names of the cluster that it is for (`bus.names`), so whoever sends says
 * `bus.names.subject.pull(3)`, and can't say the subject of another cluster by mistake.
 *
 * Rejected: subjects without a prefix, which the connection would add and take away again. Nobody would have to ask for
 * names, but what is logged, answered and written to dead letters would be called otherwise than on the wire.
 */
export interface ClusterNames {
  readonly cluster: string;
  /** Builds the subject of a row. Rows of one subject are that subject. */
  readonly subject: SubjectBuilders;
  /** What a stream is called: by data center, where there are several. */
  readonly stream: StreamNames;
  /** The one bucket: who owns what, who leads, who is there. */
  readonly bucket: string;
  /** Of what a data center keeps in a folder that clusters may share. */
  readonly folder: (dataCenter: string) => string;
  /** All subjects of a row: `*` where the template names something, unless `known` says what it is. */
  readonly pattern: <Row extends SubjectKey>(
    row: Row,
    known?: Readonly<Partial<Record<SubjectPlace<Row>, string>>>,
  ) => string;
  /** Whether the row has this subject. */
  readonly isOf: (row: SubjectKey, subject: string) => boolean;
  /** The stream of a row of the table; the data center matters only where there are several. */
  readonly streamIn: (key: StreamKey, dataCenter: string) => string;
}

const parameter = /<([^>]+)>/g;

/**
 * @param cluster its name, which is valid (core/config/cluster-name.ts).
 * @param whole the data center that learns and answers, if there is one: what elsewhere is the copy of a log is the log there.
 */
export function namesOf(cluster: string, whole?: string): ClusterNames {
  const isDefault = cluster === clusterNameDefault;
  const prefix = isDefault ? '' : `${cluster.toUpperCase()}_`;
  const templateOf = (row: SubjectKey): string => `${cluster}.${subjectTable[row].template}`;
  const pattern: ClusterNames['pattern'] = (row, known) => {
    const values: Readonly<Record<string, string | undefined>> = known ?? {};
    return templateOf(row).replace(parameter, (_all, part: string) => values[part] ?? '*');
  };
  const streamIn: ClusterNames['streamIn'] = (key, dataCenter) => {
    const { name, place, copyOf }: StreamRow = streamTable[key];
    if (copyOf && dataCenter === whole) return streamIn(copyOf.stream as StreamKey, dataCenter);
    return `${prefix}${name}${place === 'training' ? '' : `_${streamToken(dataCenter)}`}`;
  };
  return {
    cluster,
    subject: eachOf(subjectTable, (row) => builderOf(templateOf(row))) as SubjectBuilders,
    stream: eachOf(streamTable, (key) =>
      streamTable[key].place === 'training'
        ? streamIn(key, '')
        : (dataCenter: string) => streamIn(key, dataCenter),
    ) as StreamNames,
    bucket: `${prefix}CLUSTER`,
    // Neither name has a dot.
    folder: (dataCenter) => (isDefault ? dataCenter : `${cluster}.${dataCenter}`),
    pattern,
    isOf: (row, subject) => matches(templateOf(row).replace(parameter, '*'), subject),
    streamIn,
  };
}

function eachOf<Key extends string>(
  table: Readonly<Record<Key, unknown>>,
  make: (key: Key) => unknown,
): unknown {
  return Object.fromEntries((Object.keys(table) as Key[]).map((key) => [key, make(key)]));
}

function builderOf(template: string): string | ((...values: (string | number)[]) => string) {
  const [first, ...others] = template.replace(parameter, '\0').split('\0');
  if (others.length === 0) return template;
  return (...values) => {
    let subject = first!;
    for (let i = 0; i < others.length; i++) subject += values[i] + others[i]!;
    return subject;
  };
}

/** `*` stands for one token. */
function matches(pattern: string, subject: string): boolean {
  const [wanted, found] = [pattern.split('.'), subject.split('.')];
  return (
    wanted.length === found.length &&
    wanted.every((token, i) => token === '*' || token === found[i])
  );
}

function streamToken(dataCenter: string): string {
  return dataCenter.toUpperCase().replace(/[^A-Z0-9]/g, '_');
}
