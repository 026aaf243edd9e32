import type { ErrorCode } from '../core/base/errors.js';
import type { OperateVerb } from '../messages/subjects.js';
import { waysToLearn } from './checks/outcome-check.js';
import { allTransitions } from './checks/machine-coverage.js';
import { configChangeNames } from './cluster/config-changes.js';
import { configOutcomes } from './cluster/config-operator.js';
import { erasureEnds } from './cluster/leavers.js';
import { faultKinds } from './faults/fault.js';
import { windowBeginnings } from './hosts/host-disk.js';
import type { Counts, SimulationReport } from './report.js';

/** What somebody may be refused with in a cluster whose configuration and events are right. */
const codesToMeet = [
  'CONFLICT',
  'FENCED',
  'NOT_OWNER',
  'NOT_READY',
  'NO_RESPONDERS',
  'STORAGE_FULL',
  'TIMEOUT',
  'UNAVAILABLE',
] as const satisfies readonly ErrorCode[];

/** Changes of the configuration and what is done about a person have lines of their own. */
const operations = [
  'drain',
  'restore',
  'scale',
  'settings',
  'snapshot',
  'undrain',
] as const satisfies readonly OperateVerb[];

/** How much of what can happen has happened in some runs: what was never seen was never tested. */
export class Coverage {
  readonly #faults = new Map<string, number>();
  readonly #codes = new Map<string, number>();
  readonly #operations = new Map<string, number>();
  readonly #changes = new Map<string, number>();
  readonly #erasures = new Map<string, number>();
  readonly #ways = new Map<string, number>();
  readonly #windows = new Map<string, number>();
  readonly #transitions = new Map<string, number>();

  add(report: SimulationReport): void {
    addTo(this.#faults, report.faults);
    addTo(this.#codes, report.codes);
    addTo(this.#operations, report.operations);
    addTo(this.#changes, report.changes);
    addTo(this.#erasures, report.erasures);
    addTo(this.#ways, report.ways);
    addTo(this.#windows, report.windows);
    addTo(this.#transitions, report.transitions);
  }

  get parts(): readonly CoveragePart[] {
    return [
      partOf('kinds of fault', faultKinds, this.#faults),
      partOf('error codes', codesToMeet, this.#codes),
      partOf('operations', operations, this.#operations),
      partOf(
        'changes of the configuration',
        [...configChangeNames, ...configOutcomes],
        this.#changes,
      ),
      partOf('erasures', erasureEnds, this.#erasures),
      partOf('ways to learn', waysToLearn, this.#ways),
      partOf('beginnings of windows', windowBeginnings, this.#windows),
      partOf('transitions of machines', allTransitions(), this.#transitions),
    ];
  }
}

export interface CoveragePart {
  readonly of: string;
  readonly seen: number;
  readonly all: number;
  readonly unseen: readonly string[];
  /** How often each was seen. */
  readonly counts: Counts;
}

function partOf(
  of: string,
  names: readonly string[],
  counts: ReadonlyMap<string, number>,
): CoveragePart {
  const unseen = names.filter((name) => !counts.has(name));
  return {
    ...{ of, unseen, all: names.length, seen: names.length - unseen.length },
    counts: Object.fromEntries([...counts].sort(([a], [b]) => (a < b ? -1 : 1))),
  };
}

function addTo(counts: Map<string, number>, more: Counts): void {
  for (const [name, count] of Object.entries(more))
    counts.set(name, (counts.get(name) ?? 0) + count);
}
