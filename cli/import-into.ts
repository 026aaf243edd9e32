import type { ClusterConfig } from '../core/config/schema.js';
import type { OpenedImport } from '../importing/open-import.js';
import type { Arguments, Output } from './command.js';
import { UsageError } from './command.js';

/** What was read, into the running cluster that the arguments name. */
export interface ImportInto {
  readonly config: ClusterConfig | undefined;
  readonly args: Arguments;
  readonly out: Output;
}

/** @returns the exit code. */
export async function importInto(source: OpenedImport, { out }: ImportInto): Promise<number> {
  await source.close();
  out.note('what was read is kept for a day');
  throw new UsageError('nothing is sent yet: say --dry-run.');
}
