import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Fleet } from './fleet.js';

export interface MemoryFigures {
  readonly name: string;
  /** Means of the first and the last third of the time that was looked at, bytes. */
  readonly firstBytes: number;
  readonly lastBytes: number;
}

const run = promisify(execFile);
const lookMs = 10_000;
/** Fewer say nothing about a course. */
const looksMin = 9;

/** The resident memory of every process that lives through the whole run. */
export class MemoryWatch {
  readonly #fleet: Fleet;
  readonly #timer: NodeJS.Timeout;
  readonly #seen = new Map<string, { readonly pid: number; readonly bytes: number[] }>();

  constructor(fleet: Fleet) {
    this.#fleet = fleet;
    this.#timer = setInterval(() => void this.#look(), lookMs);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Of processes that were looked at often enough; a successor counts anew. */
  figures(): MemoryFigures[] {
    return [...this.#seen]
      .filter(([, { bytes }]) => bytes.length >= looksMin)
      .map(([name, { bytes }]) => {
        const third = Math.floor(bytes.length / 3);
        return {
          name,
          firstBytes: mean(bytes.slice(0, third)),
          lastBytes: mean(bytes.slice(-third)),
        };
      });
  }

  async #look(): Promise<void> {
    const processes = this.#fleet.processes();
    const sizes = await residentBytes(processes.map(({ pid }) => pid));
    for (const [pid, bytes] of sizes) {
      const [first, ...others] = processes
        .filter((each) => each.pid === pid)
        .map(({ kind, name }) => (name.includes('.') ? name : `${kind} ${name}`))
        .sort();
      if (first === undefined) continue;
      const key = others.length === 0 ? first : `${first} and ${others.length} with it`;
      const known = this.#seen.get(key);
      if (known?.pid === pid) known.bytes.push(bytes);
      else this.#seen.set(key, { pid, bytes: [bytes] });
    }
  }
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

async function residentBytes(pids: readonly number[]): Promise<Map<number, number>> {
  try {
    const { stdout } = await run('ps', ['-o', 'pid=,rss=', '-p', pids.join(',')]);
    const rows = stdout.trim().split('\n');
    return new Map(
      rows.map((row) => {
        const [pid, kibibytes] = row.trim().split(/\s+/).map(Number);
        return [pid!, kibibytes! * 1024];
      }),
    );
  } catch {
    return new Map(); // One of them has just ended, or there is no ps: then this look saw nothing.
  }
}
