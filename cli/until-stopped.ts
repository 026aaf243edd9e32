/** Resolves when the signal comes, or after `forMs`. */
export function untilStopped(signal: AbortSignal, forMs: number | undefined): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const timer = forMs === undefined ? undefined : setTimeout(resolve, forMs);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
