import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import path from 'node:path';
import { StarlingError, messageOf } from '../core/base/errors.js';
import { answersRequests } from '../core/config/data-centers.js';
import type { ClusterConfig } from '../core/config/schema.js';
import { AttributeReader } from '../messages/attribute-reader.js';
import { toldRecords } from '../replay/told-records.js';
import { featureSpecOf } from '../core/features/feature-spec.js';
import type { NatsBus } from '../runtime/nats/nats-bus.js';
import { connectAs } from '../runtime/nats/nats-bus.js';
import { makeFolders } from '../runtime/os/make-folders.js';
import type { EventTable } from '../replay/event-files.js';
import { checkColumns, readEntities, readEvents, takenBeside } from '../replay/event-files.js';
import type { ToldFeatures } from '../replay/replay-features.js';
import type { ReplaySite } from '../replay/replay-requests.js';
import { replayEvents } from '../replay/replay.js';
import { buildReport, writeReport } from '../replay/replay-report.js';
import { predictionsOf } from '../replay/replay-predictions.js';
import { writePredictions } from '../importing/predictions-file.js';
import { usualBootstrap } from './bootstrap-options.js';
import type { RunningCluster } from '../cluster/cluster.js';
import type { Arguments, Output } from './command.js';
import { UsageError, exitCode, integerOf } from './command.js';
import type { Interrupt } from './interrupt.js';
import { exitCodeOf } from './interrupt.js';
import { zoneOf } from './timezone.js';
import { startReplayView, summaryLines } from './replay-view.js';

/** What the command line says of a replay. */
export interface ReplayPlan {
  readonly events: string;
  readonly items: string | undefined;
  readonly users: string | undefined;
  readonly report: string | undefined;
  /** Where scores go, beside their labels. */
  readonly predictions?: string | undefined;
  /** Column with the score of another system. */
  readonly rivalScore?: string | undefined;
  readonly lagMax: number;
  readonly implicit: boolean;
  readonly speed: number | undefined;
  /** Of times that name none. */
  readonly timezone: string | undefined;
}

export interface ReplayFiles {
  readonly events: EventTable;
  readonly told: ToldFeatures;
}

/** What a run on a cluster is given. */
export interface RunContext {
  readonly cluster: RunningCluster;
  readonly stateDir: string;
  readonly interrupt: Interrupt;
  readonly forMs: number | undefined;
  readonly out: Output;
}

/** As in real life, where a user acts a hundred events of others after the last one. */
const lagMaxDefault = 100;

const replayOptions = [
  ...['items', 'users', 'report', 'predictions', 'rival-score', 'max-lag', 'speed', 'timezone'],
];

/** @returns undefined without --events. @throws UsageError for options that mean nothing without it. */
export function replayPlanOf(args: Arguments): ReplayPlan | undefined {
  const events = args.value('events');
  if (events === undefined) {
    const stray = replayOptions.find((name) => args.value(name) !== undefined);
    const name = stray ?? (args.has('implicit') ? 'implicit' : undefined);
    if (name !== undefined) throw new UsageError(`--${name} needs --events.`);
    return undefined;
  }
  if (args.has('audience')) throw new UsageError('--audience does not go with --events.');
  const speedText = args.value('speed');
  const speed = speedText === undefined ? undefined : positiveOf(speedText, 'speed');
  return {
    events,
    items: args.value('items'),
    users: args.value('users'),
    report: args.value('report'),
    predictions: args.value('predictions'),
    rivalScore: args.value('rival-score'),
    lagMax: lagMaxOf(args.value('max-lag'), speed !== undefined),
    implicit: args.has('implicit'),
    speed,
    timezone: zoneOf(args.value('timezone')),
  };
}

/** Pacing by event time takes the place of the limit, unless both are asked for. */
function lagMaxOf(text: string | undefined, paced: boolean): number {
  if (text === undefined) return paced ? Infinity : lagMaxDefault;
  return text === 'none' ? Infinity : integerOf(text, 'max-lag', 0);
}

