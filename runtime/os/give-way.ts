import { writeFileSync } from 'node:fs';
import os from 'node:os';

/** Of 1,024 shares that others have, this process has 335 then. Less: leases run out where the machine is busy for long. */
const niceness = 5;

/**
 * Others go first where there are not processors enough for all, from now on. Linux may schedule sessions rather than processes
 * (`autogroup`, sched(7)), and each actor is one: there the niceness is that of the session.
 */
export function giveWay(): void {
  attempt(() => os.setPriority(niceness));
  if (process.platform === 'linux')
    attempt(() => writeFileSync('/proc/self/autogroup', String(niceness)));
}

/** It is a wish: kernels without it, and containers that refuse it, share as they did. */
function attempt(act: () => void): void {
  try {
    act();
  } catch {
    return;
  }
}
