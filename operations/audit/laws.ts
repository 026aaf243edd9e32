import type { IntervalSet } from '../../core/base/interval-set.js';
import type { CopyFindings } from './copy-ledger.js';
import type { StatsOf } from '../../messages/actor-kinds.js';

/** What was found in one look at a cluster. */
export interface Findings {
  readonly impressions: EventFindings;
  readonly actions: EventFindings;
  /** Samples that came twice. */
  readonly sampledTwice: number;
  /** Samples of impressions that never came to JOIN. */
  readonly sampledUnjoined: number;
  readonly samples: number;
  /** Counters of all joiners together, committed with their windows; undefined where one has not told all of them. */
  readonly joiners: JoinerFindings | undefined;
  /** Which figures are missing, in words. */
  readonly untold: readonly string[];
  /** Sequence of the newest batch in SAMPLES, and up to which trainers have acknowledged all of them. */
  readonly batches: number;
  readonly batchesDue: number;
  /** By partition, and the network. */
  readonly applied: readonly { readonly name: string; readonly set: IntervalSet }[];
  /** Rows of standbys and of each data center that serves, against those of their owners. */
  readonly copies: readonly CopyFindings[];
  /** Streams that have lost their beginning to age: what they say is true of the rest. */
  readonly trimmed: readonly string[];
  /** Null: not known. */
  readonly inFlight: Readonly<Record<string, number | null>>;
}

export interface EventFindings {
  readonly accepted: number;
  /** Accepted and acknowledged by the processor: neither in JOIN nor a dead letter. */
  readonly missing: number;
  /** In JOIN and not among the accepted. */
  readonly surplus: number;
  readonly refused: number;
  readonly joined: number;
  readonly joinedAgain: number;
}

export const joinerNames = [
  'impressions',
  'positives',
  'negatives',
  'negativesDropped',
  'lateImpressions',
  'open',
] as const satisfies readonly (keyof StatsOf<'joiner'>)[];

export type JoinerFindings = Readonly<Record<(typeof joinerNames)[number], number>>;

/** One row of the table. */
export interface Law {
  readonly name: string;
  readonly left: Side;
  readonly right: Side;
  readonly holds: boolean;
  /** What differs, or why it could be checked in part only. */
  readonly remark: string;
}

export interface Side {
  readonly text: string;
  /** Null: not known, so the law does not hold. */
  readonly count: number | null;
}

export function sideText({ text, count }: Side): string {
  return `${count === null ? '?' : count.toLocaleString('en-US')} ${text}`;
}

const rangesShown = 5;
const remarksShown = 5;

/**
 * The conservation laws: nothing lost, nothing twice, from the acknowledgement of an event to the rows that know it.
 *
 * @param looks at a cluster that may be in use, oldest first. What is counted in two places moves while it is looked at,
 *   and the figures of joiners are as old as their heartbeat: such figures must have overtaken each other over three
 *   looks, x(k−2) ≤ y(k−1) ≤ x(k), which on a quiet cluster says that they are equal.
 */
export function lawsOf(looks: readonly Findings[]): Law[] {
  const findings = looks.at(-1)!;
  const { impressions, actions, trimmed, batches, batchesDue, applied } = findings;
  return [
    arrival('impressions', impressions, trimmed),
    arrival('actions', actions, trimmed),
    joinedLaw(findings, looks),
    settledLaw(findings),
    samplesLaw(findings, looks),
    ...applied.map(({ name, set }) => batchLaw(name, set, batches, batchesDue)),
    ...findings.copies.map(copyLaw),
  ];
}

function joinedLaw(
  { impressions, joiners, trimmed, untold }: Findings,
  looks: readonly Findings[],
): Law {
  const isTrimmed = trimmed.includes('JOIN');
  const overtook = between(
    looks.map((look) => look.impressions.joined),
    looks.map((look) => look.joiners?.impressions),
    looks.map((look) => look.impressions.joined + look.impressions.joinedAgain),
  );
  const again = (joiners?.impressions ?? 0) - impressions.joined;
  const remarks = [
    ...untold,
    ...(again > 0 ? [`${again} came again after their window, and were dropped as late`] : []),
  ];
  return partly(isTrimmed, 'JOIN', {
    name: 'impressions joined',
    left: { text: 'different ones in JOIN', count: impressions.joined },
    right: { text: 'counted by the joiners', count: joiners?.impressions ?? null },
    holds: joiners !== undefined && (isTrimmed || overtook),
    remark: remarks.join('; '),
  });
}

function settledLaw({ joiners, untold }: Findings): Law {
  const left = { text: 'counted by the joiners', count: joiners?.impressions ?? null };
  const text = 'samples + dropped negatives + late + open';
  const name = 'impressions settled';
  if (!joiners)
    return { name, left, right: { text, count: null }, holds: false, remark: untold.join('; ') };
  const { positives, negatives, negativesDropped, lateImpressions, open } = joiners;
  const settled = positives + negatives + negativesDropped + lateImpressions + open;
  return {
    name,
    left,
    right: { text, count: settled },
    holds: joiners.impressions === settled,
    remark: `${positives} positives, ${negatives} negatives, ${negativesDropped} dropped, ${lateImpressions} late, ${open} open`,
  };
}