function positiveOf(text: string, option: string): number {
  const value = text.trim() === '' ? NaN : Number(text);
  if (value > 0 && Number.isFinite(value)) return value;
  throw new UsageError(`--${option}: expected a number above 0; got "${text}".`);
}

/** @throws StarlingError FILE_INVALID or UNKNOWN_FEATURE naming file, line and field or column. */
export async function readReplay(
  plan: ReplayPlan,
  config: ClusterConfig,
  note: (text: string) => void,
): Promise<ReplayFiles> {
  if (plan.report !== undefined) await requireWritable(plan.report, 'the report');
  if (plan.predictions !== undefined) await requireWritable(plan.predictions, 'predictions');
  const spec = featureSpecOf(config.features, config.lineage);
  const [items, users, table] = await Promise.all([
    plan.items === undefined ? [] : readEntities(plan.items, 'item'),
    plan.users === undefined ? [] : readEntities(plan.users, 'user'),
    readEvents(plan.events, { timezone: plan.timezone, note }),
  ]);
  const { rivalScore: rivalColumn } = plan;
  const events = takenBeside(plan.events, table, { rivalColumn, spec });
  checkColumns(events, spec);
  const reader = new AttributeReader(spec, config.attributes);
  const told = {
    items: toldRecords(items, 'item', reader, note),
    users: toldRecords(users, 'user', reader, note),
  };
  return { events, told };
}

/** Found out now, not after an hour of replaying. */
async function requireWritable(file: string, what: string): Promise<void> {
  const folder = path.dirname(path.resolve(file));
  try {
    await makeFolders(folder);
    await access(folder, constants.W_OK);
  } catch (cause) {
    const text = `${what} can't be written to ${file}: ${messageOf(cause)}.`;
    throw new StarlingError('FILE_INVALID', text, { file }, { cause });
  }
}

export async function runReplay(
  plan: ReplayPlan,
  files: ReplayFiles,
  { cluster, interrupt, forMs, out }: RunContext,
): Promise<number> {
  const view = startReplayView(process.stderr);
  // It watches what serving learns, and reads back what it told.
  const sites = await connectSites(cluster, 'replay', 'admin');
  try {
    const outcome = await replayEvents({
      cluster: {
        config: cluster.config,
        training: cluster.bus,
        sites,
        status: () => cluster.status(),
        onEvent: (listener) => cluster.onEvent(listener),
      },
      ...files,
      lagMax: plan.lagMax,
      implicit: plan.implicit,
      speed: plan.speed,
      forMs,
      signal: interrupt.signal,
      log: view.note,
      progress: view.update,
    });
    view.stop();
    const { random } = usualBootstrap;
    const report = buildReport(outcome, { random: random(), draws: usualBootstrap.draws });
    if (plan.predictions !== undefined)
      await writePredictions(plan.predictions, predictionsOf(outcome, cluster.config));
    if (plan.report !== undefined) await writeReport(plan.report, report);
    if (out.json) out.document(report);
    else for (const line of summaryLines(report)) out.line(line);
    if (plan.report !== undefined) out.note(`report written to ${plan.report}`);
    if (plan.predictions !== undefined) out.note(`predictions written to ${plan.predictions}`);
    return outcome.interrupted ? exitCodeOf(interrupt.name) : exitCode.ok;
  } finally {
    view.stop();
    await Promise.all(sites.map(({ bus }) => bus.close()));
  }
}

/** A connection of its own to every inference data center, as a client there would have. */
export async function connectSites(
  cluster: RunningCluster,
  name: string,
  role: 'client' | 'admin',
): Promise<(ReplaySite & { readonly bus: NatsBus })[]> {
  const places = cluster.config.dataCenters.filter(answersRequests);
  return Promise.all(
    places.map(async ({ name: dataCenter }) => ({
      dataCenter,
      bus: await connectAs(cluster.access(dataCenter, role), { name: `${name}-${dataCenter}` }),
    })),
  );
}
