import { chmod, readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { StarlingError, messageOf } from '../../core/base/errors.js';
import { parseJson, textOfUtf8 } from '../../core/base/json-text.js';
import type { ClusterConfig } from '../../core/config/schema.js';
import { loadCredentials } from '../servers/credentials.js';
import { makeFolders } from '../../runtime/os/make-folders.js';
import { writePrivateText } from '../../runtime/os/private-file.js';
import { requireMessagesFit } from '../message-limit.js';
import { deploymentFiles } from './deployment-files.js';
import { parseTopology, type Topology } from './topology.js';

/**
 * A folder with everything that the hosts of a deployment need, for its owner alone: passwords are in most of its files.
 * They are drawn once and kept in credentials.json, so that a server may be moved, or the limits changed, by writing the
 * files again: hosts that were given theirs before still know everybody.
 */
const credentialsName = 'credentials.json';

export interface WrittenDeployment {
  /** Absolute. */
  readonly folder: string;
  /** Of what was written, below the folder. */
  readonly files: readonly string[];
  /** Servers' files of an earlier topology, which are no longer of use. */
  readonly leftovers: readonly string[];
}

/** @throws StarlingError CONFIG_INVALID naming the file, when it can't be read or what it says is wrong. */
export async function readTopology(
  file: string,
  config: Pick<ClusterConfig, 'dataCenters'>,
): Promise<Topology> {
  try {
    return parseTopology(parseJson(textOfUtf8(await readFile(file))), config);
  } catch (cause) {
    const { details } = cause as { details?: Readonly<Record<string, unknown>> };
    const text = `${file}: ${messageOf(cause)}`;
    throw new StarlingError('CONFIG_INVALID', text, { ...details, file }, { cause });
  }
}

/**
 * @throws StarlingError BAD_REQUEST if the folder holds something else, which is left as it was, or can't be written to;
 *   STATE_INVALID if its credentials.json is damaged; CONFIG_INVALID for a network that no server takes.
 */
export async function writeDeployment(
  folder: string,
  deployment: { readonly config: ClusterConfig; readonly topology: Topology },
): Promise<WrittenDeployment> {
  requireMessagesFit(deployment.config);
  const root = path.resolve(folder);
  try {
    await makeFolder(root);
    const credentials = await loadCredentials(root);
    const files = deploymentFiles({ ...deployment, credentials });
    for (const file of files) {
      const target = path.join(root, file.path);
      await makeFolders(path.dirname(target), 0o700);
      await writePrivateText(target, file.text);
    }
    const written = files.map((file) => file.path);
    return {
      folder: root,
      files: [credentialsName, ...written],
      leftovers: await leftoversIn(root, deployment.config, written),
    };
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).syscall === undefined) throw cause;
    const text = `out: ${root} can't be written to: ${messageOf(cause)}`;
    throw new StarlingError('BAD_REQUEST', text, { field: 'out' }, { cause });
  }
}

/** A folder with other things in it is not closed to others on the quiet: it may be somebody's home. */
async function makeFolder(root: string): Promise<void> {
  await makeFolders(root, 0o700);
  const present = await readdir(root);
  if (present.length > 0 && !present.includes(credentialsName)) {
    const text = `out: ${root} holds other things than what an earlier run wrote; name an empty folder`;
    throw new StarlingError('BAD_REQUEST', text, { field: 'out' });
  }
  await chmod(root, 0o700);
}

async function leftoversIn(
  root: string,
  { dataCenters }: ClusterConfig,
  written: readonly string[],
): Promise<string[]> {
  const found = await Promise.all(
    dataCenters.map(async ({ name }) => {
      const files = await readdir(path.join(root, name));
      return files.filter((file) => file.endsWith('.conf')).map((file) => `${name}/${file}`);
    }),
  );
  return found.flat().filter((file) => !written.includes(file));
}
