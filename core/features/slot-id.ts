import { createHash } from 'node:crypto';
import { StarlingError } from '../base/errors.js';

/**
 * The number of a slot, or of a dense column, made of its name alone: it stays what it is when other features are added,
 * removed or reordered, and is the same on every host, in a batch training from files and in the cluster that takes its
 * result over, without any of them asking another. Records that outlive a request name their slots by it.
 *
 * 32 bits: two names of a configuration with 100 features meet once in 900,000 configurations, and are refused then.
 */
export function slotIdOf(name: string): number {
  return idOf(`slot:${name}`);
}

export function columnIdOf(name: string): number {
  return idOf(`column:${name}`);
}

/** The first 4 bytes of a SHA-256, little-endian: computed once per feature, so it may be a good one. */
function idOf(text: string): number {
  return createHash('sha256').update(text).digest().readUInt32LE(0);
}

/** @throws StarlingError CONFIG_INVALID for two names with one id. */
export function requireDistinctIds(
  named: readonly { readonly name: string; readonly id: number }[],
): void {
  const names = new Map<number, string>();
  for (const { name, id } of named) {
    const other = names.get(id);
    if (other !== undefined) {
      throw new StarlingError(
        'CONFIG_INVALID',
        `features: "${other}" and "${name}" happen to have the same number (${id}); rename one of them.`,
        { field: 'features', names: [other, name] },
      );
    }
    names.set(id, name);
  }
}
