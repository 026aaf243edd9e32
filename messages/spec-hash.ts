import { StarlingError } from '../core/base/errors.js';
import { text, type Fields } from './checks.js';

/**
 * The one check of what was made under another specification, of features or of the whole model (core/blueprint): taken
 * for our own it would mix rows of different meaning without any error.
 *
 * @param what names its carrier: a message, a subject, a snapshot.
 * @throws StarlingError SPEC_MISMATCH
 */
export function refuseSpec(theirs: string, ours: string, what: string): void {
  if (theirs === ours) return;
  throw new StarlingError(
    'SPEC_MISMATCH',
    `${what}: made with specification ${theirs}, this actor runs ${ours}.`,
    { theirs, ours },
  );
}

/**
 * The specification that a message names. Where that is another one than `ours` its numbers are counted otherwise, as while a configuration
 * rolls out: that is looked at before they are, so that who sent it hears what is the matter.
 *
 * @throws StarlingError BAD_MESSAGE, SPEC_MISMATCH
 */
export function specHashOf(fields: Fields, what: string, ours: string | undefined): string {
  const theirs = text(fields, 'specHash', what);
  if (ours !== undefined) refuseSpec(theirs, ours, what);
  return theirs;
}
