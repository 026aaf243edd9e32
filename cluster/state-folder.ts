import { randomBytes } from 'node:crypto';
import { chmod, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { StarlingError, messageOf } from '../core/base/errors.js';
import type { DataCenterRole } from '../core/config/data-centers.js';
import { protocolVersion } from '../messages/codec.js';
import { requireStateVersion } from '../messages/state-version.js';
import type { TlsFiles } from '../messages/nats-access.js';
import { makeFolders } from '../runtime/os/make-folders.js';
import { identityOf, isAlive, type ProcessIdentity } from '../runtime/os/process-identity.js';
import {
  createPrivateJson,
  isFileError,
  readJson,
  writePrivateJson,
} from '../runtime/os/private-file.js';

/**
 * Everything a cluster keeps on one host, in one folder. Three small files say what is going on:
 *
 *   format.json    which release the folder and all in it can be read by: the version of the protocol; written once
 *   lock.json      which process runs the cluster; two would corrupt each other's streams
 *   cluster.json   how to reach the running cluster, with the passwords of clients and administrators; the command line finds clusters by it
 */
const formatVersion = protocolVersion;

const identitySchema = z.object({ pid: z.int().positive(), started: z.string().optional() });

/** How to reach the running cluster; read by runtime/cluster-file.ts. What the writer knows better is added by it. */
export interface ClusterDescription {
  readonly name: string;
  readonly startedAtMs: number;
  readonly dataCenters: readonly {
    readonly name: string;
    readonly role: DataCenterRole;
    readonly url: string;
    readonly serverPid?: number;
  }[];
  /** In the role of a client. */
  readonly user: string;
  readonly password: string;
  readonly inboxPrefix?: string;
  /** In the role of an administrator. */
  readonly admin: {
    readonly user: string;
    readonly password: string;
    readonly inboxPrefix?: string;
  };
  readonly tls?: TlsFiles;
  /** Of the configuration it runs with. */
  readonly configHash: string;
}

export interface StateFolder {
  /** Absolute. */
  readonly folder: string;
  /** May be called again, for instance when a server was restarted under another pid. */
  writeClusterFile(description: ClusterDescription): Promise<void>;
  /** Remembers the life of this host that begins; returns the one before, if there was one. */
  noteLife(life: string): Promise<string | undefined>;
  /** The cluster is no longer to be found, and another may start. Later calls do nothing. */
  release(): Promise<void>;
}

/**
 * Creates the folder if need be and takes its lock.
 *
 * @throws STATE_LOCKED while another live process has it; the lock of a dead one is taken over
 * @throws STATE_INVALID if another release wrote it, it can't be written to, or its files are damaged
 */
export async function openStateFolder(stateDir: string): Promise<StateFolder> {
  const folder = path.resolve(stateDir);
  await makeFolder(folder);
  await requireFormat(folder);
  const identity = await identityOf(process.pid);
  await takeLock(folder, identity);
  let released = false;
  return {
    folder,
    writeClusterFile: (description) =>
      writePrivateJson(clusterPath(folder), {
        ...description,
        version: formatVersion,
        ...identity,
      }),
    noteLife: async (life) => {
      const file = path.join(folder, 'host.json');
      const before = (await readJson(file)) as { readonly life?: string } | undefined;
      await writePrivateJson(file, { life });
      return before?.life;
    },
    release: async () => {
      if (released) return;
      released = true;
      // The lock goes last: who takes it next must not have its own cluster file removed.
      await rm(clusterPath(folder), { force: true });
      await rm(lockPath(folder), { force: true });
    },
  };
}

async function makeFolder(folder: string): Promise<void> {
  await written(folder, "can't be created, or not made private", async () => {
    await makeFolders(folder, 0o700);
    await closeToOthers(folder);
  });
}

/** @throws StarlingError STATE_INVALID where the system refuses it. */
async function written<T>(folder: string, what: string, write: () => Promise<T>): Promise<T> {
  try {
    return await write();
  } catch (error) {
    const { code } = error as { readonly code?: unknown };
    if (typeof code !== 'string' || !Object.hasOwn(refusals, code)) throw error;
    throw new StarlingError(
      'STATE_INVALID',
      `the state folder ${folder} ${what}: ${refusals[code]!} (${messageOf(error)})`,
      { folder },
      { cause: error },
    );
  }
}

/** What the system says, in words. */
const refusals: Readonly<Record<string, string>> = {
  ENOENT: 'nothing can be made there',
  EEXIST: 'it is a file',
  ENOTDIR: 'a part of its path is a file',
  EACCES: 'it, or where it is to be, is not open to this user',
  EPERM: 'it belongs to another user, or the system forbids it',
  EROFS: 'it is on a disk that can only be read',
  ENOSPC: 'the disk is full',
  EDQUOT: 'this user may store no more there',
  EINVAL: 'this is no place for files',
  EIO: 'the disk does not work',
  ENAMETOOLONG: 'its name is too long',
  ELOOP: 'its links go round in a circle',
};

/**
 * A folder that was there before may be open to others. Our files in it are not, but what comes later might be; the
 * folder of another user is refused by the system.
 */
async function closeToOthers(folder: string): Promise<void> {
  const { mode } = await stat(folder);
  if ((mode & 0o077) !== 0) await chmod(folder, mode & 0o700);
}

async function requireFormat(folder: string): Promise<void> {
  if (await requireKnownFormat(folder)) return;
  await written(folder, "can't be written to", () =>
    createPrivateJson(formatPath(folder), { version: formatVersion }),
  );
}

/** @returns false if the folder has no format yet. */
async function requireKnownFormat(folder: string): Promise<boolean> {
  const content = await readJson(formatPath(folder));
  if (content === undefined) return false;
  const { version } = parse(z.object({ version: z.int() }), content, formatPath(folder));
  requireStateVersion(version, folder);
  return true;
}

/** Bounds the rounds of a race between starting clusters; each round that is lost means that another one won. */
const lockTriesMax = 5;

async function takeLock(folder: string, own: ProcessIdentity): Promise<void> {
  for (let attempt = 0; attempt < lockTriesMax; attempt++) {
    const isTaken = await written(folder, "can't be written to", () =>
      createPrivateJson(lockPath(folder), own),
    );
    if (isTaken) return;
    const content = await readJson(lockPath(folder));
    if (content === undefined) continue;
    const holder = parse(identitySchema, content, lockPath(folder));
    if (await isAlive(holder)) throw locked(folder, holder.pid);
    await removeStaleLock(folder, holder);
  }
  throw locked(folder, undefined);
}

function locked(folder: string, pid: number | undefined): StarlingError {
  const holder = pid === undefined ? 'another process' : `process ${pid}`;
  return new StarlingError('STATE_LOCKED', `a cluster already runs on ${folder} (${holder})`, {
    folder,
    pid,
  });
}

/**
 * Moved away and looked at before it is deleted: between reading and moving, another process may have replaced the
 * stale lock by its own, which is then put back.
 */
async function removeStaleLock(folder: string, stale: ProcessIdentity): Promise<void> {
  const moved = `${lockPath(folder)}.${randomBytes(4).toString('hex')}.stale`;
  try {
    await rename(lockPath(folder), moved);
  } catch (error) {
    if (isFileError(error, 'ENOENT')) return;
    throw error;
  }
  const content = parse(identitySchema, await readJson(moved), moved);
  if (content.pid !== stale.pid || content.started !== stale.started) {
    await createPrivateJson(lockPath(folder), content);
  }
  await rm(moved, { force: true });
}

function parse<T>(schema: z.ZodType<T>, content: unknown, file: string): T {
  const parsed = schema.safeParse(content);
  if (parsed.success) return parsed.data;
  throw new StarlingError('STATE_INVALID', `${file} is damaged: ${z.prettifyError(parsed.error)}`, {
    file,
  });
}

function formatPath(folder: string): string {
  return path.join(folder, 'format.json');
}

function lockPath(folder: string): string {
  return path.join(folder, 'lock.json');
}

function clusterPath(folder: string): string {
  return path.join(folder, 'cluster.json');
}
