import type { Fleet, LiveProcess } from './fleet.js';
import type { Fault } from './schedule.js';
import type { Victim } from './victims.js';

/** Between two looks whether something of a lost data center has come back. */
const lossLookMs = 100;

/** Does what the fault says; resolves when it is over: at once after a kill, after a while otherwise. */
export async function carryOut(
  { what, lastsMs }: Fault,
  victim: Victim,
  fleet: Fleet,
): Promise<void> {
  if (what === 'kill') return signalAll(victim.processes, 'SIGKILL');
  if (what === 'loss') return lose(victim.dataCenter, lastsMs, fleet);
  signalAll(victim.processes, 'SIGSTOP');
  await sleep(lastsMs);
  signalAll(victim.processes, 'SIGCONT');
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

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)));
}
