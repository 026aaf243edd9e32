import { StarlingError } from '../../core/base/errors.js';
import { succeeding, versionOf } from '../../core/blueprint/lineage.js';
import { changesBetween } from '../../core/blueprint/network-change.js';
import type { ConfigChange } from '../../core/config/plan/change.js';
import { continued, forgottenBy } from '../../core/config/plan/plan.js';
import type { ClusterConfig } from '../../core/config/schema.js';

export interface NextConfig {
  /** None: it says what is so already. */
  readonly changes: readonly ConfigChange[];
  /** The new version, with what its actors have to know of those before; the one before where nothing changes. */
  readonly config: ClusterConfig;
  readonly version: number;
}

/** What would come of a configuration in a cluster that has another one. */
export function changesTo(before: ClusterConfig, given: ClusterConfig): readonly ConfigChange[] {
  return changesBetween(before, continued(before, given));
}

/**
 * The version that follows.
 *
 * @param allowed names of what may be forgotten.
 * @throws StarlingError CHANGE_REFUSED for what is impossible, or forgets what nobody has allowed.
 */
export function nextConfig(
  before: ClusterConfig,
  given: ClusterConfig,
  allowed: readonly string[],
): NextConfig {
  const after = continued(before, given);
  const changes = changesBetween(before, after);
  if (changes.length === 0) return { changes, config: before, version: versionOf(before) };
  refuseChanges(changes);
  refuseForgetting(changes, allowed);
  const config = succeeding(before, after, changes);
  return { changes, config, version: versionOf(config) };
}

/** @throws StarlingError CHANGE_REFUSED for what is impossible. */
export function refuseChanges(changes: readonly ConfigChange[]): void {
  const impossible = changes.filter(({ effect }) => effect === 'impossible');
  if (impossible.length > 0)
    throw refusal('this cluster can not become what the configuration says', impossible);
}

function refuseForgetting(changes: readonly ConfigChange[], allowed: readonly string[]): void {
  const forgotten = forgottenBy(changes).filter((name) => !allowed.includes(name));
  const unasked = changes.filter(({ forgets }) => forgotten.includes(forgets ?? ''));
  if (forgotten.length === 0) return;
  const flag = `--allow ${forgotten.map((name) => `forget:${name}`).join(',')}`;
  throw refusal(
    `the configuration forgets what was learned; ${flag} if it may`,
    unasked,
    forgotten,
  );
}

function refusal(
  what: string,
  changes: readonly ConfigChange[],
  forgets: readonly string[] = [],
): StarlingError {
  const lines = changes.map(({ path, why }) => `${path}: ${why}`);
  return new StarlingError('CHANGE_REFUSED', [`${what}:`, ...lines].join('\n'), {
    fields: changes.map(({ path }) => path),
    forgets,
  });
}
