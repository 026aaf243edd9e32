import { randomBytes } from 'node:crypto';
import { link, open, readFile, rename, rm } from 'node:fs/promises';
import { StarlingError, messageOf } from '../../core/base/errors.js';
import { parseJson, textOfUtf8 } from '../../core/base/json-text.js';

/**
 * Small files, most of them JSON, that only their owner may read. A reader sees the old content or the new one and never
 * a part: the content goes to a file beside it, is flushed, and takes the name in one step.
 */
export function writePrivateJson(file: string, content: unknown): Promise<void> {
  return writePrivateText(file, textOf(content));
}

export async function writePrivateText(file: string, text: string): Promise<void> {
  const staged = await stage(file, text);
  await rename(staged, file);
}

/** The same, but the name must be free. @returns false if the file exists. */
export async function createPrivateJson(file: string, content: unknown): Promise<boolean> {
  const staged = await stage(file, textOf(content));
  try {
    await link(staged, file);
    return true;
  } catch (error) {
    if (isFileError(error, 'EEXIST')) return false;
    throw error;
  } finally {
    await rm(staged, { force: true });
  }
}

/**
 * @returns undefined if there is no such file
 * @throws STATE_INVALID with line and column if it is not JSON
 */
export async function readJson(file: string): Promise<unknown> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(file);
  } catch (error) {
    if (isFileError(error, 'ENOENT')) return undefined;
    throw error;
  }
  try {
    return parseJson(textOfUtf8(bytes));
  } catch (error) {
    throw new StarlingError(
      'STATE_INVALID',
      `${file}: ${messageOf(error)}`,
      { file },
      { cause: error },
    );
  }
}

export function isFileError(error: unknown, code: string): boolean {
  return (error as NodeJS.ErrnoException | undefined)?.code === code;
}

function textOf(content: unknown): string {
  return `${JSON.stringify(content, null, 2)}\n`;
}

async function stage(file: string, text: string): Promise<string> {
  const staged = `${file}.${process.pid}-${randomBytes(4).toString('hex')}.tmp`;
  try {
    await writeFlushed(staged, text);
    return staged;
  } catch (error) {
    await rm(staged, { force: true });
    if (!isFileError(error, 'ENOSPC') && !isFileError(error, 'EDQUOT')) throw error;
    throw new StarlingError(
      'STORAGE_FULL',
      `no space left to write ${file}`,
      { file },
      { cause: error },
    );
  }
}

async function writeFlushed(file: string, text: string): Promise<void> {
  const handle = await open(file, 'wx', 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
}