function samplesLaw(findings: Findings, looks: readonly Findings[]): Law {
  const { joiners, samples, sampledTwice, sampledUnjoined, trimmed, untold } = findings;
  const isTrimmed = trimmed.includes('SAMPLES');
  const overtook = follow(
    looks.map(emittedIn),
    looks.map((look) => look.samples),
  );
  const remarks = [
    ...(sampledTwice > 0 ? [`${sampledTwice} came twice`] : []),
    ...(sampledUnjoined > 0 ? [`${sampledUnjoined} are of impressions that JOIN has not`] : []),
    ...untold,
  ];
  const isWhole = joiners !== undefined && (isTrimmed || overtook);
  return partly(isTrimmed, 'SAMPLES', {
    name: 'samples',
    left: { text: 'emitted by the joiners', count: emittedIn(findings) ?? null },
    right: { text: 'different ones in SAMPLES', count: samples },
    holds: isWhole && sampledTwice === 0 && sampledUnjoined === 0,
    remark: remarks.join(', '),
  });
}

function arrival(what: string, found: EventFindings, trimmed: readonly string[]): Law {
  const rawTrimmed = trimmed.some((stream) => stream.startsWith('RAW_'));
  const { accepted, missing, surplus, joined, joinedAgain, refused } = found;
  const remarks = [
    ...(missing > 0 ? [`${missing} accepted and nowhere after`] : []),
    ...(surplus > 0 ? [`${surplus} in JOIN that nobody sent`] : []),
    ...(refused > 0 ? [`${refused} dead letters`] : []),
    ...(joinedAgain > 0 ? [`${joinedAgain} came to JOIN again`] : []),
  ];
  return partly(rawTrimmed, 'RAW', {
    name: `${what} accepted`,
    left: { text: 'in RAW', count: accepted },
    right: { text: 'in JOIN or dead letters', count: joined + refused },
    holds: missing === 0 && (rawTrimmed || surplus === 0),
    remark: remarks.join(', '),
  });
}

function emittedIn({ joiners }: Findings): number | undefined {
  return joiners && joiners.positives + joiners.negatives;
}

/** One figure at each look; undefined where it was not told. */
type Course = readonly (number | undefined)[];

/** Whether two figures that grow can be the same one, seen at different moments. */
function follow(x: Course, y: Course): boolean {
  return between(x, y, x);
}

/** Whether a figure that grows can be between two others that do, seen at different moments. */
function between(least: Course, y: Course, most: Course): boolean {
  const k = least.length - 1;
  const isIn = (low?: number, found?: number, high?: number): boolean =>
    low !== undefined && found !== undefined && high !== undefined && low <= found && found <= high;
  return isIn(least[k], y[k], most[k]) || isIn(least[k - 2], y[k - 1], most[k]);
}

/** @param due all batches up to here were acknowledged as durable everywhere. */
function batchLaw(name: string, set: IntervalSet, batches: number, due: number): Law {
  const missing = gapsOf(set, due);
  const surplus = [...set.intervals, { start: 1, end: set.watermark }]
    .filter(({ end }) => end > batches)
    .map(({ start, end }) => ({ start: Math.max(start, batches + 1), end }));
  const remarks = [
    ...(missing.length > 0 ? [`missing ${textOf(missing)}`] : []),
    ...(surplus.length > 0 ? [`never emitted ${textOf(surplus)}`] : []),
  ];
  return {
    name: `batches in ${name}`,
    left: { text: 'in SAMPLES', count: batches },
    right: { text: 'applied', count: set.count },
    holds: missing.length === 0 && surplus.length === 0,
    remark: remarks.join(', '),
  };
}

/** A copy that never stood at the same record as its owner is not known to differ: on a cluster in use it may move on. */
function copyLaw({ name, copies, equal, differing, silent }: CopyFindings): Law {
  const moving = copies - equal - differing.length;
  const remarks = [
    ...differing,
    ...silent,
    ...(moving > 0 ? [`${moving} moved on while they were looked at`] : []),
  ];
  return {
    name,
    left: { text: 'partitions', count: copies },
    right: { text: 'equal to their owners', count: equal },
    holds: differing.length === 0 && silent.length === 0,
    remark: shown(remarks).join('; '),
  };
}

function shown(remarks: readonly string[]): string[] {
  const more = remarks.length - remarksShown;
  return [...remarks.slice(0, remarksShown), ...(more > 0 ? [`and ${more} more`] : [])];
}

interface Range {
  readonly start: number;
  readonly end: number;
}

/** What of 1 … last is not in the set. */
function gapsOf(set: IntervalSet, last: number): Range[] {
  const gaps: Range[] = [];
  let next = set.watermark + 1;
  for (const { start, end } of set.intervals) {
    if (next > last) break;
    if (start > next) gaps.push({ start: next, end: Math.min(start - 1, last) });
    next = end + 1;
  }
  if (next <= last) gaps.push({ start: next, end: last });
  return gaps;
}

function textOf(ranges: readonly Range[]): string {
  const shown = ranges
    .slice(0, rangesShown)
    .map(({ start, end }) => (start === end ? `${start}` : `${start}–${end}`));
  const more = ranges.length - shown.length;
  return shown.join(', ') + (more > 0 ? ` and ${more} more` : '');
}

function partly(trimmed: boolean, stream: string, law: Law): Law {
  if (!trimmed) return law;
  const why = `${stream} has lost its beginning to age: checked for the rest`;
  return { ...law, remark: [law.remark, why].filter((text) => text !== '').join('; ') };
}
