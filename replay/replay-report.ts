import { mkdir, rename, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { StarlingError, messageOf } from '../core/base/errors.js';
import { isActorKind, kindTable } from '../messages/actor-kinds.js';
import { actorsOf } from '../messages/actor-status.js';
import type { SupervisionEvent } from '../messages/supervision-events.js';
import { brokenLaws } from './conservation-laws.js';
import type { ReplayOutcome } from './replay.js';
import {
  duelReport,
  figure,
  qualityOf,
  type DuelReport,
  type Figure,
  type ReplayQuality,
} from './replay-quality.js';
import type { BootstrapOptions } from '../core/evaluation/bootstrap.js';

/** What a replay leaves behind; keys are stable, new ones may be added. */
export interface ReplayReport {
  readonly interrupted: boolean;
  readonly seconds: number;
  readonly events: {
    readonly accepted: number;
    readonly impressions: number;
    readonly actions: number;
    readonly positives: number;
    readonly negatives: number;
    readonly negativesDropped: number;
    readonly late: number;
    readonly deadLettered: number;
    /** Dead letters by error code; a letter may hold several events. */
    readonly deadLetterCodes: Readonly<Record<string, number>>;
    readonly open: number;
    /** Events in more than one copy; each counts once above. */
    readonly duplicates: number;
  };
  readonly quality: ReplayQuality;
  /** Against the scores of another system, where the file has them. */
  readonly duel?: DuelReport;
  readonly training: {
    readonly samplesPerSecond: number;
    readonly batches: number;
    readonly backend: string;
  };
  readonly freshnessMs: Readonly<Record<string, { readonly p50: Figure; readonly p99: Figure }>>;
  readonly serving: {
    readonly requests: number;
    readonly p50Ms: Figure;
    readonly p99Ms: Figure;
    readonly degraded: number;
    /** Answered by another data center than the user's own, or with rows from one. */
    readonly rerouted: number;
  };
  readonly supervision: {
    readonly restarts: number;
    /** Restarts of actors that own what no replica holds. */
    readonly failovers: number;
    readonly recoveryMs: readonly number[];
  };
  readonly conservation: {
    readonly ok: boolean;
    /** The laws that do not hold, in words with both figures. */
    readonly broken: readonly string[];
    readonly impressions: number;
    readonly samplesPositive: number;
    readonly samplesNegative: number;
    readonly droppedNegative: number;
    readonly open: number;
    /** Impressions that became dead letters. */
    readonly deadLettered: number;
    readonly batchesEmitted: number;
    /** By partition. */
    readonly batchesApplied: Readonly<Record<string, number>>;
    readonly denseBatchesApplied: number;
  };
  readonly environment: {
    readonly node: string;
    readonly natsServer: string | null;
    readonly cores: number;
    readonly backend: string;
  };
}

/** @param bootstrap of the intervals of a duel; without it there is none. */
export function buildReport(outcome: ReplayOutcome, bootstrap?: BootstrapOptions): ReplayReport {
  const { books, letters, accepted, actions, seconds, serving, status } = outcome;
  const { joined } = books;
  const broken = brokenLaws(accepted, books, letters);
  const backend = backendOf(outcome);
  const samples = joined.positives + joined.negatives;
  const duel = bootstrap && duelReport(outcome, bootstrap);
  return {
    interrupted: outcome.interrupted,
    seconds,
    events: {
      accepted,
      impressions: joined.impressions,
      actions,
      positives: joined.positives,
      negatives: joined.negatives,
      negativesDropped: joined.negativesDropped,
      late: joined.lateActions + joined.lateImpressions,
      deadLettered: letters.events,
      deadLetterCodes: letters.codes,
      open: joined.open,
      duplicates: joined.duplicates,
    },
    quality: qualityOf(outcome),
    ...(duel ? { duel } : {}),
    training: {
      samplesPerSecond: seconds > 0 ? samples / seconds : 0,
      batches: books.batchesEmitted,
      backend,
    },
    freshnessMs: Object.fromEntries(
      Object.entries(outcome.freshnessMs).map(([name, { p50, p99 }]) => [
        name,
        { p50: figure(p50), p99: figure(p99) },
      ]),
    ),
    serving: { ...serving, p50Ms: figure(serving.p50Ms), p99Ms: figure(serving.p99Ms) },
    supervision: supervisionOf(outcome.supervision),
    conservation: {
      ok: broken.length === 0,
      broken,
      impressions: joined.impressions,
      samplesPositive: joined.positives,
      samplesNegative: joined.negatives,
      droppedNegative: joined.negativesDropped,
      open: joined.open,
      deadLettered: joined.lateImpressions + letters.impressionsRefused,
      batchesEmitted: books.batchesEmitted,
      batchesApplied: books.batchesApplied,
      denseBatchesApplied: books.denseBatchesApplied,
    },
    environment: {
      node: process.version,
      natsServer: status.natsServer?.version ?? null,
      cores: availableParallelism(),
      backend,
    },
  };
}

/** Written beside and moved into place, so that a reader never sees a part of it. */
export async function writeReport(file: string, report: ReplayReport): Promise<void> {
  try {
    await mkdir(path.dirname(path.resolve(file)), { recursive: true });
    const staged = `${file}.${process.pid}.tmp`;
    await writeFile(staged, `${JSON.stringify(report, null, 2)}\n`);
    await rename(staged, file);
  } catch (cause) {
    const text = `the report can't be written to ${file}: ${messageOf(cause)}.`;
    throw new StarlingError('FILE_INVALID', text, { file }, { cause });
  }
}

function supervisionOf(events: readonly SupervisionEvent[]): ReplayReport['supervision'] {
  const recovered = events.filter(({ recoveryMs }) => recoveryMs !== undefined);
  return {
    restarts: events.filter(({ type }) => type === 'restart').length,
    failovers: recovered.filter(({ address }) => isOfSoleOwner(address)).length,
    recoveryMs: recovered.map(({ recoveryMs }) => Math.round(recoveryMs!)),
  };
}

function isOfSoleOwner(address: string): boolean {
  const kind = address.split('.')[1];
  return isActorKind(kind) && kindTable[kind].sole;
}

function backendOf({ status }: ReplayOutcome): string {
  const names = actorsOf(status.actors, 'trainer').map(({ stats }) => stats.backend);
  return status.backend ?? names.find((name) => name !== undefined && name !== '') ?? 'unknown';
}
