import type { ClusterConfig } from '../../core/config/schema.js';
import { parseClusterConfig } from '../../core/config/schema.js';
import { blueprintOf } from '../../core/blueprint/blueprint.js';
import { versionOf } from '../../core/blueprint/lineage.js';
import type { ClusterNames } from '../../messages/cluster-names.js';
import {
  configContentKey,
  configKey,
  decodeConfigContent,
  decodeConfigVersions,
} from '../../messages/config-versions.js';
import type { MemoryServers } from '../nats/memory-servers.js';

/**
 * The versions of the configuration as the bucket has them, for those who look on: who reads records of all versions reads them by the
 * newest, which is stored before anybody runs it.
 */
export class ConfigHistory {
  readonly #bucket;
  readonly #versions = new Map<number, ClusterConfig>();
  /** By the hash of their blueprint, the first version that had it. */
  readonly #shapes = new Map<string, number>();
  readonly #listeners: ((config: ClusterConfig) => void)[] = [];
  #newest: ClusterConfig;

  /** @param first also where the cluster keeps no versions of it. */
  constructor(servers: MemoryServers, names: ClusterNames, first: ClusterConfig) {
    this.#bucket = servers.bucket(names.bucket).bucket;
    this.#newest = first;
    this.#note(first);
    this.#bucket.onPut((key) => {
      if (key === configKey) this.#read();
    });
  }

  get newest(): ClusterConfig {
    return this.#newest;
  }

  get newestVersion(): number {
    return versionOf(this.#newest);
  }

  /** Those that there have been. */
  get versions(): readonly number[] {
    return [...this.#versions.keys()];
  }

  configOf(version: number): ClusterConfig {
    return this.#versions.get(version)!;
  }

  /** The first version whose records name this hash. */
  versionOfShape(hash: string): number | undefined {
    return this.#shapes.get(hash);
  }

  /** Hears of the newest, now and whenever there is another. */
  follow(listener: (config: ClusterConfig) => void): void {
    this.#listeners.push(listener);
    listener(this.#newest);
  }

  #read(): void {
    const listed = decodeConfigVersions(this.#bucket.get(configKey)!.bytes).at(-1)!;
    const content = this.#bucket.get(configContentKey(listed.hash))!.bytes;
    const config = parseClusterConfig(decodeConfigContent(content));
    if (versionOf(config) === this.newestVersion) return;
    this.#newest = config;
    this.#note(config);
    for (const listener of this.#listeners) listener(config);
  }

  #note(config: ClusterConfig): void {
    const version = versionOf(config);
    this.#versions.set(version, config);
    const { hash } = blueprintOf(config);
    if (!this.#shapes.has(hash)) this.#shapes.set(hash, version);
  }
}

/** As somebody wrote it, without what the cluster has noted itself. */
export function declaredOf(config: ClusterConfig): ClusterConfig {
  const entries = Object.entries(config).filter(([key]) => key !== 'lineage');
  return parseClusterConfig(Object.fromEntries(entries));
}
