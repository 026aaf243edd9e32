import { StarlingError } from '../base/errors.js';
import { nameLengthMax } from './fields.js';

/**
 * The name of a cluster is its namespace on the servers it uses: subjects begin with it, streams and the bucket with its
 * capitals. Two clusters never meet as long as both ways of writing it are different, so it has no capitals (`shop` and
 * `Shop` would share SHOP_JOIN), and no `_`, which ends it in a stream's name.
 */
export const clusterNameDefault = 'starling';

/**
 * Streams of the default name have no prefix, and some are called by data center: a cluster named `raw` would have its
 * JOIN where the other has the RAW stream of a data center `join`. `kv` and `obj` begin the streams behind buckets.
 */
export const clusterNamesReserved: readonly string[] = [
  ...['raw', 'activity', 'deltas', 'dense', 'snapshots', 'features', 'settings'],
  ...['kv', 'obj'],
];

const clusterNamePattern = /^[a-z][a-z0-9-]*$/;
export const clusterNameExpected =
  `expected lower-case letters, digits and '-', a letter first, at most ${nameLengthMax}, and none of ` +
  `${clusterNamesReserved.join(', ')}; names that differ in case alone would share their streams`;

export function isClusterName(name: string): boolean {
  const isReserved = clusterNamesReserved.includes(name);
  return clusterNamePattern.test(name) && name.length <= nameLengthMax && !isReserved;
}

/**
 * For a name that did not come with a configuration.
 *
 * @param field where it stood.
 * @throws StarlingError BAD_REQUEST
 */
export function requireClusterName(name: string, field: string): void {
  if (isClusterName(name)) return;
  throw new StarlingError('BAD_REQUEST', `${field}: ${clusterNameExpected}; got "${name}".`, {
    field,
  });
}
