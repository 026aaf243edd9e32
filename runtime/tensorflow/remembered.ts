import { mkdir, open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { sleep, type Clock } from '../../core/base/clock.js';

/** Between two looks whether another process has found it. */
const lookMs = 100;
/** A lock that is older is one of a process that has died. Above what the work may take. */
const lockMsMax = 90_000;

/**
 * What `find` finds, once for all processes that keep it in this file: actors of a host start together, and would all look for
 * the same, on the same cores. Without a folder to write to everyone finds it for himself.
 */
export async function remembered<T>(
  file: string,
  clock: Pick<Clock, 'after' | 'wallMs'>,
  find: () => Promise<T>,
): Promise<T> {
  const lock = `${file}.lock`;
  for (;;) {
    const known = await read<T>(file);
    if (known !== undefined) return known;
    const locked = await tryLock(lock);
    if (locked === 'no folder') return find();
    if (locked === 'mine') break;
    if (clock.wallMs() - (await changedAtMs(lock)) > lockMsMax) await rm(lock, { force: true });
    else await sleep(clock, lookMs);
  }
  try {
    const found = await find();
    await writeFile(`${file}.new`, JSON.stringify(found, null, 2));
    await rename(`${file}.new`, file);
    return found;
  } finally {
    await rm(lock, { force: true });
  }
}

async function read<T>(file: string): Promise<T | undefined> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as T;
  } catch {
    return undefined; // Not there yet, or damaged: it is found anew.
  }
}

async function tryLock(lock: string): Promise<'mine' | 'taken' | 'no folder'> {
  try {
    await mkdir(path.dirname(lock), { recursive: true, mode: 0o700 });
    await (await open(lock, 'wx')).close();
    return 'mine';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EEXIST' ? 'taken' : 'no folder';
  }
}

/** In the future where it is gone by now: then it is looked for once more. */
async function changedAtMs(file: string): Promise<number> {
  try {
    return (await stat(file)).mtimeMs;
  } catch {
    return Infinity;
  }
}
