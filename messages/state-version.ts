import { StarlingError } from '../core/base/errors.js';
import { protocolVersion } from './codec.js';

/**
 * State that another release wrote is refused as a whole, before any of it is read: in the state folder, in the bucket of a
 * cluster on somebody else's servers, in a store on disk. What is in a stream says its version record by record.
 *
 * @param found the version that it names; undefined: none, as in the first release.
 * @param where for people: a path, or what it is.
 * @throws StarlingError STATE_INVALID
 */
export function requireStateVersion(found: unknown, where: string): void {
  if (found === protocolVersion) return;
  const version = typeof found === 'number' ? found : 1;
  const age = version > protocolVersion ? 'a newer' : 'an older';
  throw new StarlingError(
    'STATE_INVALID',
    `${where} was written by ${age} release of Starling (version ${version}; this one reads ${protocolVersion}): ` +
      'start with a new --state folder, or run the release that wrote it.',
    { version: found, versionKnown: protocolVersion },
  );
}
