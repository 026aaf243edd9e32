import { closeSync, openSync, readSync } from 'node:fs';
import { codeOf, messageOf, StarlingError } from '../../core/base/errors.js';
import type { ErrorCode } from '../../core/base/errors.js';

/**
 * LMDB passes on the system's error number, or one of its own (negative). A full disk shows as any of several: a write
 * that is cut short is EIO to LMDB.
 */
const codeByNumber = new Map<unknown, ErrorCode>([
  [5, 'STORAGE_FULL'], // EIO, a short write
  [27, 'STORAGE_FULL'], // EFBIG
  [28, 'STORAGE_FULL'], // ENOSPC
  [122, 'STORAGE_FULL'], // EDQUOT
  [-30792, 'STORAGE_FULL'], // MDB_MAP_FULL
  [-30793, 'STATE_INVALID'], // MDB_INVALID: not an LMDB file
  [-30794, 'STATE_INVALID'], // MDB_VERSION_MISMATCH
  [-30796, 'CORRUPT'], // MDB_CORRUPTED
  [-30797, 'CORRUPT'], // MDB_PAGE_NOTFOUND
  [20, 'STATE_INVALID'], // ENOTDIR
  ['ENOTDIR', 'STATE_INVALID'],
  ['EEXIST', 'STATE_INVALID'],
  ['ENOSPC', 'STORAGE_FULL'],
]);

/** `error`, thrown by LMDB or the file system while `what` was done at `path`, as one of ours. */
export function storageError(error: unknown, path: string, what: string): StarlingError {
  if (error instanceof StarlingError) return error;
  const raw = (error as { code?: unknown } | null | undefined)?.code;
  const code = codeByNumber.get(raw) ?? codeOf(error);
  return new StarlingError(
    code,
    `${path}: ${what} failed: ${messageOf(error)}`,
    { path },
    { cause: error },
  );
}

/** In every LMDB file, behind the 24 bytes of the first page's header. */
const magic = 0xbeefc0de;
const magicOffset = 24;

/**
 * Throws STATE_INVALID if there is a file at `path` that LMDB did not write: lmdb (3.5.6) reports other files on a path
 * that ends in a segmentation fault, which no supervisor could explain. A missing or empty file is a new store.
 */
export function checkLmdbFile(path: string): void {
  const header = Buffer.alloc(magicOffset + 4);
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  try {
    const bytes = readSync(file, header, 0, header.length, 0);
    if (bytes === 0 || header.readUInt32LE(magicOffset) === magic) return;
    throw new StarlingError('STATE_INVALID', `${path} is not an LMDB file`, { path });
  } finally {
    closeSync(file);
  }
}
