import { firstIndexOf, modelNumberOf } from '../../core/base/model-identity.js';
import type { ClusterConfig } from '../../core/config/schema.js';
import type { ModelRecord } from '../../messages/models.js';
import { PartitionDirectory } from '../../replication/partition-directory.js';
import type { Bus } from '../../runtime/bus/bus.js';
import type { Stoppable } from '../../runtime/stoppable.js';
import { PartitionKeeper, type KeeperOptions } from '../partitions/partition-keeper.js';

export type ModelPartitionsOptions = Pick<
  KeeperOptions,
  'addressOf' | 'hostOf' | 'term' | 'record'
> & { readonly bus: Bus; readonly config: Pick<ClusterConfig, 'partitions' | 'standby'> };

/** The partitions of a model beside `main`: who owns them, and what becomes of them when a shard is lost. */
export class ModelPartitions implements Stoppable {
  readonly directory: PartitionDirectory;
  readonly keeper: PartitionKeeper;
  readonly #record: ModelRecord;

  private constructor(record: ModelRecord, directory: PartitionDirectory, keeper: PartitionKeeper) {
    this.#record = record;
    this.directory = directory;
    this.keeper = keeper;
  }

  static async open(
    record: ModelRecord,
    { bus, config, ...others }: ModelPartitionsOptions,
  ): Promise<ModelPartitions> {
    const directory = await PartitionDirectory.open(bus, record.name);
    const { partitions: partitionCount, standby } = config;
    const model = record.name;
    const keeper = new PartitionKeeper({
      ...{ bus, directory, partitionCount, standby, model },
      ...others,
    });
    return new ModelPartitions(record, directory, keeper);
  }

  get name(): string {
    return this.#record.name;
  }

  get shards(): number[] {
    const first = firstIndexOf(this.#record);
    const count = this.#record.counts['ps-shard'];
    return Array.from({ length: count }, (_unused, shard) => first + shard);
  }

  hasShard(index: number): boolean {
    return modelNumberOf(index) === this.#record.number;
  }

  stop(): Promise<void> {
    return this.directory.stop();
  }
}
