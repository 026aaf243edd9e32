import type { SimulatedCluster } from '../cluster/simulated-cluster.js';
import type { Operator } from '../cluster/operator.js';
import type { Fault, FaultKind } from './fault.js';

/** What a fault does, and how it ends; undefined where there is nobody whom it could hit. */
type Effect = (fault: Fault, cluster: SimulatedCluster, operator: Operator) => Ended | undefined;
type Ended = () => void;

const over: Ended = () => undefined;

/** Shards that are asked for. */
const shardsMin = 1;
const shardsMax = 3;
/** Further, and most events would be too late to be learned from. */
const clockJumpMsMax = 2_000;

const effects: { readonly [K in FaultKind]: Effect } = {
  'kill actor': ({ target }, cluster) => {
    const actor = oneOf(actorsOf(cluster), target);
    actor?.kill();
    return actor && over;
  },
  'pause actor': ({ target }, cluster) => {
    const actor = oneOf(actorsOf(cluster), target);
    actor?.process.pause();
    return actor && (() => actor.process.resume());
  },
  'crash host': ({ target }, cluster) => {
    const host = oneOf(cluster.hosts, target);
    host?.crash();
    return host && over;
  },
  'lose host': ({ target }, cluster) => {
    const host = oneOf(cluster.hosts, target);
    host?.crash(true);
    return host && (() => host.start());
  },
  'pause host': ({ target }, cluster) => {
    const process = oneOf(cluster.hosts, target)?.process;
    process?.pause();
    return process && (() => process.resume());
  },
  'kill server': ({ target }, { servers }) => {
    const dataCenter = oneOf(servers.dataCenters, target)!;
    servers.stop(dataCenter);
    return () => servers.start(dataCenter);
  },
  'hang server': ({ target }, { servers }) => {
    const dataCenter = oneOf(servers.dataCenters, target)!;
    servers.hang(dataCenter);
    return () => servers.wake(dataCenter);
  },
  'cut way': (fault, { network, servers }) => {
    const [from, to] = wayOf(fault, servers.dataCenters);
    network.cut(from, to);
    return () => network.heal(from, to);
  },
  'cut both ways': (fault, { network, servers }) => {
    const [a, b] = wayOf(fault, servers.dataCenters);
    network.cut(a, b);
    network.cut(b, a);
    return () => {
      network.heal(a, b);
      network.heal(b, a);
    };
  },
  'lose messages': ({ target }, { network }) => {
    network.weather = { lost: 0.02 + 0.4 * target ** 2, late: 0, lateMsMax: 0 };
    return () => (network.weather = undefined);
  },
  'delay messages': ({ target, other }, { network }) => {
    network.weather = { lost: 0, late: 0.02 + 0.3 * target, lateMsMax: 20 + 3_000 * other ** 3 };
    return () => (network.weather = undefined);
  },
  'lose answers': ({ target }, { servers }) => {
    servers.answersLost = 0.02 + 0.4 * target ** 2;
    return () => (servers.answersLost = 0);
  },
  'break connection': ({ target }, { servers }) => {
    const connection = oneOf(servers.connections, target);
    if (connection) servers.interrupt(connection);
    return connection && over;
  },
  'fill server': ({ target }, { servers }) => {
    const dataCenter = oneOf(servers.dataCenters, target)!;
    servers.setFull(dataCenter, true);
    return () => servers.setFull(dataCenter, false);
  },
  'fill disk': ({ target }, { hosts }) => {
    const { disk } = oneOf(hosts, target)!;
    disk.full = true;
    return () => (disk.full = false);
  },
  'set clock': ({ target, other }, { hosts }) => {
    oneOf(hosts, target)!.setClock((other - 0.5) * 2 * clockJumpMsMax);
    return over;
  },
  'scale shards': ({ target }, _cluster, operator) => {
    operator.scale(shardsMin + Math.floor(target * (shardsMax - shardsMin + 1)));
    return over;
  },
  'drain data center': ({ target }, cluster, operator) => {
    const inference = cluster.config.dataCenters.filter(({ role }) => role === 'inference');
    const { name } = oneOf(inference, target)!;
    operator.drain(name);
    return () => operator.undrain(name);
  },
};

/** Breaks what a schedule says, when it says so. */
export class Faults {
  /** How often each kind has hit somebody. */
  readonly counts = new Map<FaultKind, number>();

  constructor(cluster: SimulatedCluster, operator: Operator, schedule: readonly Fault[]) {
    const { time, servers } = cluster;
    for (const fault of schedule) {
      time.at(fault.atMs, undefined, () => {
        const ended = effects[fault.kind](fault, cluster, operator);
        servers.note(ended ? `fault: ${fault.kind}` : `fault that hits nobody: ${fault.kind}`);
        if (!ended) return;
        this.counts.set(fault.kind, (this.counts.get(fault.kind) ?? 0) + 1);
        time.at(fault.atMs + fault.forMs, undefined, ended);
      });
    }
  }
}

function actorsOf({ hosts }: SimulatedCluster) {
  return hosts.flatMap(({ actors }) => actors);
}

function oneOf<T>(all: readonly T[], target: number): T | undefined {
  return all[Math.floor(target * all.length)];
}

function wayOf({ target, other }: Fault, dataCenters: readonly string[]): [string, string] {
  const from = oneOf(dataCenters, target)!;
  const others = dataCenters.filter((name) => name !== from);
  return [from, oneOf(others, other)!];
}
