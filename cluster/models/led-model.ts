import { firstIndexOf, type ModelIdentity } from '../../core/base/model-identity.js';
import { configOfModel, configOfMain } from '../../core/config/model-config.js';
import type { ClusterConfig } from '../../core/config/schema.js';
import { mainIdentity } from '../../core/base/model-identity.js';
import { identityOf, type ModelRecord } from '../../messages/models.js';
import type { PartitionDirectory } from '../../replication/partition-directory.js';

/** A model as the leader sees it: who owns its rows, and by what its actors are asked. */
export interface LedModel {
  readonly identity: ModelIdentity;
  readonly directory: PartitionDirectory;
  /** In each data center that answers. */
  readonly servingShards: number;
  /** Its rows are being taken from a snapshot. */
  readonly isFilling: boolean;
  /** What its actors have, where those of `main` have `config`. */
  readonly configOf: (config: ClusterConfig) => ClusterConfig;
}

export function ledMain(directory: PartitionDirectory, config: ClusterConfig): LedModel {
  return {
    identity: mainIdentity,
    directory,
    servingShards: config.actors['serving-shard'],
    isFilling: false,
    configOf: configOfMain,
  };
}

export function ledModel(directory: PartitionDirectory, record: ModelRecord): LedModel {
  const identity = identityOf(record);
  return {
    identity,
    directory,
    servingShards: record.counts['serving-shard'],
    isFilling: record.state === 'filling',
    configOf: (config) => configOfModel(config, identity, record.set),
  };
}

/** Partitions that are owned, by the index of the shard that owns them. */
export function ownedPartitions({ directory }: Pick<LedModel, 'directory'>): Map<number, number[]> {
  const partitionsOf = new Map<number, number[]>();
  for (const partition of directory.partitions) {
    const { owner } = directory.ownerOf(partition);
    partitionsOf.set(owner, [...(partitionsOf.get(owner) ?? []), partition]);
  }
  return partitionsOf;
}

/** Indices of the serving shards of each data center. */
export function servingIndices({
  identity,
  servingShards,
}: Pick<LedModel, 'identity' | 'servingShards'>): number[] {
  const first = firstIndexOf(identity);
  return Array.from({ length: servingShards }, (_unused, shard) => first + shard);
}
