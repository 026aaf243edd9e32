import { createHash } from 'node:crypto';

/**
 * The name of a host in a cluster. It is a part of subjects and keys, where a dot begins the next part, `*` and `>` mean
 * any, and a space ends the whole. What an operating system calls a machine knows no such limits: `name.local`,
 * `ip-10-0-0-7.ec2.internal`, characters of any kind, or nothing at all.
 */
/** That of names on networks, and of files: hosts of a test have folders by their names. */
const lengthMax = 255;
const hashDigits = 8;

/** What is allowed, in words. */
export const hostNameRule = `letters, digits, "_" and "-", at most ${lengthMax} of them`;

export function isHostName(name: string): boolean {
  return name.length <= lengthMax && /^[A-Za-z0-9_-]+$/.test(name);
}

/**
 * The name that a machine has in a cluster unless it is told another one. Dots become dashes, which people would do. What
 * else is replaced or cut off is made up for by a hash of the whole: machines of two names shall not become one.
 */
export function hostNameOf(systemName: string): string {
  const dashed = systemName.replace(/\.+/g, '-').replace(/^-|-$/g, '');
  if (isHostName(dashed)) return dashed;
  const hash = createHash('sha256').update(systemName).digest('hex').slice(0, hashDigits);
  const readable = dashed.replace(/[^A-Za-z0-9_]+/g, '-').replace(/^-|-$/g, '');
  return `${readable.slice(0, lengthMax - hashDigits - 1) || 'host'}-${hash}`;
}
