import { basename } from 'node:path';
import { StarlingError, codeOf, messageOf } from '../core/base/errors.js';

/** What is wrong with a file as a whole, so that none of its rows can be had. */
export function fileError(
  file: string,
  text: string,
  details: Readonly<Record<string, unknown>> = {},
  cause?: unknown,
): StarlingError {
  const line = typeof details['line'] === 'number' ? ` line ${details['line']}` : '';
  return new StarlingError(
    'FILE_INVALID',
    `${basename(file)}${line}: ${text}.`,
    { file, ...details },
    { cause },
  );
}

/** Of what reading it met: of the file system, of what decompresses, of what parses. */
export function readError(file: string, cause: unknown): StarlingError {
  if (codeOf(cause) === 'FILE_INVALID') return cause as StarlingError;
  const { code } = cause as { code?: unknown };
  const name = typeof code === 'string' ? code : '';
  if (name === 'ENOENT') return fileError(file, `there is no such file: ${file}`, {}, cause);
  if (name === 'EISDIR') return fileError(file, 'is a folder; name its files', {}, cause);
  if (name.startsWith('Z_'))
    return fileError(file, `is damaged or cut off gzip: ${messageOf(cause)}`, {}, cause);
  return fileError(file, messageOf(cause).replace(/\.$/, ''), {}, cause);
}
