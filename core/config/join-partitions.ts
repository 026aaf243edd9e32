import type { ClusterConfig } from './schema.js';

/** Parts that people are divided into for the join. They are for ever; joiners share them, and may become more or fewer. */
export function joinPartitions({
  actors,
  joining,
}: {
  readonly actors: Pick<ClusterConfig['actors'], 'joiner'>;
  readonly joining: Pick<ClusterConfig['joining'], 'partitions'>;
}): number {
  return joining.partitions ?? actors.joiner;
}
