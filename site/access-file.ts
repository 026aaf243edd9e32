import { z } from 'zod';
import { StarlingError, codeOf, messageOf } from '../core/base/errors.js';
import { clusterNameDefault } from '../core/config/cluster-name.js';
import { dataCenterRoles } from '../core/config/data-centers.js';
import { readJson, writePrivateJson } from '../runtime/os/private-file.js';

/**
 * How a host reaches the servers of every data center, with the password of each role it may have to start an actor in.
 * Whoever can read the file can do what a supervisor can.
 */
const accessSchema = z.object({
  /** Of the cluster; its users may use the subjects and streams of that name. */
  name: z.string().default(clusterNameDefault),
  dataCenters: z
    .array(
      z.object({
        name: z.string().min(1),
        role: z.enum(dataCenterRoles),
        urls: z.array(z.string().min(1)).min(1),
      }),
    )
    .min(1),
  passwords: z.record(z.string(), z.string()),
  tls: z
    .object({ ca: z.string(), cert: z.string().optional(), key: z.string().optional() })
    .optional(),
});

export type AccessFile = z.output<typeof accessSchema>;

export async function writeAccess(file: string, access: AccessFile): Promise<void> {
  await writePrivateJson(file, access);
}

/** @throws StarlingError CONFIG_INVALID when there is no such file, or it is of another kind. */
export async function readAccess(file: string): Promise<AccessFile> {
  const content = await contentOf(file);
  if (content === undefined) {
    throw new StarlingError('CONFIG_INVALID', `there is no access file ${file}.`, { file });
  }
  const parsed = accessSchema.safeParse(content);
  if (parsed.success) return parsed.data;
  const text = `${file} is no access file: ${z.prettifyError(parsed.error)}`;
  throw new StarlingError('CONFIG_INVALID', text, { file });
}

/** People copy this file about, and may edit it: a mistake in it is one of theirs. */
async function contentOf(file: string): Promise<unknown> {
  try {
    return await readJson(file);
  } catch (cause) {
    if (codeOf(cause) !== 'STATE_INVALID') throw cause;
    throw new StarlingError('CONFIG_INVALID', messageOf(cause), { file }, { cause });
  }
}
