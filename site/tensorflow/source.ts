import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import type { Pins, Wheel } from './pins.js';
import { unzip } from './zip.js';

export interface SourceContext {
  readonly pins: Pins;
  /** For what is fetched; private and temporary. */
  readonly downloads: string;
  /** For what is made of it. */
  readonly target: string;
  readonly log: (line: string) => void;
}

/** Somewhere a library can be had from. Python or Maven only fetch; nothing of theirs runs later. */
export interface TensorflowSource {
  readonly name: string;
  /** @returns the library, from `target`. @throws with what keeps it from working here, in one line. */
  obtain(context: SourceContext): Promise<string>;
}

export const libraryFile = 'libtensorflow_cc.so.2';
/** The second is loaded by the first, from its own folder. */
export const wanted = /(^|\/)libtensorflow_(cc|framework)\.so\.2$/;

/** CUDA goes beside TensorFlow, whose run path leads there. */
export async function unpackWheel(
  { downloads, target, log }: SourceContext,
  { file, sha256 }: Wheel,
): Promise<void> {
  const wheel = path.join(downloads, file);
  await requireSum(wheel, sha256);
  log(`unpacking ${file}`);
  const isCuda = file.startsWith('nvidia');
  await unzip(wheel, target, (entry) => {
    const isWanted = isCuda ? /^nvidia\/[^/]+\/(lib|bin|nvvm)\//.test(entry) : wanted.test(entry);
    return isWanted ? entry : undefined;
  });
  // Some of them are hundreds of megabytes.
  await rm(wheel);
}

/** Whatever a registry says of it, and whoever fetched it. */
export async function requireSum(file: string, expected: string): Promise<void> {
  const hash = createHash('sha256');
  for await (const part of createReadStream(file)) hash.update(part as Buffer);
  const sum = hash.digest('hex');
  if (sum !== expected)
    throw new Error(`${path.basename(file)} has the checksum ${sum}, not ${expected}`);
}
