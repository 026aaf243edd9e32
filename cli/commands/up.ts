import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { StarlingError } from '../../core/base/errors.js';
import { loadClusterConfig } from '../../core/config/load.js';
import type { ClusterConfig } from '../../core/config/schema.js';
import { readClusterAccess } from '../../runtime/cluster-file.js';
import type { RunningCluster } from '../../cluster/cluster.js';
import { startCluster } from '../../cluster/cluster.js';
import type { OpenSite } from '../../site/nats-site.js';
import { externalSite, ownSite } from '../../site/nats-site.js';
import { allowOption, allowedBy } from '../allow.js';
import { replayDirDefault, stateDirDefault } from '../cluster-access.js';
import type { Arguments, Command, Output } from '../command.js';
import { UsageError, durationMs, exitCode, expectPositionals } from '../command.js';
import { hostNameFrom, hostNameOption } from '../host-name.js';
import type { Interrupt } from '../interrupt.js';
import { exitCodeOf, onInterrupt } from '../interrupt.js';
import { runLive } from '../run-live.js';
import type { ReplayPlan } from '../run-replay.js';
import { readReplay, replayPlanOf, runReplay } from '../run-replay.js';

/** The whole cluster on a busy machine, with a large log to replay. */
const readyMsMax = 180_000;

export const up: Command = {
  name: 'up',
  summary: 'starts a cluster on this host and shows it live',
  usage: '[options]',
  text: 'Starts a cluster on this host, all data centers of it. One of the default configuration is fed a simulated audience, whose taste drifts and whose clicks depend on what was really recommended; one of your own has your users alone, unless you ask for the audience. A state folder has the one or the other, never both. Ctrl-C stops it cleanly; a second start goes on from the state folder.\nWith --events it replays real interactions instead: each event is scored before its label is told. It ends by itself and writes a report.',
  options: [
    {
      name: 'events',
      value: 'FILE',
      text: 'CSV of timestamp,user,item,label and context features; .gz allowed',
    },
    { name: 'items', value: 'FILE', text: 'CSV of item and its features' },
    { name: 'users', value: 'FILE', text: 'CSV of user and their features' },
    { name: 'report', value: 'FILE', text: 'where to write the report of the replay, as JSON' },
    {
      name: 'predictions',
      value: 'FILE',
      text: 'where to write what was scored before its label was told, as Parquet or .csv; for `starling evaluate`',
    },
    {
      name: 'rival-score',
      value: 'COLUMN',
      text: 'column of --events with the score of the system in use: theirs against ours, before the label',
    },
    {
      name: 'max-lag',
      value: 'N',
      text: 'never be more than N events ahead of what serving has learned (default 100); fewer learn better and take longer; none for a throughput run',
    },
    { name: 'implicit', text: 'do not tell negatives; they are what the join window leaves over' },
    { name: 'speed', value: 'F', text: 'pace by event time, F times as fast as it was' },
    {
      name: 'timezone',
      value: 'ZONE',
      text: 'of times of --events that name none, such as Europe/Berlin (default UTC)',
    },
    { name: 'for', value: 'DURATION', text: 'stop after so long, such as 30s or 5m' },
    {
      name: 'state',
      value: 'DIR',
      text: `state folder (default ${stateDirDefault}; a replay without it starts empty in ${replayDirDefault})`,
    },
    {
      name: 'config',
      value: 'FILE',
      text: 'configuration, in TypeScript, JavaScript or JSON, wherever it lies (default: that of films)',
    },
    allowOption,
    { name: 'audience', text: 'feed it the simulated audience, also with --config' },
    { name: 'no-audience', text: 'your users alone, also without --config' },
    {
      name: 'nats',
      value: 'URL',
      text: 'use these NATS servers instead of starting some (or NATS_URL)',
    },
    hostNameOption,
    // Of the contract with scripts, and true: there is none yet.
    { name: 'no-dashboard', text: 'do not start the dashboard', hidden: true },
  ],
  examples: [
    'starling up',
    'starling up --events events.csv.gz --items items.csv.gz --users users.csv.gz --report report.json',
  ],
  async run(args, out) {
    expectPositionals(args, [], 0, configMeant);
    if (args.has('audience') && args.has('no-audience'))
      throw new UsageError('--audience and --no-audience exclude each other.');
    const plan = replayPlanOf(args);
    const host = hostNameFrom(args);
    const forText = args.value('for');
    const forMs = forText === undefined ? undefined : durationMs(forText, 'for');
    const config = await loadClusterConfig(args.value('config'));
    // Read before anything starts: a mistake in a file should not cost the start of a cluster.
    const files = plan && (await readReplay(plan, config, (text) => out.note(text)));
    const stateDir = await stateDirFor(args, plan);
    const interrupt = onInterrupt(out.note);
    try {
      const isReplay = plan !== undefined;
      const start = { args, out, config, stateDir, host, interrupt, isReplay };
      return await withCluster(start, (cluster) => {
        const context = { cluster, stateDir, interrupt, forMs, out };
        if (plan && files) return runReplay(plan, files, context);
        return runLive(context, { withAudience: hasAudience(args), config: args.value('config') });
      });
    } finally {
      interrupt.dispose();
    }
  },
};

