import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { SimulationReport } from './report.js';
import type { SimulationOptions } from './simulation.js';

const worker = fileURLToPath(new URL('./worker.js', import.meta.url));
/** What tables have taken of memory is given back with their process. */
const runsPerProcess = 20;
/** Room for what dies young: a simulated cluster makes most of its garbage within a message. */
const execArgv = ['--max-semi-space-size=32'];

export type SimulationTask = Omit<SimulationOptions, 'logOf'>;

interface Worker {
  readonly process: ChildProcess;
  runs: number;
}

/** What a worker says of a task; `error`: the simulation itself is broken. */
export interface Told {
  readonly report?: SimulationReport;
  readonly error?: string;
}

/** Processes that run simulations side by side. */
export class SimulationPool {
  readonly #jobs: number;
  readonly #idle: Worker[] = [];
  readonly #waiting: (() => void)[] = [];
  #busy = 0;

  /** @param jobs at the same time, each in a process of its own. */
  constructor(jobs: number) {
    this.#jobs = jobs;
  }

  /** Does something with a process of its own, when it is its turn. */
  async enter<T>(act: () => Promise<T>): Promise<T> {
    if (this.#busy >= this.#jobs) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#busy++;
    try {
      return await act();
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#busy--;
    }
  }

  /** For who has entered. @throws Error where the process ends before it has told anything. */
  async run(task: SimulationTask): Promise<SimulationReport> {
    const taken = this.#idle.pop() ?? { process: fork(worker, { execArgv }), runs: 0 };
    try {
      return await asked(taken.process, task);
    } finally {
      if (++taken.runs < runsPerProcess && taken.process.connected) this.#idle.push(taken);
      else taken.process.kill();
    }
  }

  close(): void {
    for (const { process } of this.#idle.splice(0)) process.kill();
  }
}

function asked(child: ChildProcess, task: SimulationTask): Promise<SimulationReport> {
  return new Promise((resolve, reject) => {
    const ended = (code: number | null): void =>
      reject(new Error(`the process of seed ${task.seed} ended with ${code}`));
    child.once('exit', ended);
    child.once('message', (message) => {
      child.off('exit', ended);
      const { report, error } = message as Told;
      if (report) resolve(report);
      else reject(new Error(`the simulation of seed ${task.seed} fails: ${error}`));
    });
    child.send(task);
  });
}
