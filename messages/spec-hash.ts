import { StarlingError } from '../core/base/errors.js';

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
