import { StorageType, type JetStreamManager } from 'nats';

/** What an account keeps on disk. */
export interface StoredStreams {
  /** Those whose servers have answered; a data center that is away has none here. */
  readonly streams: readonly StoredStream[];
  /** What all of them may take together, where the account has a limit. That of a server it does not know. */
  readonly bytesMax: number | undefined;
}

export interface StoredStream {
  readonly name: string;
  /** The cluster of servers that it is on, with us a data center; undefined where servers have no clusters. */
  readonly cluster: string | undefined;
  /** On disk, with all copies. */
  readonly bytes: number;
  /** A longer message is refused; -1 where none is too long. */
  readonly messageBytesMax: number;
}

/** Of the whole account: who shares it shares the limits. */
export async function storedStreams(manager: JetStreamManager): Promise<StoredStreams> {
  const { limits } = await manager.getAccountInfo();
  const streams: StoredStream[] = [];
  for await (const { config, state, cluster } of manager.streams.list()) {
    streams.push({
      name: config.name,
      cluster: cluster?.name ?? config.placement?.cluster,
      bytes: config.storage === StorageType.File ? state.bytes * config.num_replicas : 0,
      messageBytesMax: config.max_msg_size,
    });
  }
  return { streams, bytesMax: limits.max_storage > 0 ? limits.max_storage : undefined };
}
