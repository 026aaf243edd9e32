import { setTimeout as sleep } from 'node:timers/promises';

/** Calls of so long, and pauses in which engines finish the code that was asked for, before turns count. */
const warm = { rounds: 3, callsMs: 100, pauseMs: 200 };

/** Milliseconds of processor time, by call: the lower quartile; who was interrupted says nothing. */
export async function inTurns(turns: number, calls: readonly (() => unknown)[]): Promise<number[]> {
  const times = calls.map((): number[] => []);
  for (let round = 0; round < warm.rounds; round++) {
    for (const start = process.cpuUsage(); millisecondsSince(start) < warm.callsMs;)
      for (const call of calls) call();
    await sleep(warm.pauseMs);
  }
  for (let turn = 0; turn < turns; turn++)
    calls.forEach((call, i) => {
      const before = process.cpuUsage();
      call();
      times[i]!.push(millisecondsSince(before));
    });
  return times.map((each) => each.sort((a, b) => a - b)[each.length >> 2]!);
}

function millisecondsSince(start: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1000;
}

/** To three digits. */
export function rounded(value: number): number {
  return Number(value.toPrecision(3));
}
