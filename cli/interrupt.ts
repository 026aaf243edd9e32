import { constants } from 'node:os';
import { exitCode } from './command.js';
import { watchNpm } from './npm-parent.js';

/**
 * How a command that runs until it is told to end is told so. Ctrl-C, SIGTERM of a process manager, SIGHUP of a terminal
 * that was closed and the end of whoever read its output are one and the same wish: stop cleanly. A second one ends the
 * process at once, and with it all that it has started; so does SIGQUIT (Ctrl-\) by itself.
 */
export interface Interrupt {
  /** Aborted by the first wish. */
  readonly signal: AbortSignal;
  /** What came, if anything: a signal, or SIGPIPE for output that nobody reads any more. */
  readonly name: NodeJS.Signals | undefined;
  /** Stops cleanly, as a signal would; for who finds out by other means that it is time. */
  stop(name: NodeJS.Signals): void;
  dispose(): void;
}

/**
 * A wish that comes so soon after another is the same one: Ctrl-C reaches npm and us, and npm passes its own on; a shell that
 * is hung up hangs up its jobs, which the terminal has done already. Too low: such an echo ends everything undrained. Too
 * high: an impatient second Ctrl-C is not heard.
 */
const echoMsMax = 500;

const wishes = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Whoever is to hear of output that nobody reads. */
const running = new Set<Interrupt>();

export function onInterrupt(note: (text: string) => void): Interrupt {
  const controller = new AbortController();
  let name: NodeJS.Signals | undefined;
  let echoesUntilMs = 0;
  const handle = (received: NodeJS.Signals): void => {
    const nowMs = performance.now();
    if (controller.signal.aborted) {
      if (nowMs >= echoesUntilMs) endAtOnce(received);
      return;
    }
    name = received;
    echoesUntilMs = nowMs + echoMsMax;
    note('stopping; once more to stop at once');
    controller.abort();
  };
  for (const each of wishes) process.on(each, handle);
  process.on('SIGQUIT', endAtOnce);
  const npm = watchNpm(() => interrupt.stop('SIGHUP'));
  const interrupt: Interrupt = {
    signal: controller.signal,
    get name() {
      return name;
    },
    // Not a second wish: each line that can't be written would be one.
    stop: (received) => {
      if (!controller.signal.aborted) handle(received);
    },
    dispose: () => {
      running.delete(interrupt);
      npm.stop();
      for (const each of wishes) process.off(each, handle);
      process.off('SIGQUIT', endAtOnce);
    },
  };
  running.add(interrupt);
  return interrupt;
}

/** Whoever is started ends with this process: `exit` has handlers that see to it. */
function endAtOnce(received: NodeJS.Signals): never {
  process.exit(exitCodeOf(received));
}

/** As shells count it: 128 and the number of the signal. For work that was cut short. */
export function exitCodeOf(name: NodeJS.Signals | undefined): number {
  return name === undefined ? exitCode.interrupted : 128 + constants.signals[name];
}

/** The output has no reader any more. @returns whether somebody stops for it. */
export function stopForLostOutput(): boolean {
  for (const each of running) each.stop('SIGPIPE');
  return running.size > 0;
}
