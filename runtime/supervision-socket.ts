import { createHash } from 'node:crypto';
import { lstatSync, mkdirSync, realpathSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { StarlingError } from '../core/base/errors.js';
import type { NatsAccess } from '../messages/nats-access.js';

/**
 * Where a supervisor listens for actors that outlived the one before it. Both sides derive the place from the state
 * folder, so that neither has to be told.
 *
 * The address of a Unix-domain socket has room for little more than a hundred bytes, which a state folder deep in a home
 * directory exceeds; the socket is then in a folder under the temporary one, named by a hash. That one is shared with
 * other users, so the folder must be ours and closed to them.
 *
 * @throws STATE_INVALID if that folder belongs to somebody else
 */
export function supervisionSocket(stateDir: string, temporary = tmpdir()): string {
  const name = hashOf(realpathSync(stateDir)).slice(0, 16);
  if (process.platform === 'win32') return `\\\\.\\pipe\\starling-${name}`;
  const own = path.resolve(stateDir, 'supervisor.sock');
  if (Buffer.byteLength(own) <= addressBytesMax) return own;
  const folder = folderWithRoom(name, temporary);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  requireOwn(folder);
  return path.join(folder, socketName(name));
}

/** A TMPDIR of one's own may be as deep as the state folder. */
function folderWithRoom(name: string, temporary: string): string {
  const folders = [temporary, '/tmp'].map((each) => path.join(each, `starling-${userId()}`));
  const fits = (folder: string): boolean =>
    Buffer.byteLength(path.join(folder, socketName(name))) <= addressBytesMax;
  return folders.find(fits) ?? folders[0]!;
}

function socketName(name: string): string {
  return `${name}.sock`;
}

/** `sun_path` without the zero at its end. */
const addressBytesMax = process.platform === 'linux' ? 107 : 103;

function userId(): number {
  return process.getuid?.() ?? 0;
}

/** Somebody else may have made the folder first, to listen in our place or to be listened to. */
function requireOwn(folder: string): void {
  const stats = lstatSync(folder);
  if (stats.isDirectory() && stats.uid === userId() && (stats.mode & 0o077) === 0) return;
  throw new StarlingError(
    'STATE_INVALID',
    `${folder} is not a folder of this user alone; remove it, or use a state folder with a shorter path`,
    { folder },
  );
}

/** What an actor was started with, as one word: an actor of another configuration is not the one that is wanted. */
export function startHashOf(start: {
  readonly config: unknown;
  readonly nats: NatsAccess;
}): string {
  return hashOf(JSON.stringify([start.config, start.nats], inOrder));
}

/** A configuration that was stored and read says the same in another order. */
function inOrder(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
