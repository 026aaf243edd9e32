import { hostname } from 'node:os';
import { hostNameOf, hostNameRule, isHostName } from '../messages/host-name.js';
import type { Arguments, OptionHelp } from './command.js';
import { UsageError } from './command.js';

/** Of commands that make this machine a host. */
export const hostNameOption: OptionHelp = {
  name: 'name',
  value: 'NAME',
  text: 'of this machine in the cluster, one of its own (default its host name, with "-" for dots)',
};

/** @throws UsageError for a name that can't be one. */
export function hostNameFrom(args: Arguments): string {
  const given = args.value('name');
  if (given === undefined) return hostNameOf(hostname());
  if (isHostName(given)) return given;
  const near = given === '' ? '' : ` Such as ${hostNameOf(given)}.`;
  throw new UsageError(`--name: expected ${hostNameRule}; got "${given}".${near}`);
}
