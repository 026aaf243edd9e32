import path from 'node:path';
import { z } from 'zod';
import { ProcessNotes, processNote } from '../../runtime/os/process-notes.js';

const childNote = processNote.extend({ epoch: z.int().positive() });

/**
 * Which process runs for an address, and in which of its lives. A process is told to start only when its note is on disk,
 * so there is none that works and is not noted.
 */
export type ChildNote = z.infer<typeof childNote>;

/** By address, in `<stateDir>/children.json`. @throws StarlingError STATE_INVALID if the file is damaged. */
export function openChildNotes(
  stateDir: string,
  log: (line: string) => void,
): Promise<ProcessNotes<ChildNote>> {
  return ProcessNotes.open(path.join(stateDir, 'children.json'), childNote, log);
}