/** What a file that stands by itself is. */
function configMeant(extra: string): string | undefined {
  return /\.([cm]?[jt]s|json)$/.test(extra) ? `--config ${extra}` : undefined;
}

/** Whoever brings a configuration has users of his own, and nobody else is to be learned from. */
function hasAudience(args: Arguments): boolean {
  if (args.has('no-audience')) return false;
  return args.has('audience') || args.value('config') === undefined;
}

interface Start {
  readonly args: Arguments;
  readonly out: Output;
  readonly config: ClusterConfig;
  readonly stateDir: string;
  readonly host: string;
  readonly interrupt: Interrupt;
  /** Work that has an end: to stop before it is to cut it short. A cluster that is told to stop, and does, has done well. */
  readonly isReplay: boolean;
}

function givenSite(natsUrl: string): OpenSite {
  return ({ config }) => externalSite(config, natsUrl);
}

/** Starts, runs, and stops whatever happens. */
async function withCluster(
  { args, out, config, stateDir, host, interrupt, isReplay }: Start,
  run: (cluster: RunningCluster) => Promise<number>,
): Promise<number> {
  const natsUrl = args.value('nats') ?? process.env['NATS_URL'];
  const cluster = await startCluster({
    config,
    allowed: allowedBy(args),
    stateDir,
    openSite: natsUrl === undefined || natsUrl === '' ? ownSite : givenSite(natsUrl),
    people: {
      people: !isReplay && hasAudience(args) ? 'audience' : 'own',
      takesUnknown: args.value('config') === undefined,
    },
    host: { name: host },
    log: out.note,
  });
  try {
    if (!interrupt.signal.aborted) await untilReadyOrStopped(cluster, interrupt.signal);
    if (interrupt.signal.aborted) return isReplay ? exitCodeOf(interrupt.name) : exitCode.ok;
    return await run(cluster);
  } finally {
    await cluster.stop();
  }
}

async function untilReadyOrStopped(cluster: RunningCluster, signal: AbortSignal): Promise<void> {
  const stopped = new Promise<void>((resolve) =>
    signal.addEventListener('abort', () => resolve(), { once: true }),
  );
  await Promise.race([cluster.untilReady(readyMsMax), stopped]);
}

/** A replay without --state works in a folder of its own, emptied first. */
async function stateDirFor(args: Arguments, plan: ReplayPlan | undefined): Promise<string> {
  const named = args.value('state');
  if (named === '') throw new UsageError('--state: expected a folder.');
  if (named !== undefined) return named;
  if (!plan) return stateDirDefault;
  await refuseRunning(replayDirDefault);
  await rm(replayDirDefault, { recursive: true, force: true });
  return replayDirDefault;
}

/** @throws StarlingError STATE_LOCKED */
async function refuseRunning(stateDir: string): Promise<void> {
  if (!existsSync(path.join(stateDir, 'cluster.json'))) return;
  const running = await readClusterAccess(stateDir).catch(() => undefined); // Gone, or damaged: nothing to lose.
  if (!running) return;
  const text = `another replay runs on ${stateDir} (process ${running.pid}).`;
  throw new StarlingError('STATE_LOCKED', text, { stateDir, pid: running.pid });
}
