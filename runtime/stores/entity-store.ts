import { open } from 'lmdb';
import type { Database, RootDatabase } from 'lmdb';
import { StarlingError, codeOf, messageOf } from '../../core/base/errors.js';
import { protocolVersion } from '../../messages/codec.js';
import { requireStateVersion } from '../../messages/state-version.js';

/**
 * Features by entity id on disk, with the log position they stand for, written in one transaction: a store that was
 * killed goes on exactly where its rows are. Reads are memory-mapped and synchronous.
 */
export class EntityStore {
  readonly #root: RootDatabase;
  readonly #rows: Database<Readonly<Record<string, unknown>>, [string, string]>;
  readonly #meta: Database<number, string>;

  /** @throws StarlingError STATE_INVALID when the files can't be opened. */
  constructor(path: string) {
    try {
      this.#root = open({ path, noSubdir: false });
      this.#rows = this.#root.openDB({ name: 'rows' });
      this.#meta = this.#root.openDB({ name: 'meta', encoding: 'json' });
      const isNew = this.#meta.get('sequence') === undefined;
      if (!isNew) requireStateVersion(this.#meta.get('version'), path);
    } catch (cause) {
      if (codeOf(cause) === 'STATE_INVALID') throw cause;
      throw new StarlingError(
        'STATE_INVALID',
        `can't open the feature store at ${path}: ${messageOf(cause)}.`,
        {},
        { cause },
      );
    }
  }

  /** Log sequence up to which changes are in. */
  get sequence(): number {
    return this.#meta.get('sequence') ?? 0;
  }

  get(entity: string, id: string): Readonly<Record<string, unknown>> | undefined {
    return this.#rows.get([entity, id]);
  }

  /** @throws StarlingError STORAGE_FULL when the disk or the map is full; nothing of the change is in then. */
  async apply(
    entity: string,
    ids: readonly string[],
    features: readonly Readonly<Record<string, unknown>>[],
    sequence: number,
  ): Promise<void> {
    try {
      await this.#root.transaction(() => {
        for (let i = 0; i < ids.length; i++) this.#rows.putSync([entity, ids[i]!], features[i]!);
        this.#meta.putSync('sequence', sequence);
        this.#meta.putSync('version', protocolVersion);
      });
    } catch (cause) {
      throw new StarlingError(
        'STORAGE_FULL',
        `can't write the feature store: ${messageOf(cause)}.`,
        {},
        { cause },
      );
    }
  }

  get entityCount(): number {
    return (this.#rows.getStats() as { entryCount?: number }).entryCount ?? 0;
  }

  async close(): Promise<void> {
    await this.#root.close();
  }
}
