import type { LiveProcess } from './fleet.js';
import type { Fault } from './schedule.js';

export interface Victim {
  /** An address, a host, a server's data center, or a data center. */
  readonly name: string;
  readonly dataCenter: string;
  readonly processes: readonly LiveProcess[];
}

/** Who a fault meets now; nobody where none of its kind is alive. */
export function victimOf(
  { target, pick }: Pick<Fault, 'target' | 'pick'>,
  processes: readonly LiveProcess[],
  leader: string,
): Victim | undefined {
  const victims = victimsOf(target, processes, leader);
  return victims[Math.floor(pick * victims.length)];
}

function victimsOf(
  target: Fault['target'],
  processes: readonly LiveProcess[],
  leader: string,
): Victim[] {
  if (target === 'data-center') {
    const names = [...new Set(processes.map(({ dataCenter }) => dataCenter))].sort();
    return names.map((name) => ({
      name,
      dataCenter: name,
      processes: processes.filter(({ dataCenter }) => dataCenter === name),
    }));
  }
  const one = (each: LiveProcess): boolean =>
    (target === 'link' && each.kind === 'host') ||
    (target === 'leader' ? each.kind === 'host' && each.name === leader : each.kind === target);
  // What is done to a process is done to all actors in it.
  return processes.filter(one).map((each) => ({
    ...{ name: each.name, dataCenter: each.dataCenter },
    processes: [each, ...processes.filter((other) => other !== each && other.pid === each.pid)],
  }));
}
