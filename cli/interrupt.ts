import { exitCode } from './command.js';

export interface Interrupt {
  /** Aborted by the first Ctrl-C or SIGTERM. */
  readonly signal: AbortSignal;
  /** The signal that came, if any. */
  readonly name: NodeJS.Signals | undefined;
  dispose(): void;
}

/** The first signal asks for a clean stop, the second ends the process at once, and with it all that it has started. */
export function onInterrupt(note: (text: string) => void): Interrupt {
  const controller = new AbortController();
  let name: NodeJS.Signals | undefined;
  const handle = (received: NodeJS.Signals): void => {
    if (controller.signal.aborted) process.exit(exitCode.interrupted);
    name = received;
    note('stopping; once more to stop at once');
    controller.abort();
  };
  const signals = ['SIGINT', 'SIGTERM'] as const;
  for (const each of signals) process.on(each, handle);
  return {
    signal: controller.signal,
    get name() {
      return name;
    },
    dispose: () => {
      for (const each of signals) process.off(each, handle);
    },
  };
}
