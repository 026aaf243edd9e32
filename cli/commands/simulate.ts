import { readFile, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { StarlingError } from '../../core/base/errors.js';
import { Coverage } from '../../simulation/coverage.js';
import type { Fault } from '../../simulation/faults/fault.js';
import { isFault } from '../../simulation/faults/fault.js';
import type { SimulationTask } from '../../simulation/pool.js';
import { SimulationPool } from '../../simulation/pool.js';
import { shrink } from '../../simulation/shrink.js';
import type { SimulationReport } from '../../simulation/report.js';
import type { Command, Output } from '../command.js';
import { UsageError, exitCode, expectPositionals, integerOf } from '../command.js';
import { onInterrupt } from '../interrupt.js';
import { coverageLines, failureLines, reportLine } from '../simulation-report.js';

const minutesDefault = 10;
const shrinkTriesMax = 60;

export const simulate: Command = {
  name: 'simulate',
  summary: 'runs a whole cluster in memory, breaks it by a seed, and checks what must always hold',
  usage: '--seed S [--runs N] [--minutes M] [options]',
  text: 'Runs hosts and actors of several data centers in one process: the real ones, on servers in memory and in a time of their own, of which a minute takes some seconds. Faults come by a schedule that the seed makes: processes that are killed or stand still, machines and servers that are lost, ways that are cut, messages that are late, lost or not acknowledged, full disks, clocks that jump. All the time it is checked that one shard owns a partition, that nothing acknowledged is lost and nothing counted twice, that everybody is answered or refused in time; and once it is calm, that all is well again and every copy has the rows of its owner. A run that fails says so with its seed, and with the shortest schedule that still fails; the same seed fails again, bit for bit. The exit code is 1 then. See docs/simulation.md.',
  options: [
    { name: 'seed', value: 'S', text: 'of the first run (default 1)' },
    { name: 'runs', value: 'N', text: 'so many seeds, one after the other (default 1)' },
    {
      name: 'minutes',
      value: 'M',
      text: `length of a run in its own time (default ${minutesDefault})`,
    },
    {
      name: 'jobs',
      value: 'N',
      text: 'runs side by side, each in a process of its own (default: as many as there are cores)',
    },
    { name: 'schedule', value: 'FILE', text: 'faults of a file instead of those of the seed' },
    { name: 'save', value: 'FILE', text: 'where the shortest schedule that fails is written' },
    { name: 'keep-going', text: 'run all seeds, also when one fails' },
    { name: 'no-shrink', text: 'do not look for a shorter schedule that fails' },
  ],
  examples: [
    'starling simulate --seed 42',
    'starling simulate --seed 1 --runs 1000 --minutes 10',
    'starling simulate --seed 42 --schedule fails.json',
  ],
  async run(args, out) {
    expectPositionals(args, []);
    const first = integerOf(args.value('seed') ?? '1', 'seed', 0);
    const runs = integerOf(args.value('runs') ?? '1', 'runs', 1);
    const minutes = integerOf(args.value('minutes') ?? String(minutesDefault), 'minutes', 1);
    const jobsDefault = String(Math.min(runs, availableParallelism()));
    const jobs = integerOf(args.value('jobs') ?? jobsDefault, 'jobs', 1);
    const file = args.value('schedule');
    const schedule = file === undefined ? undefined : await readSchedule(file);
    const pool = new SimulationPool(jobs);
    const interrupt = onInterrupt(out.note);
    try {
      const series = new Series(pool, {
        ...{ first, runs, minutes, schedule, signal: interrupt.signal },
        keepGoing: args.has('keep-going'),
      });
      const failed = await series.run((report) => out.note(reportLine(report)));
      const shortest =
        failed.length > 0 && !args.has('no-shrink') && !interrupt.signal.aborted
          ? await shortestOf(pool, failed[0]!, minutes)
          : undefined;
      const save = args.value('save');
      if (save !== undefined && shortest) await writeFile(save, JSON.stringify(shortest, null, 1));
      tell(out, series, failed, shortest);
      return failed.length + series.broken.length === 0 ? exitCode.ok : exitCode.failure;
    } finally {
      interrupt.dispose();
      pool.close();
    }
  },
};

interface SeriesOptions {
  readonly first: number;
  readonly runs: number;
  readonly minutes: number;
  readonly schedule: readonly Fault[] | undefined;
  readonly keepGoing: boolean;
  readonly signal: AbortSignal;
}

/** One seed after the other, as many at a time as the pool takes. */
class Series {
  readonly coverage = new Coverage();
  /** What ended runs that nobody in them can be blamed for: the simulation itself is wrong. */
  readonly broken: string[] = [];
  readonly #pool: SimulationPool;
  readonly #options: SeriesOptions;
  done = 0;

  constructor(pool: SimulationPool, options: SeriesOptions) {
    this.#pool = pool;
    this.#options = options;
  }

  /** @returns those that failed, by seed. */
  async run(tell: (report: SimulationReport) => void): Promise<SimulationReport[]> {
    const { first, runs, minutes, schedule, keepGoing, signal } = this.#options;
    const failed: SimulationReport[] = [];
    const one = async (seed: number): Promise<void> => {
      const isOver = signal.aborted || (failed.length > 0 && !keepGoing);
      if (isOver) return;
      const report = await this.#report({ seed, minutes, ...(schedule && { schedule }) });
      if (!report) return;
      this.done++;
      this.coverage.add(report);
      tell(report);
      if (report.violation) failed.push(report);
    };
    const seeds = Array.from({ length: runs }, (_unused, i) => first + i);
    await Promise.all(seeds.map((seed) => this.#pool.enter(() => one(seed))));
    return failed.sort((a, b) => a.seed - b.seed);
  }

  /** @returns undefined where the run broke off, and others go on. */
  async #report(task: SimulationTask): Promise<SimulationReport | undefined> {
    try {
      return await this.#pool.run(task);
    } catch (error) {
      if (!this.#options.keepGoing) throw error;
      this.broken.push((error as Error).message);
      return undefined;
    }
  }
}

/** The shortest schedule with which the seed still breaks the same check. */
async function shortestOf(
  pool: SimulationPool,
  { seed, violation, schedule }: SimulationReport,
  minutes: number,
): Promise<readonly Fault[]> {
  // What comes after it is of no interest.
  const before = schedule.filter(({ atMs }) => atMs <= violation!.atMs);
  const fails = async (some: readonly Fault[]): Promise<boolean> =>
    (await pool.enter(() => pool.run({ seed, minutes, schedule: some }))).violation?.check ===
    violation!.check;
  return shrink(before, fails, shrinkTriesMax);
}

function tell(
  out: Output,
  { coverage, done, broken }: Series,
  failed: readonly SimulationReport[],
  shortest: readonly Fault[] | undefined,
): void {
  if (out.json) {
    const found = failed.map(({ seed, violation }) => ({ seed, violation }));
    return out.document({
      runs: done,
      failed: found,
      broken,
      schedule: shortest,
      coverage: coverage.parts,
    });
  }
  for (const line of coverageLines(coverage.parts)) out.line(line);
  for (const text of broken) out.line(text);
  if (failed.length > 0) for (const line of failureLines(failed, shortest)) out.line(line);
  else if (broken.length === 0)
    out.line(`${done} ${done === 1 ? 'run' : 'runs'}, nothing that must hold was broken`);
}

/** @throws StarlingError FILE_INVALID; UsageError where there is no such file. */
async function readSchedule(file: string): Promise<readonly Fault[]> {
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new UsageError(`--schedule: ${file} can't be read.`, { cause });
  });
  try {
    const faults: unknown = JSON.parse(text);
    if (Array.isArray(faults) && faults.every(isFault)) return faults;
  } catch {
    // Told below, the same for what is no JSON and what is no schedule.
  }
  throw new StarlingError('FILE_INVALID', `${file} is not a schedule of faults.`, { file });
}
