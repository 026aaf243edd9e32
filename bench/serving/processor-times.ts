import type { RunningCluster } from '../../cluster/cluster.js';
import { processMs } from '../../runtime/os/process-times.js';

/** Milliseconds of processor time so far, by kind of actor, or kinds where one process has several; `nats-server` of all servers together. */
export type ProcessorTimes = ReadonlyMap<string, number>;

export function processorTimes(cluster: RunningCluster): ProcessorTimes {
  const { actors, natsServers } = cluster.status();
  const times = new Map<string, number>();
  const add = (kind: string, pid: number | null | undefined): void => {
    if (pid) times.set(kind, (times.get(kind) ?? 0) + processMs(pid));
  };
  const kindsOf = new Map<number, Set<string>>();
  for (const { kind, pid } of actors)
    if (pid !== null) kindsOf.set(pid, (kindsOf.get(pid) ?? new Set<string>()).add(kind));
  // Each process once, whoever is in it.
  for (const [pid, kinds] of kindsOf) add([...kinds].sort().join('+'), pid);
  for (const { pid } of natsServers) add('nats-server', pid);
  return times;
}
