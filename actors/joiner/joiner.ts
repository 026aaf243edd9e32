import { joinPartitions } from '../../core/config/join-partitions.js';
import { JoinDirectory } from '../../replication/join-directory.js';
import type { Actor, ActorContext } from '../../runtime/actor.js';
import { HeldPartitions } from './held-partitions.js';
import { JoinPartition } from './join-partition.js';
import { joinerStats } from './joiner-stats.js';

/** Joins what the people of its partitions do; which ones those are may change while it runs. */
export function createJoiner(context: ActorContext): Actor<'joiner'> {
  const { bus, config } = context;
  let directory: JoinDirectory | undefined;
  let held: HeldPartitions | undefined;
  return {
    async start() {
      directory = await JoinDirectory.open(bus);
      held = new HeldPartitions({
        ...{ context, directory, partitions: joinPartitions(config) },
        begin: (partition) => JoinPartition.begin(context, partition),
      });
      await held.start();
    },
    async stop() {
      // Undefined where the start failed.
      await held?.stop();
      await directory?.stop();
    },
    // Asked for figures from the first moment on.
    stats: () => held && joinerStats(config, held.figures, held.batchesBefore),
  };
}
