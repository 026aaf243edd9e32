import type { ClusterStatus } from '../client/cluster-status.js';
import type { Fault } from './schedule.js';

export interface Victim {
  /** An address, a server's data center, or a data center. */
  readonly name: string;
  readonly pids: readonly number[];
}

/** Who a fault meets now; nobody where none of its kind is alive. */
export function victimOf({ target, pick }: Fault, status: ClusterStatus): Victim | undefined {
  const victims = victimsOf(target, status);
  return victims[Math.floor(pick * victims.length)];
}

function victimsOf(target: Fault['target'], status: ClusterStatus): Victim[] {
  const { actors, natsServers, dataCenters } = status;
  if (target === 'nats-server')
    return natsServers.flatMap(({ dataCenter, pid }) =>
      pid === null ? [] : [{ name: `nats-server of ${dataCenter}`, pids: [pid] }],
    );
  if (target === 'data-center')
    return dataCenters
      .filter(({ role }) => role === 'inference')
      .map(({ name }) => ({
        name,
        pids: [...actors, ...natsServers]
          .filter(({ dataCenter }) => dataCenter === name)
          .flatMap(({ pid }) => pid ?? []),
      }));
  return actors
    .filter(({ kind, pid, state }) => kind === target && pid !== null && state === 'ready')
    .map(({ address, pid }) => ({ name: address, pids: [pid!] }));
}
