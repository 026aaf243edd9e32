import path from 'node:path';
import { z } from 'zod';
import { StarlingError } from '../core/base/errors.js';
import { createPrivateJson, readJson } from '../runtime/os/private-file.js';

const nameSchema = z.object({ name: z.string() });

/**
 * A state folder is of one name for good: the streams in it are called by it. Started under another name, a cluster would
 * find none of its own there, begin anew beside the old ones, and nobody would say so.
 *
 * @param folder locked by this process.
 * @throws StarlingError CONFIG_INVALID, with what can be done
 */
export async function requireSameName(folder: string, name: string): Promise<void> {
  const file = path.join(folder, 'name.json');
  if (await createPrivateJson(file, { name })) return;
  const parsed = nameSchema.safeParse(await readJson(file));
  if (!parsed.success) {
    const text = `${file} is damaged: ${z.prettifyError(parsed.error)}`;
    throw new StarlingError('STATE_INVALID', text, { file });
  }
  const { name: before } = parsed.data;
  if (before === name) return;
  throw new StarlingError(
    'CONFIG_INVALID',
    `name: ${folder} has the state of a cluster named "${before}", the configuration names it "${name}"; ` +
      `go on with name: '${before}', or use another --state folder for a new cluster.`,
    { field: 'name', before, now: name },
  );
}
