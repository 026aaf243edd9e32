import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { isFileError, readJson, writePrivateJson } from '../../runtime/os/private-file.js';
import type { ProcessIdentity } from '../../runtime/os/process-identity.js';
import { ProcessNotes, processNote } from '../../runtime/os/process-notes.js';
import type { ServerPorts } from './server-config.js';

export type PortsByName = Readonly<Record<string, ServerPorts>>;

/** By data center. */
export type ServerConfigs = ReadonlyMap<string, string>;

/**
 * What the servers of one host have on disk: `<data center>.conf`, `streams/<data center>`, `logs/<data center>.log`,
 * ports.json, servers.json, and versions.json (stream-versions.ts).
 *
 * Servers outlive a cluster process that was killed with SIGKILL; servers.json says which ones run, so that a successor
 * finds them. The state folder's lock has made sure that nobody else needs them.
 */
export class ServerFolder {
  readonly #folder: string;
  /** By data center. */
  readonly notes: ProcessNotes<ProcessIdentity>;
  #ports: PortsByName;

  private constructor(folder: string, notes: ProcessNotes<ProcessIdentity>, ports: PortsByName) {
    this.#folder = folder;
    this.notes = notes;
    this.#ports = ports;
  }

  /** @throws StarlingError STATE_INVALID if a file is damaged. */
  static async open(folder: string, log: (line: string) => void): Promise<ServerFolder> {
    await mkdir(path.join(folder, 'logs'), { recursive: true, mode: 0o700 });
    const notes = await ProcessNotes.open(path.join(folder, 'servers.json'), processNote, log);
    return new ServerFolder(folder, notes, await readPorts(folder));
  }

  /** Those that the servers were told last. */
  get ports(): PortsByName {
    return this.#ports;
  }

  filesOf(name: string): {
    readonly configFile: string;
    readonly logFile: string;
    readonly storeFolder: string;
  } {
    return {
      configFile: path.join(this.#folder, `${name}.conf`),
      logFile: path.join(this.#folder, 'logs', `${name}.log`),
      storeFolder: path.resolve(this.#folder, 'streams', name),
    };
  }

  /** Whether servers that run were told the same, byte for byte. */
  async holds(configs: ServerConfigs): Promise<boolean> {
    for (const [name, text] of configs)
      if ((await textOf(this.filesOf(name).configFile)) !== text) return false;
    return true;
  }

  async write(ports: PortsByName, configs: ServerConfigs): Promise<void> {
    await writePrivateJson(portsFile(this.#folder), ports);
    this.#ports = ports;
    for (const [name, text] of configs)
      await writeFile(this.filesOf(name).configFile, text, { mode: 0o600 });
  }
}

async function readPorts(folder: string): Promise<PortsByName> {
  return ((await readJson(portsFile(folder))) ?? {}) as PortsByName;
}

function portsFile(folder: string): string {
  return path.join(folder, 'ports.json');
}

/** Undefined: there is no such file. */
async function textOf(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (isFileError(error, 'ENOENT')) return undefined;
    throw error;
  }
}
