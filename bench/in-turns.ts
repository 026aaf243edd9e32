/** Before turns count. Too low: code is not compiled yet, which engines do beside. */
const warmMs = 300;

/** Milliseconds of processor time, by call: the lower quartile, after some turns to warm up; who was interrupted says nothing. */
export function inTurns(turns: number, calls: readonly (() => unknown)[]): number[] {
  const times = calls.map((): number[] => []);
  const start = process.cpuUsage();
  for (let turn = 0; turn < turns / 4 || millisecondsSince(start) < warmMs; turn++)
    for (const call of calls) call();
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
