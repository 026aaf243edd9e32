import path from 'node:path';
import { readConfigFile } from '../../cluster/config/config-file.js';
import type { StoredConfig } from '../../cluster/config/config-versions.js';
import {
  configVersions,
  newestConfig,
  storedConfig,
} from '../../cluster/config/config-versions.js';
import { changesTo } from '../../cluster/config/next-config.js';
import { planLines } from '../../cluster/config/plan-lines.js';
import type { ChangedConfig } from '../../cluster/operations/change-config.js';
import { operate } from '../../client/operate.js';
import { StarlingError, codeOf } from '../../core/base/errors.js';
import { loadClusterConfig } from '../../core/config/load.js';
import { forgottenBy } from '../../core/config/plan/plan.js';
import type { ConfigVersion } from '../../messages/config-versions.js';
import { allowOption, allowedBy } from '../allow.js';
import { stateDirDefault, withAdmin } from '../cluster-access.js';
import type { Arguments, Command, Output } from '../command.js';
import { UsageError, clusterOptions, exitCode, integerOf } from '../command.js';
import { table } from '../text-table.js';

const usage = 'expected plan FILE, apply FILE, rollback VERSION, list, or show [VERSION]';

export const config: Command = {
  name: 'config',
  summary: 'tells what a changed configuration would do, applies it, and goes back',
  usage: '(plan FILE | apply FILE | rollback VERSION | list | show [VERSION]) [options]',
  text: 'A cluster keeps what it has learned when its configuration changes. `plan` says of each change: free (nobody starts again), kept (actors start again, and go on), starts cold (something new begins), forgets (something learned is dropped: only where --allow names it), impossible (and what to do instead); of a cluster that is stopped it compares with what this host ran last. `apply` brings a running cluster to it, one data center after the other, while the others answer; learning waits meanwhile, and no event is lost. `rollback` goes back to an older version: what came since is forgotten then, and what had been dropped begins anew. A cluster that is stopped has it applied by its start: `starling up --config FILE`. Each is kept as a version, with a hash.',
  options: [allowOption, ...clusterOptions],
  examples: [
    'starling config plan shop.config.ts',
    'starling config apply shop.config.ts --allow forget:brand',
    'starling config rollback 1',
    'starling config list',
    'starling config show 2',
  ],
  async run(args, out) {
    const [act, what, ...rest] = args.positionals;
    if (rest.length > 0) throw new UsageError(`config: ${usage}.`);
    switch (act) {
      case 'plan':
        if (what === undefined) throw new UsageError(`config: ${usage}.`);
        return plan(what, args, out);
      case 'apply':
        if (what === undefined) throw new UsageError(`config: ${usage}.`);
        return change(JSON.stringify(await loadClusterConfig(what)), args, out);
      case 'rollback':
        if (what === undefined) throw new UsageError(`config: ${usage}.`);
        return change(integerOf(what, 'VERSION', 1), args, out);
      case 'list':
        if (what !== undefined) throw new UsageError(`config: ${usage}.`);
        return list(args, out);
      case 'show':
        return show(what === undefined ? undefined : integerOf(what, 'VERSION', 1), args, out);
      default:
        throw new UsageError(`config: ${usage}.`);
    }
  },
};

async function plan(file: string, args: Arguments, out: Output): Promise<number> {
  const given = await loadClusterConfig(file);
  const before = await currentConfig(args);
  const changes = changesTo(before.config, given);
  const { version, hash } = before;
  if (out.json) out.document({ version, hash, forgets: forgottenBy(changes), changes });
  else {
    out.line(`from version ${version} (${hash}) to ${file}:`);
    for (const line of planLines(changes)) out.line(line);
  }
  return changes.some(({ effect }) => effect === 'impossible') ? exitCode.failure : exitCode.ok;
}

/** @param to a configuration as JSON, or a version. */
async function change(to: string | number, args: Arguments, out: Output): Promise<number> {
  const allowed = allowedBy(args);
  const reply = await withAdmin(args, (bus) =>
    operate(bus, 'config', { to, allowed }, ({ text }) => out.note(text)),
  );
  const { version, hash, changes } = reply as unknown as ChangedConfig;
  if (out.json) out.document({ version, hash, changes });
  else {
    for (const line of planLines(changes)) out.line(line);
    out.line(`all actors run version ${version} (${hash})`);
  }
  return exitCode.ok;
}

/** What the cluster runs; of one that is stopped, what this host ran last. */
async function currentConfig(args: Arguments) {
  try {
    const newest = await withAdmin(args, newestConfig);
    if (newest) return newest;
    throw noVersions();
  } catch (error) {
    if (codeOf(error) !== 'NOT_RUNNING') throw error;
    const folder = path.resolve(args.value('state') ?? stateDirDefault);
    const last = await readConfigFile(folder);
    if (last) return last;
    throw error;
  }
}

function noVersions(): StarlingError {
  const text =
    'the cluster keeps no versions of its configuration yet; start it once with the one that it has.';
  return new StarlingError('NOT_READY', text);
}

async function list(args: Arguments, out: Output): Promise<number> {
  const versions = await withAdmin(args, configVersions);
  if (out.json) out.document({ versions });
  else
    for (const line of table(['version', 'hash', 'since', 'note'], versions.map(rowOf)))
      out.line(line);
  return exitCode.ok;
}

function rowOf({ version, hash, atMs, note }: ConfigVersion): string[] {
  return [String(version), hash, new Date(atMs).toISOString(), note];
}

async function show(version: number | undefined, args: Arguments, out: Output): Promise<number> {
  const { config: whole, ...stored } = await withAdmin(args, async (bus): Promise<StoredConfig> => {
    const versions = await configVersions(bus);
    const found = versions.find((each) => each.version === (version ?? versions.at(-1)?.version));
    if (found) return storedConfig(bus, found);
    if (versions.length === 0) throw noVersions();
    const text = `there is no version ${version}; there are ${versions[0]!.version} to ${versions.at(-1)!.version}.`;
    throw new StarlingError('BAD_REQUEST', text, { field: 'VERSION' });
  });
  const declared = Object.fromEntries(Object.entries(whole).filter(([key]) => key !== 'lineage'));
  // What it prints is a configuration: it can be kept as a file, and started with.
  if (out.json) out.document({ ...stored, config: declared });
  else out.line(JSON.stringify(declared, null, 2));
  return exitCode.ok;
}
