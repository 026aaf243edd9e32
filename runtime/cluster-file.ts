import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { StarlingError, codeOf, messageOf } from '../core/base/errors.js';
import { dataCenterRoles } from '../core/config/data-centers.js';
import { parseJson } from '../core/base/json-text.js';
import { requireStateVersion } from '../messages/state-version.js';
import { hasProcess } from './os/has-process.js';

/**
 * How clients find a cluster on their own host: the supervisor keeps cluster.json in the state folder while it runs.
 * Only what a client needs is read here, so that the supervisor may note more without a client of yesterday minding.
 */
const signIn = z.object({
  user: z.string(),
  password: z.string(),
  inboxPrefix: z.string().optional(),
});

const accessSchema = z.object({
  name: z.string(),
  pid: z.int().positive(),
  dataCenters: z
    .array(z.object({ name: z.string(), role: z.enum(dataCenterRoles), url: z.string() }))
    .min(1),
  ...signIn.shape,
  admin: signIn,
  tls: z
    .object({ ca: z.string(), cert: z.string().optional(), key: z.string().optional() })
    .optional(),
});

export type ClusterAccess = z.output<typeof accessSchema>;

/**
 * @param stateDir the folder the cluster was started with.
 * @throws StarlingError NOT_RUNNING if no cluster runs there, STATE_INVALID if its file can't be read.
 */
export async function readClusterAccess(stateDir: string): Promise<ClusterAccess> {
  const folder = path.resolve(stateDir);
  const file = path.join(folder, 'cluster.json');
  const text = await readText(file);
  if (text === undefined) {
    throw new StarlingError('NOT_RUNNING', `no cluster runs on ${folder}.`, { folder });
  }
  const access = parse(text, file);
  // A pid that somebody else got meanwhile is found out when nobody answers at the address.
  if (hasProcess(access.pid)) return access;
  throw new StarlingError(
    'NOT_RUNNING',
    `the cluster on ${folder} is gone: its process ${access.pid} has ended without a stop.`,
    { folder, pid: access.pid },
  );
}

async function readText(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    const text = `${file} can't be read: ${messageOf(cause)}.`;
    throw new StarlingError('STATE_INVALID', text, { file }, { cause });
  }
}

function parse(text: string, file: string): ClusterAccess {
  try {
    const content = parseJson(text);
    const { version } = z.object({ version: z.unknown() }).parse(content);
    requireStateVersion(version, file);
    return accessSchema.parse(content);
  } catch (cause) {
    if (codeOf(cause) === 'STATE_INVALID') throw cause;
    const reason = cause instanceof z.ZodError ? z.prettifyError(cause) : messageOf(cause);
    throw new StarlingError('STATE_INVALID', `${file} is damaged: ${reason}`, { file }, { cause });
  }
}
