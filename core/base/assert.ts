/** The program is wrong: the actor crashes and its supervisor restarts it. Never used on input. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(`assertion failed: ${message}`);
}
