import { mkdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { isFileError } from './private-file.js';

/**
 * A folder with those that it is in, as `mkdir -p`. That of Node never ends where the system says of a folder that is to be made that there is
 * no such file, though the one above is there, as in /proc.
 *
 * @param mode of those that are made.
 * @throws what the system says.
 */
export async function makeFolders(folder: string, mode = 0o777): Promise<void> {
  if (await isMade(folder, mode)) return;
  await makeFolders(path.dirname(folder), mode);
  await mkdirOrFind(folder, mode);
}

/** @returns false where the one above is missing. */
async function isMade(folder: string, mode: number): Promise<boolean> {
  try {
    await mkdirOrFind(folder, mode);
    return true;
  } catch (error) {
    if (isFileError(error, 'ENOENT') && path.dirname(folder) !== folder) return false;
    throw error;
  }
}

/** Somebody else may make it at the same moment. */
async function mkdirOrFind(folder: string, mode: number): Promise<void> {
  try {
    await mkdir(folder, { mode });
  } catch (error) {
    const isThere = ['EEXIST', 'EROFS', 'EACCES', 'EPERM', 'EISDIR'].some((code) =>
      isFileError(error, code),
    );
    const found = isThere && (await stat(folder).catch(() => undefined)); // Then what `mkdir` said is all there is.
    if (found && found.isDirectory()) return;
    throw error;
  }
}
