import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { StarlingError, messageOf } from '../../core/base/errors.js';

/**
 * The binary that the cluster's servers run. Finding and getting one is done by a plain script, as `npm ci` needs it
 * before anything is compiled; this is its typed face.
 */
export interface NatsServerBinary {
  readonly path: string;
  /** Such as `2.10.29`; never older than what the script calls `versionMin`. */
  readonly version: string;
  /** Where it came from, in words for a person. */
  readonly from: string;
}

interface Script {
  findNatsServer(options?: { binFolder?: string }): Promise<NatsServerBinary | undefined>;
  obtainNatsServer(options?: { log?: (line: string) => void }): Promise<NatsServerBinary>;
}

/**
 * NATS_SERVER, PATH or the private copy; else one is obtained, which may take a minute and is logged.
 *
 * @throws NATS_SERVER_MISSING that lists what was tried, or says why the one in NATS_SERVER can't be used (it does not
 *   run, or is older than the oldest supported version).
 */
export async function findServer(
  log: (line: string) => void = () => undefined,
): Promise<NatsServerBinary> {
  const script = await loadScript();
  try {
    return await script.obtainNatsServer({ log });
  } catch (error) {
    throw new StarlingError('NATS_SERVER_MISSING', messageOf(error), {}, { cause: error });
  }
}

/** For checks (`starling doctor`): looks, and gets nothing. */
export async function findServerInPlace(): Promise<NatsServerBinary | undefined> {
  const script = await loadScript();
  try {
    return await script.findNatsServer();
  } catch (error) {
    throw new StarlingError('NATS_SERVER_MISSING', messageOf(error), {}, { cause: error });
  }
}

/** Whether a server of `version` has what came with `least`; both are major.minor.patch. */
export function isAtLeast(version: string, least: string): boolean {
  const [actual, wanted] = [numbersOf(version), numbersOf(least)];
  const differing = wanted.findIndex((part, index) => part !== actual[index]);
  return differing === -1 || (actual[differing] ?? 0) > (wanted[differing] ?? 0);
}

function numbersOf(version: string): number[] {
  return version.split(/[.\-+]/, 3).map(Number);
}

async function loadScript(): Promise<Script> {
  const url = pathToFileURL(path.join(projectRoot(), 'scripts', 'nats-server.mjs')).href;
  return (await import(url)) as Script;
}

/** The folder of package.json. Walks up, as this file lies deeper when compiled and build folders vary. */
export function projectRoot(): string {
  const start = path.dirname(fileURLToPath(import.meta.url));
  for (let folder = start; ; folder = path.dirname(folder)) {
    if (existsSync(path.join(folder, 'scripts', 'nats-server.mjs'))) return folder;
    if (folder === path.dirname(folder)) {
      throw new StarlingError(
        'NATS_SERVER_MISSING',
        `scripts/nats-server.mjs is in no folder above ${start}; the installation is incomplete`,
      );
    }
  }
}
