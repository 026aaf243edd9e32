import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { codeOf, messageOf } from '../../core/base/errors.js';
import { readJson, writePrivateJson } from '../../runtime/os/private-file.js';
import {
  identityOf,
  isSameProcess,
  signalSameProcess,
  type ProcessIdentity,
} from '../../runtime/os/process-identity.js';

/**
 * Servers outlive a cluster process that was killed with SIGKILL. servers.json says which ones run, so that a successor
 * finds them: it goes on with those that it would start alike, and ends the others, which hold its streams. The state
 * folder's lock has made sure that nobody else needs them.
 */
export type LeftServers = ReadonlyMap<string, ProcessIdentity>;

export class ServerNotes {
  readonly #file: string;
  readonly #servers: Record<string, ProcessIdentity>;
  readonly #log: (line: string) => void;
  #writing: Promise<void> = Promise.resolve();

  /** @param kept are noted already, and stay. */
  constructor(folder: string, kept: LeftServers, log: (line: string) => void) {
    this.#file = notesPath(folder);
    this.#servers = Object.fromEntries(kept);
    this.#log = log;
  }

  add(dataCenter: string, pid: number): void {
    this.#writing = this.#writing
      .then(async () => {
        this.#servers[dataCenter] = await identityOf(pid);
        await writePrivateJson(this.#file, this.#servers);
      })
      .catch((error: unknown) => {
        // Without the note (a full disk, say) a successor finds ports and streams in use, and says so.
        this.#log(`servers.json not written: ${codeOf(error)}: ${messageOf(error)}`);
      });
  }

  settled(): Promise<void> {
    return this.#writing;
  }
}

/** By data center: those that are still there. */
export async function findLeftServers(folder: string): Promise<LeftServers> {
  const noted = ((await readJson(notesPath(folder))) ?? {}) as Record<string, ProcessIdentity>;
  const living = new Map<string, ProcessIdentity>();
  for (const [dataCenter, identity] of Object.entries(noted))
    if (await isSameProcess(identity)) living.set(dataCenter, identity);
  return living;
}

const graceMs = 10_000;
const lookMs = 50;

export async function endServers(servers: LeftServers): Promise<void> {
  await Promise.all([...servers.values()].map(endServer));
}

async function endServer(identity: ProcessIdentity): Promise<void> {
  const deadlineMs = performance.now() + graceMs;
  for (let asked = false; await isSameProcess(identity); asked = true) {
    if (!asked) signalSameProcess(identity, 'SIGTERM');
    if (performance.now() > deadlineMs) signalSameProcess(identity, 'SIGKILL');
    await sleep(lookMs);
  }
}

function notesPath(folder: string): string {
  return path.join(folder, 'servers.json');
}
