import { isZone } from '../importing/local-time.js';
import { UsageError } from './command.js';

/** What --timezone says. @throws UsageError for a name that no zone has. */
export function zoneOf(name: string | undefined): string | undefined {
  if (name === undefined || isZone(name)) return name;
  throw new UsageError(`--timezone: expected a name such as Europe/Berlin; got "${name}".`);
}
