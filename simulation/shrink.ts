import type { Fault } from './faults/fault.js';

/**
 * The shortest schedule that it can find which still fails: takes away one half of the faults, then quarters, and so on, as
 * long as the rest fails too (delta debugging: A. Zeller and R. Hildebrandt, Simplifying and Isolating Failure-Inducing
 * Input, 2002).
 *
 * @param fails whether a run with these faults breaks the same check.
 * @param triesMax runs that it may take.
 */
export async function shrink(
  schedule: readonly Fault[],
  fails: (schedule: readonly Fault[]) => Promise<boolean>,
  triesMax: number,
): Promise<readonly Fault[]> {
  let rest = schedule;
  let tries = 0;
  for (let parts = 2; rest.length > 0 && tries < triesMax;) {
    const size = Math.ceil(rest.length / parts);
    let isShorter = false;
    for (let from = 0; from < rest.length && tries < triesMax; from += size) {
      const without = [...rest.slice(0, from), ...rest.slice(from + size)];
      tries++;
      if (!(await fails(without))) continue;
      rest = without;
      isShorter = true;
      break;
    }
    if (isShorter) parts = Math.max(2, parts - 1);
    else if (size === 1) break;
    else parts = Math.min(rest.length, 2 * parts);
  }
  return rest;
}
