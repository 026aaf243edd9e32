import { StarlingError, codeOf, messageOf } from '../../core/base/errors.js';
import { versionOf } from '../../core/blueprint/lineage.js';
import type { ConfigVersion } from '../../messages/config-versions.js';
import { configKey, decodeConfigVersions } from '../../messages/config-versions.js';
import type { ActorContext } from '../../runtime/actor.js';
import { retried } from '../../runtime/retry-read.js';

export type ConfiguredContext = Pick<ActorContext, 'config'> & {
  readonly bus: Pick<ActorContext['bus'], 'names' | 'bucketWatch' | 'clock' | 'random'>;
};

/**
 * To be asked before something is put aside for its specification. Whoever stood still while another configuration rolled out meets
 * what is of that one, and can't read it; the processes that follow can, so it is theirs. A configuration is stored before anything is
 * written with it, so a look at the versions there are now decides it.
 *
 * @throws StarlingError SPEC_MISMATCH where there is a newer configuration than that of this process, which is to end.
 */
export async function requireCurrent(
  { bus, config }: ConfiguredContext,
  error: unknown,
): Promise<void> {
  if (codeOf(error) !== 'SPEC_MISMATCH') return;
  const newest = (await configVersionsNow(bus)).at(-1)?.version ?? 0;
  const version = versionOf(config);
  if (newest <= version) return;
  const text = `${messageOf(error)} It runs version ${version} of the configuration, and the newest is ${newest}: it ends, and its host starts it with that one.`;
  throw new StarlingError('SPEC_MISMATCH', text, { version, newest }, { cause: error });
}

/** The newest last; by a watch, as all copies of the bucket but the one that leads may be behind. */
export function configVersionsNow(
  bus: ConfiguredContext['bus'],
): Promise<readonly ConfigVersion[]> {
  return retried(bus, async () => {
    let versions: readonly ConfigVersion[] = [];
    const watch = await bus.bucketWatch(bus.names.bucket, configKey, (_key, { bytes }) => {
      versions = decodeConfigVersions(bytes);
    });
    await watch.stop();
    return versions;
  });
}
