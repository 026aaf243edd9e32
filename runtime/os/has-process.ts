/** Whether a process has this pid now; whose it is by now, the pid does not tell. */
export function hasProcess(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'; // It exists and is another user's.
  }
}
