import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import type { BuildOptions, Message } from 'esbuild';
import { messageOf } from '../base/errors.js';
import { textOfUtf8 } from '../base/json-text.js';

/** What a file can't be used for, each line with its place. */
export class BundleError extends Error {
  override readonly name = 'BundleError';
}

/** From wherever it is imported, it is the running program's own. That has two names: that of the package, and a longer one. */
export const ownModules = /^starling(-recommender)?(\/config)?$/;
export const ownNamespace = 'starling';

let buildsRunning = 0;

/**
 * The program that bundles would stay beside the cluster for as long as that runs.
 *
 * @throws BundleError whose lines begin with `file:line:column: `, as far as that is known.
 */
export async function bundle(file: string, options: BuildOptions & { readonly write: false }) {
  const esbuild = await import('esbuild');
  buildsRunning++;
  try {
    return await esbuild.build(options);
  } catch (cause) {
    const { errors } = cause as { readonly errors?: readonly Message[] };
    const lines = errors?.map(lineOf) ?? [
      `${basename(file)}: can't be loaded: ${messageOf(cause)}`,
    ];
    throw new BundleError(lines.join('\n'), { cause });
  } finally {
    buildsRunning--;
    if (buildsRunning === 0) await esbuild.stop();
  }
}

/** Of UTF-8 alone, as of files that are read otherwise. */
export async function textOfFile(path: string): Promise<string | { readonly text: string }> {
  try {
    return textOfUtf8(await readFile(path));
  } catch (cause) {
    return { text: `${basename(path)}: ${messageOf(cause)}` };
  }
}

function lineOf({ text, location, notes }: Message): string {
  const words = text.replaceAll(`"${ownNamespace}:`, '"');
  const hint = notes.find((note) => note.text.startsWith('Did you mean'));
  const told = hint === undefined ? words : `${words}. ${hint.text}`;
  if (location === null) return told;
  return `${location.file}:${location.line}:${location.column + 1}: ${told}`;
}
