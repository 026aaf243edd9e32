import { randomBytes } from 'node:crypto';
import path from 'node:path';
import { z } from 'zod';
import { StarlingError } from '../../core/base/errors.js';
import { createPrivateJson, readJson } from '../private-file.js';
import type { ServerCredentials } from './server-config.js';

/** 192 bits: nothing to gain from guessing, however many guesses a second a local process makes. */
const passwordBytes = 24;

const credentialsSchema = z.object({
  user: z.string(),
  password: z.string(),
  systemUser: z.string(),
  systemPassword: z.string(),
});

/**
 * Drawn once for a state folder and kept, so that clients which know them work after a restart. The servers listen on
 * the loopback interface only, but other users of the machine, and pages in a browser, can reach that.
 *
 * @throws STATE_INVALID if the file is damaged
 */
export async function loadCredentials(folder: string): Promise<ServerCredentials> {
  const file = path.join(folder, 'credentials.json');
  if ((await readJson(file)) === undefined) await createPrivateJson(file, drawCredentials());
  const parsed = credentialsSchema.safeParse(await readJson(file));
  if (parsed.success) return parsed.data;
  throw new StarlingError('STATE_INVALID', `${file} is damaged; delete it to draw new passwords`, {
    file,
  });
}

function drawCredentials(): ServerCredentials {
  const password = () => randomBytes(passwordBytes).toString('hex');
  return {
    user: 'starling',
    password: password(),
    systemUser: 'system',
    systemPassword: password(),
  };
}
