import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { ClusterStatus } from '../messages/cluster-status.js';
import { stateDirDefault } from './cluster-access.js';

export interface StartFacts {
  readonly status: Pick<ClusterStatus, 'name' | 'natsServers'>;
  /** Of a client; undefined where the servers want no name. */
  readonly user: string | undefined;
  readonly stateDir: string;
  /** As it was given; undefined for the configuration that comes along. */
  readonly config: string | undefined;
  /** How this program is called here. */
  readonly program: string;
}

/** What somebody needs who has just started a cluster: each line true, and what stands in it fit to be copied. */
export function startLines({ status, user, stateDir, config, program }: StartFacts): string[] {
  const urls = new Set(status.natsServers.flatMap(({ url }) => url.split(',')));
  const access = path.resolve(stateDir, 'cluster.json');
  const as = user === undefined ? '' : `  as user ${user}, whose password is in ${access}`;
  const subjects = ['recommend', 'ingest.event', 'status'].map((each) => `${status.name}.${each}`);
  return [
    `URL       ${[...urls].join(',')}${as}`,
    `state     ${path.resolve(stateDir)}`,
    `config    ${config === undefined ? 'the default one, of films; --config FILE takes one of your own' : path.resolve(config)}`,
    `subjects  ${status.name}.>  such as ${subjects.join(', ')}`,
    `next      ${nextCommand(program, stateDir)}`,
  ];
}

/** It works on a cluster that knows nothing yet, and teaches nothing. */
export function nextCommand(program: string, stateDir: string): string {
  const state = stateDir === stateDirDefault ? '' : ` --state ${quoted(stateDir)}`;
  return `${program} recommend --user u1 --log false${state}`;
}

/** How somebody calls this program from this very folder: npx finds what is installed here, and fetches a stranger of that name elsewhere. */
export function programName(
  entry = process.argv[1] ?? '',
  folder = process.cwd(),
  searched = process.env['PATH'] ?? '',
): string {
  if (existsSync(path.join(folder, 'node_modules', '.bin', 'starling')) || isOurs(folder))
    return 'npx starling';
  const isFound = searched
    .split(path.delimiter)
    .some((each) => each !== '' && existsSync(path.join(each, 'starling')));
  return isFound ? 'starling' : `node ${quoted(entry)}`;
}

/** A checkout, whose own program npx finds as well. */
function isOurs(folder: string): boolean {
  try {
    const text = readFileSync(path.join(folder, 'package.json'), 'utf8');
    const { name, bin } = JSON.parse(text) as { name?: unknown; bin?: object };
    return name === 'starling' && Object.hasOwn(bin ?? {}, 'starling');
  } catch {
    return false; // No package, or none that npm would read either.
  }
}

/** As a shell reads it as one word. */
function quoted(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
