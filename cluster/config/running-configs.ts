import { StarlingError, codeOf, messageOf } from '../../core/base/errors.js';
import type { ClusterConfig } from '../../core/config/schema.js';
import type { Rollout } from '../../messages/rollouts.js';
import { decodeRollout, encodeRollout, rolloutKey } from '../../messages/rollouts.js';
import type { RecordBus, RecordKind } from '../../replication/fenced-record.js';
import { FencedRecords } from '../../replication/fenced-record.js';
import type { Bus } from '../../runtime/bus/bus.js';
import { retried } from '../../runtime/retry-read.js';
import type { Stoppable } from '../../runtime/stoppable.js';
import { configVersions, storedConfig } from './config-versions.js';

const rollouts: RecordKind<'rollout', Rollout> = {
  pattern: rolloutKey,
  keyOf: () => rolloutKey,
  idOf: () => 'rollout',
  encode: encodeRollout,
  decode: decodeRollout,
  termOf: ({ term }) => term,
  overText: (_id, term, newest) =>
    `term ${term} is over: a leader of term ${newest} changes configurations now.`,
};

/**
 * All actors run a version from now on: of a cluster that nobody runs, so that nobody has to be changed over.
 */
export async function noteRunning(
  bus: Pick<Bus, 'names' | 'bucketEntry' | 'bucketPut'>,
  dataCenters: readonly { readonly name: string }[],
  version: number,
): Promise<void> {
  const { bucket } = bus.names;
  const entry = await bus.bucketEntry(bucket, rolloutKey);
  const { term = 0, drained = [] } = entry ? decodeRollout(entry.bytes) : {};
  const versions = Object.fromEntries(dataCenters.map(({ name }) => [name, version]));
  await bus.bucketPut(bucket, rolloutKey, encodeRollout({ term, versions, stopped: [], drained }));
}

export interface RunningConfigsOptions {
  readonly bus: RecordBus & Pick<Bus, 'bucketGet' | 'clock' | 'random'>;
  /** What this host was started with. */
  readonly started: { readonly version: number; readonly config: ClusterConfig };
  /** A configuration as it is on these servers. */
  readonly here: (config: ClusterConfig) => ClusterConfig;
  readonly log: (line: string) => void;
}

/**
 * The configurations that the actors of each data center run, as the leader says. A host learns of a version before it follows it, so
 * whoever starts an actor has what it needs; while the bucket is away, actors go on with what they have.
 */
export class RunningConfigs implements Stoppable {
  readonly #options: RunningConfigsOptions;
  readonly #records: FencedRecords<'rollout', Rollout>;
  readonly #known = new Map<number, ClusterConfig>();
  readonly #listeners = new Set<() => void>();
  #rollout: Rollout | undefined;
  #following: Promise<void> = Promise.resolve();
  #stopped = false;

  private constructor(options: RunningConfigsOptions) {
    this.#options = options;
    this.#records = new FencedRecords(options.bus, rollouts);
    this.#known.set(options.started.version, options.started.config);
  }

  static async open(options: RunningConfigsOptions): Promise<RunningConfigs> {
    const configs = new RunningConfigs(options);
    configs.#records.onChange((_id, rollout) => configs.#follow(rollout));
    await configs.#records.watch(options.bus);
    await configs.#following;
    return configs;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#listeners.clear();
    await this.#records.stop();
    await this.#following;
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** What is followed; undefined before there is any. */
  get rollout(): Rollout | undefined {
    return this.#rollout;
  }

  versionIn(dataCenter: string): number {
    return this.#rollout?.versions[dataCenter] ?? this.#options.started.version;
  }

  configIn(dataCenter: string): ClusterConfig {
    const { started, here } = this.#options;
    return here(this.#known.get(this.versionIn(dataCenter)) ?? started.config);
  }

  isStopped(dataCenter: string): boolean {
    return this.#rollout?.stopped.includes(dataCenter) === true;
  }

  /** For the leader. @throws StarlingError FENCED when a leader of a newer term has written. */
  async write(next: Rollout): Promise<void> {
    await this.#records.write('rollout', next);
    await this.#following;
  }

  #follow(rollout: Rollout): void {
    this.#following = this.#following
      .then(() => this.#take(rollout))
      .catch((error: unknown) =>
        this.#options.log(
          `a change of the configuration can't be followed: ${codeOf(error)}: ${messageOf(error)}`,
        ),
      );
  }

  async #take(rollout: Rollout): Promise<void> {
    if (this.#stopped) return;
    for (const version of new Set(Object.values(rollout.versions)))
      if (!this.#known.has(version)) this.#known.set(version, await this.#read(version));
    this.#rollout = rollout;
    for (const listener of this.#listeners) listener();
  }

  async #read(version: number): Promise<ClusterConfig> {
    const { bus } = this.#options;
    return retried(bus, async () => {
      const listed = (await configVersions(bus)).find((each) => each.version === version);
      if (listed) return (await storedConfig(bus, listed)).config;
      throw new StarlingError(
        'STATE_INVALID',
        `there is no version ${version} of the configuration.`,
      );
    });
  }
}
