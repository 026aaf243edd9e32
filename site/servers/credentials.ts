import { randomBytes } from 'node:crypto';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { StarlingError } from '../../core/base/errors.js';
import { roles, type Role } from '../../messages/roles.js';
import { readJson, writePrivateJson } from '../../runtime/os/private-file.js';
import type { ServerCredentials } from './server-users.js';

/** 192 bits: nothing to gain from guessing, however many guesses a second a local process makes. */
const passwordBytes = 24;

const credentialsSchema = z.object({
  passwords: z.record(z.string(), z.string()).default({}),
  serverPassword: z.string().optional(),
  systemPassword: z.string().optional(),
});

/**
 * Drawn once for a state folder and kept, so that clients which know them work after a restart. The servers listen on
 * the loopback interface only, but other users of the machine, and pages in a browser, can reach that.
 *
 * A role that the file does not know, in a folder of an earlier release, gets its password now.
 *
 * @throws STATE_INVALID if the file is damaged
 */
export async function loadCredentials(folder: string): Promise<ServerCredentials> {
  const file = path.join(folder, 'credentials.json');
  const content = await readJson(file);
  const parsed = credentialsSchema.safeParse(content ?? {});
  if (!parsed.success) {
    const text = `${file} is damaged; delete it to draw new passwords`;
    throw new StarlingError('STATE_INVALID', text, { file });
  }
  const { passwords, serverPassword, systemPassword } = parsed.data;
  const drawn = roles.map((role) => [role, passwords[role] ?? drawPassword()]);
  const credentials: ServerCredentials = {
    passwords: Object.fromEntries(drawn) as Record<Role, string>,
    serverUser: 'server',
    serverPassword: serverPassword ?? drawPassword(),
    systemUser: 'system',
    systemPassword: systemPassword ?? drawPassword(),
  };
  if (!isDeepStrictEqual(content, credentials)) await writePrivateJson(file, credentials);
  return credentials;
}

function drawPassword(): string {
  return randomBytes(passwordBytes).toString('hex');
}
