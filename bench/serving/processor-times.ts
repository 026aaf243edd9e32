import { readFileSync } from 'node:fs';
import type { RunningCluster } from '../../cluster/cluster.js';

/** Milliseconds of processor time so far, by kind of actor, or kinds where one process has several; `nats-server` of all servers together. */
export type ProcessorTimes = ReadonlyMap<string, number>;

/** Of a tick of the kernel's books; the same on every Linux. */
const tickMs = 10;

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

/** 0 of a process that is gone, and where there is no /proc. */
export function processMs(pid: number): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return tickMs * (Number(fields[11]) + Number(fields[12]));
  } catch {
    return 0;
  }
}
