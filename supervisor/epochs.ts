import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { StarlingError } from '../core/base/errors.js';
import { SharedWrite } from '../runtime/os/shared-write.js';

/**
 * Hands out the fencing number of every life of an address. Numbers of one address only grow, over restarts of the
 * supervisor too; otherwise a process left over from an earlier run could pass for the current owner.
 */
export interface EpochStore {
  /**
   * The next epoch of `address`, durable before it is returned.
   *
   * @throws STORAGE_FULL or another typed error; the number is then not used.
   */
  next(address: string): Promise<number>;
}

/**
 * Epochs in `<stateDir>/epochs.json`, replaced as a whole by a rename. A start of the cluster asks for all epochs at
 * once, so requests that arrive while a write is under way share the next one: two writes in all instead of twenty.
 */
export class FileEpochStore implements EpochStore {
  readonly #last: Map<string, number>;
  readonly #write: SharedWrite;

  private constructor(path: string, last: Map<string, number>) {
    this.#last = last;
    this.#write = new SharedWrite(() => writeEpochs(path, last));
  }

  /** @throws STATE_INVALID if the file is there but is not a map of epochs. */
  static async open(stateDir: string): Promise<FileEpochStore> {
    const path = join(stateDir, 'epochs.json');
    return new FileEpochStore(path, await readEpochs(path));
  }

  async next(address: string): Promise<number> {
    const epoch = (this.#last.get(address) ?? 0) + 1;
    this.#last.set(address, epoch);
    await this.#write.run();
    return epoch;
  }

  /** Elsewhere the address has come as far as `epoch`; noted with the next one that is handed out here. */
  raise(address: string, epoch: number): void {
    this.#last.set(address, Math.max(epoch, this.#last.get(address) ?? 0));
  }
}

async function readEpochs(path: string): Promise<Map<string, number>> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    if (isCode(cause, 'ENOENT')) return new Map();
    throw new StarlingError('STATE_INVALID', `${path} can't be read`, { path }, { cause });
  }
  try {
    const entries = Object.entries(JSON.parse(text) as Record<string, unknown>);
    const valid = entries.every(([, epoch]) => Number.isSafeInteger(epoch) && Number(epoch) > 0);
    if (valid) return new Map(entries as [string, number][]);
  } catch (cause) {
    throw new StarlingError('STATE_INVALID', `${path} is not JSON`, { path }, { cause });
  }
  throw new StarlingError('STATE_INVALID', `${path} holds an epoch that is not a number`, { path });
}

async function writeEpochs(path: string, epochs: ReadonlyMap<string, number>): Promise<void> {
  const text = `${JSON.stringify(Object.fromEntries(epochs), null, 2)}\n`;
  const nextPath = `${path}.next`;
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    await writeDurably(nextPath, text);
    await rename(nextPath, path);
    await syncFolder(dirname(path));
  } catch (cause) {
    const code = isCode(cause, 'ENOSPC') ? 'STORAGE_FULL' : 'STATE_INVALID';
    throw new StarlingError(code, `${path} can't be written`, { path }, { cause });
  }
}

async function writeDurably(path: string, text: string): Promise<void> {
  const file = await open(path, 'w');
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Without it, a power cut may undo the rename and hand the same epochs out again. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

function isCode(error: unknown, code: string): boolean {
  return (error as { code?: unknown } | null)?.code === code;
}
