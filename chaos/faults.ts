import { setTimeout as sleep } from 'node:timers/promises';
import type { Fleet, LiveProcess } from './fleet.js';
import type { MachineNetwork } from './network.js';
import type { Fault } from './schedule.js';
import type { Victim } from './victims.js';

/** Between two looks whether something of a lost data center has come back. */
const lossLookMs = 100;

/** What faults are done to. */
export interface Ground {
  readonly fleet: Fleet;
  /** Absent: the hosts share this machine's network. */
  readonly network?: MachineNetwork | undefined;
}

/** Does what the fault says; resolves when it is over: at once after a kill, after a while otherwise. */
export async function carryOut(fault: Fault, victim: Victim, ground: Ground): Promise<void> {
  const { what, lastsMs } = fault;
  if (what === 'kill') return signalAll(victim.processes, 'SIGKILL');
  if (what === 'loss') return lose(victim.dataCenter, lastsMs, ground.fleet);
  if (what !== 'pause') return disturb(fault, victim.name, ground);
  signalAll(victim.processes, 'SIGSTOP');
  await sleep(lastsMs);
  signalAll(victim.processes, 'SIGCONT');
}

async function disturb(
  { what, pick, lastsMs }: Fault,
  name: string,
  { fleet, network }: Ground,
): Promise<void> {
  const others = fleet.hosts.filter((each) => each !== name);
  const other = others[Math.floor(pick * 1_000) % others.length]!;
  const change = async (on: boolean): Promise<void> => {
    if (what === 'cut') await network?.cut(name, on);
    else if (what === 'block') await network?.block(name, other, on);
    else await network?.slow(name, on);
  };
  await change(true);
  try {
    await sleep(lastsMs);
  } finally {
    await change(false);
  }
}

/** Whatever is there ends, and nothing comes back before the time is over: servers would by themselves. */
async function lose(dataCenter: string, ms: number, fleet: Fleet): Promise<void> {
  const endMs = performance.now() + ms;
  fleet.hold(dataCenter, true);
  try {
    while (performance.now() < endMs) {
      const there = fleet.processes().filter((each) => each.dataCenter === dataCenter);
      // Hosts first, so that they do not start again what is ended next.
      signalAll([...there].sort(hostsFirst), 'SIGKILL');
      await sleep(lossLookMs);
    }
  } finally {
    fleet.hold(dataCenter, false);
  }
}

function hostsFirst(a: LiveProcess, b: LiveProcess): number {
  return Number(b.kind === 'host') - Number(a.kind === 'host');
}

function signalAll(processes: readonly LiveProcess[], signal: NodeJS.Signals): void {
  for (const { pid } of processes) {
    try {
      process.kill(pid, signal);
    } catch {
      // It is gone already, by an earlier fault or by its supervisor.
    }
  }
}
