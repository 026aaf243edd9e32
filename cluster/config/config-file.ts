import path from 'node:path';
import { z } from 'zod';
import { StarlingError, codeOf, messageOf } from '../../core/base/errors.js';
import type { ClusterConfig } from '../../core/config/schema.js';
import { parseClusterConfig } from '../../core/config/schema.js';
import type { Bus } from '../../runtime/bus/bus.js';
import { readJson, writePrivateJson } from '../../runtime/os/private-file.js';
import { newestConfig } from './config-versions.js';
import type { RunningConfigs } from './running-configs.js';
import { changesTo, refuseChanges } from './next-config.js';

/** What this host ran last, for when no server answers. The cluster's own word is in its bucket (config-versions.ts). */
export interface ConfigFile {
  readonly version: number;
  readonly hash: string;
  readonly config: ClusterConfig;
}

const schema = z.object({ version: z.int().positive(), hash: z.string(), config: z.unknown() });

/** Writes it now, and whenever actors are to run another version. */
export async function keepConfigFile(
  stateDir: string,
  { bus, configs, log }: KeptFrom,
): Promise<void> {
  const write = async (): Promise<void> => {
    const newest = await newestConfig(bus);
    if (!newest) return;
    const { version, hash, config } = newest;
    await writePrivateJson(fileIn(stateDir), { version, hash, config });
  };
  configs.onChange(() => {
    // A stale file only tells `config plan` of a cluster that is stopped less than it could.
    write().catch((error: unknown) =>
      log(`config.json not written: ${codeOf(error)}: ${messageOf(error)}`),
    );
  });
  await write();
}

interface KeptFrom {
  readonly bus: Pick<Bus, 'names' | 'bucketGet'>;
  readonly configs: Pick<RunningConfigs, 'onChange'>;
  readonly log: (line: string) => void;
}

/** @returns undefined where there is none. @throws StarlingError STATE_INVALID for one that is damaged. */
export async function readConfigFile(stateDir: string): Promise<ConfigFile | undefined> {
  const file = fileIn(stateDir);
  const content = await readJson(file);
  if (content === undefined) return undefined;
  try {
    const { version, hash, config } = schema.parse(content);
    return { version, hash, config: parseClusterConfig(config) };
  } catch (cause) {
    const text = `${file} is damaged: ${messageOf(cause)}`;
    throw new StarlingError('STATE_INVALID', text, { file }, { cause });
  }
}

/** Before servers are started for data centers that can't be. @throws StarlingError CHANGE_REFUSED */
export async function refuseImpossible(stateDir: string, given: ClusterConfig): Promise<void> {
  const before = await readConfigFile(stateDir);
  if (before) refuseChanges(changesTo(before.config, given));
}

function fileIn(stateDir: string): string {
  return path.join(stateDir, 'config.json');
}
