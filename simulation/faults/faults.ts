import { every } from '../../core/base/clock.js';
import { answersRequests } from '../../core/config/data-centers.js';
import type { SimulatedCluster } from '../cluster/simulated-cluster.js';
import type { Operator } from '../cluster/operator.js';
import type { Connection } from '../nats/memory-servers.js';
import type { SharedFate } from '../hosts/shared-fate.js';
import type { SimulatedProcess } from '../time/simulated-process.js';
import { Ambush } from './ambush.js';
import type { Fault, FaultKind } from './fault.js';

/** What a fault does, and how it ends; undefined where there is nobody whom it could hit. */
type Effect = (
  fault: Fault,
  cluster: SimulatedCluster,
  operator: Operator,
  ambush: Ambush,
) => Ended | undefined;
type Ended = () => void;

const over: Ended = () => undefined;

/** Shards that are asked for: at both ends so many as can't be. */
const shardsMin = 1;
const shardsMax = 5;
/** One more than there may be partitions. */
const joinersMax = 4;
/** Further, and most events would be too late to be learned from. */
const clockJumpMsMax = 2_000;
const windowsLostShare = 0.5;
/** Of connections that stall: as an owner writes to his log, which is to refuse it when it comes. */
const ownersStalledShare = 0.6;
/** Milliseconds: a start takes less. */
const hangsAfterMsMax = 1_000;
/** Longer than a supervisor waits for one that has said that it failed. */
const leaveMsMax = 8_000;
const restoreAgoMsMax = 60_000;
/** Of those who are to be forgotten, so many never come again. */
const leaversShare = 0.7;
const usersKnown = 20;
/** Of what dies each time: before it is ready, or soon after. */
const crashEveryMs = { from: 50, more: 700 } as const;
/** Of the servers that go, so many do not go alone. */
const startWithoutShare = 0.4;
/** Of those who start slowly: nobody else has as much to read. */
const joinersSlowShare = 0.5;
/** Of them, so many are to end before they have begun. */
const stoppedSlowShare = 0.4;
/** Milliseconds: a process runs by then, and waits for its server. */
const stopsAfterMs = 700;

const pauseHost: Effect = ({ target, other }, cluster) => {
  const host = oneOf(cluster.hosts, target);
  const process = host?.process;
  process?.pause();
  return (
    process &&
    (() => {
      // Somebody has seen that it hangs, and has it started anew: it hears of that when it goes on, behind all else.
      if (other < 0.3 && host.process === process) host.stop();
      process.resume();
    })
  );
};

