import { createRequire } from 'node:module';
import type * as Lmdb from 'lmdb';
import type { RootDatabase, RootDatabaseOptionsWithPath } from 'lmdb';

const require = createRequire(import.meta.url);
let lmdb: Pick<typeof Lmdb, 'open'> | undefined;

/**
 * LMDB, loaded by whoever opens a store first: most kinds of actors keep nothing on disk, and to load it costs each process some
 * 30 ms of its start and 9 MB. Not by `import()`, as a store is opened in one step.
 */
export function openLmdb<V, K extends Lmdb.Key>(
  options: RootDatabaseOptionsWithPath,
): RootDatabase<V, K> {
  lmdb ??= require('lmdb') as typeof Lmdb;
  return lmdb.open<V, K>(options);
}
