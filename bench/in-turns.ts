/** Milliseconds of processor time, by call: the lower quartile, after some turns to warm up; who was interrupted says nothing. */
export function inTurns(turns: number, calls: readonly (() => unknown)[]): number[] {
  const times = calls.map((): number[] => []);
  const warm = Math.ceil(turns / 4);
  for (let turn = 0; turn < warm + turns; turn++)
    calls.forEach((call, i) => {
      const before = process.cpuUsage();
      call();
      const { user, system } = process.cpuUsage(before);
      if (turn >= warm) times[i]!.push((user + system) / 1000);
    });
  return times.map((each) => each.sort((a, b) => a - b)[each.length >> 2]!);
}

/** To three digits. */
export function rounded(value: number): number {
  return Number(value.toPrecision(3));
}
