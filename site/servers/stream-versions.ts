import { existsSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { StarlingError } from '../../core/base/errors.js';
import { readJson, writePrivateJson } from '../../runtime/os/private-file.js';
import { isAtLeast, type NatsServerBinary } from './find-server.js';

/**
 * Which nats-server has last run on the streams of each data center: versions.json, beside them.
 *
 * A newer server changes what is on disk as it goes, and an older one that opens it does not say so. Seen with 2.9.10 on
 * streams of 2.15.3: it starts, restores the messages, can't read the log of the meta group, and answers no question
 * about any stream; the start fails after a minute with a time-out that explains nothing. With 2.12.15 it went well, as
 * that one makes its indexes anew. Nobody promises either: the authors support going back by one patch release. So a
 * server of an older minor release is refused before it has touched anything.
 */
type StreamVersions = Readonly<Record<string, string>>;

const versionsSchema = z.record(z.string(), z.string().regex(/^\d+\.\d+\.\d+/));

export interface StreamsOnDisk {
  /** Of the servers: its `streams/<data center>` are their stores. */
  readonly folder: string;
  readonly dataCenters: readonly { readonly name: string }[];
}

/**
 * @throws StarlingError NATS_SERVER_TOO_OLD when a newer minor release has run on some of the streams; STATE_INVALID if
 *   the note is damaged.
 */
export async function requireReadableStreams(
  streams: StreamsOnDisk,
  binary: NatsServerBinary,
): Promise<void> {
  const written = await writtenBy(streams);
  const newer = streams.dataCenters
    .map(({ name }) => [name, written[name] ?? binary.version] as const)
    .filter(([, version]) => isOlder(binary.version, version));
  if (newer.length === 0) return;
  const names = newer.map(([name]) => name).join(', ');
  const newest = newer.map(([, version]) => version).reduce(newestOf);
  throw new StarlingError(
    'NATS_SERVER_TOO_OLD',
    `the streams of ${names} in ${streams.folder} were written by nats-server ${newest}, and ${binary.version} ` +
      `(${binary.from}: ${binary.path}) can't be relied on to read them; nothing was touched.`,
    { dataCenters: newer.map(([name]) => name), written: newest, version: binary.version },
  );
}

/**
 * To be called before servers are started on the streams.
 *
 * @param names of the data centers whose servers are started
 * @returns the release before, if that was another minor one: from now on it can't open these streams any more.
 */
export async function noteStreamVersions(
  streams: StreamsOnDisk,
  binary: NatsServerBinary,
  names: readonly string[],
): Promise<string | undefined> {
  const before = await writtenBy(streams);
  const started = Object.fromEntries(names.map((name) => [name, binary.version]));
  await writePrivateJson(notePath(streams), { ...before, ...started });
  return names
    .map((name) => before[name])
    .filter((version) => version !== undefined && isOlder(version, binary.version))
    .at(0);
}

async function writtenBy(streams: StreamsOnDisk): Promise<StreamVersions> {
  const file = notePath(streams);
  const parsed = versionsSchema.safeParse((await readJson(file)) ?? {});
  if (!parsed.success) {
    const text = `${file} is damaged: it should say which nats-server wrote the streams of each data center`;
    throw new StarlingError('STATE_INVALID', text, { file });
  }
  const unnoted = streams.dataCenters
    .filter(({ name }) => parsed.data[name] === undefined && hasIndex(streams, name))
    .map(({ name }) => [name, firstWithIndex] as const);
  return { ...Object.fromEntries(unnoted), ...parsed.data };
}

/** Streams of an earlier release of ours have no note, but servers since 2.10 have left an index beside each log. */
const firstWithIndex = '2.10.0';

function hasIndex({ folder }: StreamsOnDisk, name: string): boolean {
  const meta = path.join(folder, 'streams', name, 'jetstream', '$SYS', '_js_', '_meta_');
  return existsSync(path.join(meta, 'msgs', 'index.db'));
}

/** By minor release: patch releases read each other's streams. */
function isOlder(version: string, than: string): boolean {
  return !isAtLeast(version, than.split('.', 2).join('.'));
}

function newestOf(one: string, other: string): string {
  return isAtLeast(one, other) ? one : other;
}

function notePath({ folder }: StreamsOnDisk): string {
  return path.join(folder, 'versions.json');
}
