import { mkdir, open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { sleep, type Clock } from '../../core/base/clock.js';

/** Between two looks whether another process has found it. */
const lookMs = 100;
/** A lock that is older is one of a process that has died. Above what the work may take. */
const lockMsMax = 90_000;

export interface Finding<T> {
  readonly find: () => Promise<T>;
  /** Whether it will be the same next time; if left out, all is. */
  readonly keeps?: (found: T) => boolean;
}

/**
 * What `find` finds, once for all processes that keep it in this file: actors of a host start together, and would all look for
 * the same, on the same cores. Without a folder to write to everyone finds it for himself.
 */
export async function remembered<T>(
  file: string,
  clock: Pick<Clock, 'after' | 'wallMs'>,
  { find, keeps = () => true }: Finding<T>,
): Promise<T> {
  const lock = `${file}.lock`;
  for (;;) {
    const known = await read<T>(file);
    if (known !== undefined) return known;
    const locked = await tryLock(lock);
    if (locked === 'no folder') return find();
    if (locked === 'mine') break;
    if (clock.wallMs() - (await changedAtMs(lock)) > lockMsMax) await breakOpen(lock);
    else await sleep(clock, lookMs);
  }
  try {
    const found = await find();
    if (keeps(found)) await keep(file, found);
    return found;
  } finally {
    await rm(lock, { force: true });
  }
}

/** One of those who wait; the others find that it is gone, and do not remove the next one. */
async function breakOpen(lock: string): Promise<void> {
  const aside = `${lock}.${process.pid}`;
  try {
    await rename(lock, aside);
    await rm(aside, { force: true });
  } catch {
    // Somebody else was first.
  }
}

async function keep(file: string, found: unknown): Promise<void> {
  try {
    const written = `${file}.${process.pid}`;
    await writeFile(written, JSON.stringify(found, null, 2));
    await rename(written, file);
  } catch {
    // A disk without room, say: it is found anew next time.
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
