import { join } from 'node:path';
import type { ImportOptions } from '../import-options.js';
import { lookAt, removeTemporary } from '../open-import.js';
import { openDatabase } from '../staging.js';
import { factsOf } from './file-facts.js';
import { type Proposal, propose } from './propose.js';

/** Reads files and proposes a configuration of them. @throws StarlingError FILE_INVALID */
export async function proposalFor(
  options: Pick<ImportOptions, 'files' | 'mapping' | 'encoding' | 'folder'>,
): Promise<Proposal> {
  const { connection, close } = await openDatabase(':memory:', join(options.folder, 'temporary'));
  try {
    const facts = [];
    for (const each of await lookAt(options, connection)) facts.push(await factsOf(each));
    return propose(facts);
  } finally {
    close();
    await removeTemporary(options.files);
  }
}