const effects: { readonly [K in FaultKind]: Effect } = {
  'kill actor': ({ target }, cluster) => {
    const actor = oneOf(actorsOf(cluster), target);
    actor?.kill();
    return actor && over;
  },
  'kill joining': ({ target }, cluster) => {
    const actor = oneOf(
      actorsOf(cluster).filter(({ address }) => /\.(joiner|processor)\./.test(address)),
      target,
    );
    actor?.kill();
    return actor && over;
  },
  'lose window': ({ target }, cluster) => {
    const joiners = cluster.hosts.flatMap((host) =>
      host.actors
        .filter(({ address }) => address.includes('.joiner.'))
        .map((actor) => [host, actor] as const),
    );
    const [host, actor] = oneOf(joiners, target) ?? [];
    host?.disk.loseWindows();
    actor?.kill();
    return actor && over;
  },
  'crash loop': ({ target, other }, cluster) => {
    const address = oneOf(actorsOf(cluster), target)?.address;
    if (address === undefined) return undefined;
    const killIt = (): void => {
      for (const actor of actorsOf(cluster)) if (actor.address === address) actor.kill();
    };
    return every(cluster.time, crashEveryMs.from + crashEveryMs.more * other, killIt);
  },
  'hang start': ({ target, other }, cluster) => {
    const host = oneOf(cluster.hosts, target)!;
    let hung: SharedFate | undefined;
    host.onStart = ({ process, fate }) => {
      host.onStart = undefined;
      hung = fate;
      process.after(hangsAfterMsMax * other, () => fate.pause());
    };
    return () => {
      host.onStart = undefined;
      hung?.resume();
    };
  },
  'slow start': ({ target, other, atMs, forMs }, cluster) => {
    const all = actorsOf(cluster);
    const joiners = all.filter(({ address }) => address.includes('.joiner.'));
    const actor = oneOf(other < joinersSlowShare ? joiners : all, target);
    if (!actor) return undefined;
    actor.kill();
    const isNext = ({ process }: Connection): boolean => {
      if (process.name !== actor.address || process === actor.process) return false;
      const host = cluster.hosts.find(({ actors }) =>
        actors.some((each) => each.process === process),
      );
      if ((2 * other) % 1 < stoppedSlowShare) process.after(stopsAfterMs, () => host?.stop());
      return true;
    };
    return stallNext(cluster, isNext, atMs + forMs);
  },
  'hang exit': ({ target, other }, cluster) => {
    const host = oneOf(cluster.hosts, target)!;
    host.leaveMs = leaveMsMax * other;
    return () => (host.leaveMs = 0);
  },
  'pause actor': ({ target }, cluster) => {
    const actor = oneOf(actorsOf(cluster), target);
    actor?.fate.pause();
    return actor && (() => actor.fate.resume());
  },
  'crash host': ({ target }, cluster) => {
    const host = oneOf(cluster.hosts, target);
    host?.crash();
    return host && over;
  },
  'stop host': ({ target }, cluster) => {
    const host = oneOf(cluster.hosts, target);
    host?.stop();
    return host && over;
  },
  'kill supervisor': ({ target }, cluster) => {
    const host = oneOf(cluster.hosts, target);
    host?.killSupervisor();
    return host && over;
  },
  'lose host': ({ target, other }, cluster) => {
    const host = oneOf(cluster.hosts, target);
    host?.crash(true);
    // The windows of its joiners are on another disk than the rest.
    if (other < windowsLostShare) host?.disk.loseWindows();
    return host && (() => host.start());
  },
  'pause host': pauseHost,
  'freeze host': pauseHost,
  'freeze machine': ({ target }, cluster) => {
    const { process, actors } = oneOf(cluster.hosts, target)!;
    const frozen = [...actors.map((actor) => actor.process), ...(process ? [process] : [])];
    for (const each of frozen) each.pause();
    return () => {
      for (const each of frozen) each.resume();
    };
  },
  'kill server': ({ target, other }, cluster) => {
    const dataCenter = oneOf(cluster.servers.dataCenters, target)!;
    cluster.servers.stop(dataCenter);
    startWithout(cluster, dataCenter, other);
    return () => cluster.servers.start(dataCenter);
  },
  'hang server': ({ target, other }, cluster) => {
    const dataCenter = oneOf(cluster.servers.dataCenters, target)!;
    cluster.servers.hang(dataCenter);
    startWithout(cluster, dataCenter, other);
    return () => cluster.servers.wake(dataCenter);
  },
  'lose data center': ({ target }, cluster) => {
    const dataCenter = oneOf(cluster.servers.dataCenters, target)!;
    cluster.servers.stop(dataCenter);
    const gone = cluster.hosts.filter(({ dataCenters }) =>
      dataCenters.every((each) => each === dataCenter),
    );
    for (const host of gone) host.crash(true);
    for (const actor of actorsOf(cluster))
      if (actor.address.startsWith(`${dataCenter}.`)) actor.kill();
    return () => {
      cluster.servers.start(dataCenter);
      for (const host of gone) host.start();
    };
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
  ambush: ({ target, other }, cluster, _operator, ambush) => {
    const kind = oneOf(ambush.kinds, target);
    if (kind === undefined) return undefined;
    let caught: Ended = over;
    const how = (2 * other) % 1;
    const isNew = other < 0.5;
    ambush.lay(kind, isNew, ({ process }) => (caught = strike(process, cluster, how)));
    return () => {
      ambush.lift(kind);
      caught();
    };
  },
  'break connection': ({ target }, { servers }) => {
    const connection = oneOf(servers.connections, target);
    if (connection) servers.interrupt(connection);
    return connection && over;
  },
  'stall connection': ({ target, other, atMs, forMs }, cluster) => {
    const { servers } = cluster;
    const isOfOwner = (_asker: Connection, what: string): boolean => what.includes('.deltas.rows.');
    if (other < ownersStalledShare) return stallNext(cluster, isOfOwner, atMs + forMs);
    const actors = new Set(actorsOf(cluster).map(({ process }) => process));
    const connections = servers.connections.filter(({ process }) => actors.has(process));
    const connection = oneOf(connections, target);
    if (connection) servers.stall(connection, forMs);
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
  'read stale': ({ target, other }, { servers }) => {
    servers.staleReads = { share: 0.1 + 0.8 * target, behindMsMax: 10 + 2_000 * other ** 2 };
    return () => (servers.staleReads = undefined);
  },
  'set clock': ({ target, other }, { hosts }) => {
    oneOf(hosts, target)!.setClock((other - 0.5) * 2 * clockJumpMsMax);
    return over;
  },
  'scale shards': ({ target }, _cluster, operator) => {
    operator.scale(shardsMin + Math.floor(target * (shardsMax - shardsMin + 1)));
    return over;
  },
  'take snapshot': (_fault, _cluster, operator) => {
    void operator.snapshot();
    return over;
  },
  'restore rows': ({ target, other }, _cluster, operator) => {
    if (other < 0.5) operator.restore(restoreAgoMsMax * target);
    else void operator.restoreNewest();
    return over;
  },
  'drain data center': ({ target }, cluster, operator) => {
    const inference = cluster.config.dataCenters.filter(answersRequests);
    const { name } = oneOf(inference, target)!;
    operator.drain(name);
    return () => operator.undrain(name);
  },
  'scale joiners': ({ target }, _cluster, operator) => {
    operator.scaleJoiners(1 + Math.floor(target * joinersMax));
    return over;
  },
  'erase person': ({ target, other }, _cluster, { leavers }) => {
    if (other < leaversShare) leavers.leave();
    else leavers.forget(`u${Math.floor(target * usersKnown)}`);
    return over;
  },
  'change configuration': ({ target, other }, _cluster, { configs }) =>
    configs.change(target, other) ? over : undefined,
  'roll back configuration': ({ target }, _cluster, { configs }) =>
    configs.rollBack(target) ? over : undefined,
};

/** Breaks what a schedule says, when it says so. */
export class Faults {
  /** How often each kind has hit somebody. */
  readonly counts = new Map<FaultKind, number>();

  constructor(cluster: SimulatedCluster, operator: Operator, schedule: readonly Fault[]) {
    const { time, servers } = cluster;
    const ambush = new Ambush(servers);
    for (const fault of schedule) {
      time.at(fault.atMs, undefined, () => {
        const ended = effects[fault.kind](fault, cluster, operator, ambush);
        servers.note(ended ? `fault: ${fault.kind}` : `fault that hits nobody: ${fault.kind}`);
        if (!ended) return;
        this.counts.set(fault.kind, (this.counts.get(fault.kind) ?? 0) + 1);
        time.at(fault.atMs + fault.forMs, undefined, ended);
      });
    }
  }
}

/**
 * What takes a server takes others along: actors of a machine that is next to it have to start without it, and some are to
 * end before they are ready.
 */
function startWithout({ hosts, time }: SimulatedCluster, dataCenter: string, chance: number): void {
  if (chance >= startWithoutShare) return;
  const how = chance / startWithoutShare;
  const near = hosts.filter(({ dataCenters }) => dataCenters.includes(dataCenter));
  const host = oneOf(near, (2 * how) % 1);
  if (!host) return;
  for (const actor of host.actors) actor.kill();
  if (how < 0.5) time.at(time.nowMs + stopsAfterMs, undefined, () => host.stop());
}

/** Whatever he who asks for it next sends, from that on, arrives at a moment and not before. */
function stallNext(
  { servers, time }: SimulatedCluster,
  isIt: (asker: Connection, what: string) => boolean,
  untilMs: number,
): Ended {
  const hear = (asker: Connection, what: string): void => {
    if (!isIt(asker, what)) return;
    servers.onAsking.delete(hear);
    servers.stall(asker, untilMs - time.nowMs);
  };
  servers.onAsking.add(hear);
  return () => void servers.onAsking.delete(hear);
}

/** What befalls who was caught; people are left in peace. */
function strike(process: SimulatedProcess, cluster: SimulatedCluster, how: number): Ended {
  const host = cluster.hosts.find((each) => each.process === process);
  const actor = actorsOf(cluster).find((each) => each.process === process);
  if (!host && !actor) return over;
  const it = actor?.fate ?? process;
  if (how < 0.3) {
    it.pause();
    return () => it.resume();
  }
  if (host && how < 0.6) host.stop();
  else if (host && how < 0.8) host.crash();
  else it.kill();
  return over;
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
