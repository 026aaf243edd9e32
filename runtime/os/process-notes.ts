import { z } from 'zod';
import { StarlingError, codeOf, messageOf } from '../../core/base/errors.js';
import { readJson, writePrivateJson } from './private-file.js';
import { isSameProcess, type ProcessIdentity } from './process-identity.js';
import { SharedWrite } from './shared-write.js';

export const processNote = z.object({ pid: z.int().positive(), started: z.string().optional() });

/**
 * Which processes run here, by name, in a file: what is left when whoever started them is killed, for a successor to find.
 * It finds those that are the same processes still; what else the file has is of no use to anybody.
 */
export class ProcessNotes<Note extends ProcessIdentity> {
  readonly #notes: Map<string, Note>;
  readonly #write: SharedWrite;
  readonly #log: (line: string) => void;

  private constructor(file: string, notes: Map<string, Note>, log: (line: string) => void) {
    this.#notes = notes;
    this.#log = log;
    this.#write = new SharedWrite(() => writePrivateJson(file, Object.fromEntries(notes)));
  }

  /** @throws StarlingError STATE_INVALID if the file is damaged. */
  static async open<Note extends ProcessIdentity>(
    file: string,
    schema: z.ZodType<Note>,
    log: (line: string) => void,
  ): Promise<ProcessNotes<Note>> {
    const parsed = z.record(z.string(), schema).safeParse((await readJson(file)) ?? {});
    if (!parsed.success) {
      const text = `${file} is damaged: ${z.prettifyError(parsed.error)}`;
      throw new StarlingError('STATE_INVALID', text, { file });
    }
    const noted = Object.entries(parsed.data);
    const living = await Promise.all(noted.map(([, note]) => isSameProcess(note)));
    return new ProcessNotes(file, new Map(noted.filter((_unused, i) => living[i])), log);
  }

  get all(): ReadonlyMap<string, Note> {
    return this.#notes;
  }

  /** Resolves when the note is on disk. @throws StarlingError STORAGE_FULL */
  async add(name: string, note: Note): Promise<void> {
    this.#notes.set(name, note);
    await this.#write.run();
  }

  /** That process is gone; a note of another one stays. */
  remove(name: string, pid: number): void {
    if (this.#notes.get(name)?.pid !== pid) return;
    this.#notes.delete(name);
    // Of no consequence if it fails: a successor sees by pid and start time that the process is gone.
    this.#write.run().catch((error: unknown) => {
      this.#log(`the end of ${name} was not noted: ${codeOf(error)}: ${messageOf(error)}`);
    });
  }

  settled(): Promise<void> {
    return this.#write.settled();
  }
}
