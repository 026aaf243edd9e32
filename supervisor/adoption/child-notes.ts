import path from 'node:path';
import { z } from 'zod';
import { StarlingError, codeOf, messageOf } from '../../core/base/errors.js';
import { readJson, writePrivateJson } from '../../runtime/os/private-file.js';
import {
  identityOf,
  isSameProcess,
  type ProcessIdentity,
} from '../../runtime/os/process-identity.js';
import { SharedWrite } from '../../runtime/os/shared-write.js';

/**
 * Which processes run for which addresses, in `<stateDir>/children.json`, for a successor to find if this supervisor is
 * killed. A process is told to start only when its note is on disk, so there is none that works and is not noted.
 */
export interface ChildNote extends ProcessIdentity {
  readonly epoch: number;
}

const notesSchema = z.record(
  z.string(),
  z.object({
    pid: z.int().positive(),
    started: z.string().optional(),
    epoch: z.int().positive(),
  }),
);

export class ChildNotes {
  readonly #notes: Map<string, ChildNote>;
  readonly #write: SharedWrite;
  readonly #log: (line: string) => void;

  private constructor(file: string, notes: Map<string, ChildNote>, log: (line: string) => void) {
    this.#notes = notes;
    this.#log = log;
    this.#write = new SharedWrite(() => writePrivateJson(file, Object.fromEntries(notes)));
  }

  /** Keeps the notes of processes that live. @throws STATE_INVALID if the file is damaged */
  static async open(stateDir: string, log: (line: string) => void): Promise<ChildNotes> {
    const file = path.join(stateDir, 'children.json');
    const parsed = notesSchema.safeParse((await readJson(file)) ?? {});
    if (!parsed.success) {
      const text = `${file} is damaged: ${z.prettifyError(parsed.error)}`;
      throw new StarlingError('STATE_INVALID', text, { file });
    }
    const noted = Object.entries<ChildNote>(parsed.data);
    const living = await Promise.all(noted.map(([, note]) => isSameProcess(note)));
    return new ChildNotes(file, new Map(noted.filter((_unused, i) => living[i])), log);
  }

  /** By address. */
  get all(): ReadonlyMap<string, ChildNote> {
    return this.#notes;
  }

  /** Resolves when the note is on disk. @throws STORAGE_FULL */
  async add(address: string, epoch: number, pid: number): Promise<void> {
    this.#notes.set(address, { ...(await identityOf(pid)), epoch });
    await this.#write.run();
  }

  /** That process is gone; a note of another one stays. */
  remove(address: string, pid: number): void {
    if (this.#notes.get(address)?.pid !== pid) return;
    this.#notes.delete(address);
    this.#write.run().catch((error: unknown) => {
      // Of no consequence: a successor sees by pid and start time that the process is gone.
      this.#log(`children.json not written: ${codeOf(error)}: ${messageOf(error)}`);
    });
  }

  settled(): Promise<void> {
    return this.#write.settled();
  }
}
