import { setTimeout as sleep } from 'node:timers/promises';
import { operate } from '../client/operate.js';
import { codeOf, errorCodes, messageOf } from '../core/base/errors.js';
import type { ClusterConfig } from '../core/config/schema.js';
import { parseClusterConfig } from '../core/config/schema.js';
import type { Bus } from '../runtime/bus/bus.js';

/** What became of a change of the configuration in the middle of all else. */
export interface ConfigFigures {
  /** Rollouts that came to their end, and how long they took, milliseconds. */
  readonly rolloutsMs: number[];
  /** What the others ended with. */
  readonly failures: string[];
}

/** Of a version that the cluster was told of: the next leader goes on with it. Too low: a busy machine is given up on. */
const rolloutMsMax = 240_000;
const againMs = 1_000;

/** Two that come, one that people tell of and one that is kept of them, and all others in another order. */
const coming = {
  toldInChaos: { entity: 'user', kind: 'id' },
  doneInChaos: { entity: 'item', kind: 'count' },
} as const;

function changedForChaos(config: ClusterConfig): ClusterConfig {
  const others = Object.entries(config.features).toReversed();
  return parseClusterConfig({
    ...config,
    features: { ...coming, ...Object.fromEntries(others) },
  });
}

export interface ChangeOptions {
  /** Of an administrator. */
  readonly admin: Bus;
  /** That the cluster was started with. */
  readonly config: ClusterConfig;
  readonly figures: ConfigFigures;
  /** Resolves when the rollback may begin. */
  readonly untilBack: () => Promise<void>;
  readonly log: (line: string) => void;
}

/** Another configuration is rolled out, and that of before again. */
export async function changeAndGoBack(options: ChangeOptions): Promise<void> {
  const { config, untilBack, log } = options;
  const version = await asked(options, { to: JSON.stringify(changedForChaos(config)), allowed: [] }); // prettier-ignore
  if (version === undefined) return;
  log(`configuration: version ${version} is applied`);
  await untilBack();
  const allowed = Object.keys(coming);
  const back = await asked(options, { to: version - 1, allowed });
  if (back !== undefined) log(`configuration: version ${back} is that of before`);
}

/** Says it again while whoever leads is lost over it; said twice it is done once. */
async function asked(
  { admin, figures }: ChangeOptions,
  request: { readonly to: string | number; readonly allowed: readonly string[] },
): Promise<number | undefined> {
  const startMs = performance.now();
  for (;;) {
    try {
      const { version } = await operate(admin, 'config', request, () => undefined);
      figures.rolloutsMs.push(performance.now() - startMs);
      return Number(version);
    } catch (error) {
      const code = codeOf(error);
      const isOver = performance.now() - startMs > rolloutMsMax;
      if (isOver || !errorCodes[code].retryable) {
        figures.failures.push(`${code}: ${messageOf(error)}`);
        return undefined;
      }
      await sleep(againMs);
    }
  }
}
