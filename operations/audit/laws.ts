import type { IntervalSet } from '../../core/base/interval-set.js';
import { settledOf } from '../../core/joining/join-counts.js';
import type { StatsOf } from '../../messages/actor-kinds.js';
import type { BookedStream } from '../../cluster/books/books-reader.js';
import type { CopyFindings } from './copy-ledger.js';

/** What was found in one look at a cluster. */
export interface Findings {
  readonly impressions: EventFindings;
  readonly actions: EventFindings;
  /** Rows of JOIN, and how many of them no joiner could read: those are dead letters. */
  readonly joinRows: number;
  readonly joinRowsBuried: number;
  /** Samples that came twice. */
  readonly sampledTwice: number;
  /** Samples of impressions that never came to JOIN. */
  readonly sampledUnjoined: number;
  readonly samples: number;
  /** Those that no trainer could learn: they are dead letters, and their batches in all ledgers. */
  readonly samplesBuried: number;
  /** Counters of all joiners together, committed with their windows; undefined where one has not told all of them. */
  readonly joiners: JoinerFindings | undefined;
  /** Which figures are missing, in words. */
  readonly untold: readonly string[];
  /** Some joiner has not told them since it is not there yet. */
  readonly joinersComing: boolean;
  /** Sequence of the newest batch in SAMPLES, and up to which trainers have acknowledged all of them. */
  readonly batches: number;
  readonly batchesDue: number;
  /** By partition, and the network, of each model. */
  readonly applied: readonly AppliedBatches[];
  /** Rows of standbys and of each data center that serves, against those of their owners. */
  readonly copies: readonly CopyFindings[];
  /** Logs of events: from where on the books have them, and what they do not have. */
  readonly books: readonly BookedStream[];
  readonly inFlight: InFlight;
}

export interface AppliedBatches {
  readonly name: string;
  readonly set: IntervalSet;
  /** Up to which its trainers have acknowledged all batches; left out: `batchesDue`. */
  readonly due?: number;
}

/** Null: not known. */
export interface InFlight extends Readonly<Record<string, number | null>> {
  /** Records of JOIN from the first one on whose samples are not all in SAMPLES, over all joiners. */
  readonly joining: number | null;
}

export interface EventFindings {
  /** And acknowledged by the processor. */
  readonly accepted: number;
  /** Neither in JOIN nor a dead letter, of these. */
  readonly missing: number;
  /** In JOIN and not among those that anybody has sent; undefined: so many wait for their processors that it is not known. */
  readonly surplus: number | undefined;
  readonly refused: number;
  readonly joined: number;
  readonly joinedAgain: number;
}

export const joinerNames = [
  'impressions',
  'actions',
  'duplicates',
  'passedImpressions',
  'received',
  'samples',
  'positives',
  'negatives',
  'negativesDropped',
  'notGiven',
  'notSeen',
  'erased',
  'passed',
  'passedIn',
  'lateImpressions',
  'ignoredImpressions',
  'open',
] as const satisfies readonly (keyof StatsOf<'joiner'>)[];

export type JoinerFindings = Readonly<Record<(typeof joinerNames)[number], number>>;

/** `under way`: there is a difference, and something on its way that may explain it. */
export const verdicts = ['holds', 'under way', 'violated'] as const;
export type Verdict = (typeof verdicts)[number];

/** One row of the table. */
export interface Law {
  readonly name: string;
  readonly left: Side;
  readonly right: Side;
  readonly verdict: Verdict;
  /** What differs, what is on its way, or from where on it is checked. */
  readonly remark: string;
}

export interface Side {
  readonly text: string;
  /** Null: not known. */
  readonly count: number | null;
}

export function sideText({ text, count }: Side): string {
  return `${count === null ? '?' : count.toLocaleString('en-US')} ${text}`;
}

/** The worst of them. */
export function verdictOf(laws: readonly Pick<Law, 'verdict'>[]): Verdict {
  return laws.reduce<Verdict>(
    (worst, { verdict }) => (verdicts.indexOf(verdict) > verdicts.indexOf(worst) ? verdict : worst),
    'holds',
  );
}

const rangesShown = 5;
const remarksShown = 5;

/**
 * The conservation laws: nothing lost, nothing twice, from the acknowledgement of an event to the rows that know it.
 *
 * @param looks at a cluster that may be in use, oldest first. What is counted in two places moves while it is looked at,
 *   and the figures of joiners are as old as their heartbeat: such figures hold if they have overtaken each other over
 *   three looks, x(k−2) ≤ y(k−1) ≤ x(k), which on a quiet cluster says that they are equal. They are under way as long
 *   as joiners have not read and published all that was there.
 */
export function lawsOf(looks: readonly Findings[]): Law[] {
  const findings = looks.at(-1)!;
  const { batches, batchesDue, applied } = findings;
  return [
    arrival('impressions', findings),
    arrival('actions', findings),
    joinedLaw(findings, looks),
    settledLaw(findings),
    samplesLaw(findings, looks),
    ...applied.map(({ name, set, due = batchesDue }) => batchLaw(name, set, batches, due)),
    ...findings.copies.map(copyLaw),
  ];
}

function arrival(what: 'impressions' | 'actions', findings: Findings): Law {
  const { accepted, missing, surplus, joined, joinedAgain, refused } = findings[what];
  const { gone, begun } = bookRemarks(findings, ['raw', 'join', 'deadLetter']);
  const remarks = [
    ...(missing > 0 ? [`${missing} accepted and nowhere after`] : []),
    ...(surplus === undefined ? ['many wait for their processors'] : []),
    ...(surplus ? [`${surplus} in JOIN that nobody sent`] : []),
    ...(refused > 0 ? [`${refused} dead letters`] : []),
    ...(joinedAgain > 0 ? [`${joinedAgain} came to JOIN again`] : []),
    ...gone,
    ...begun,
  ];
  const isViolated = missing + (surplus ?? 0) + gone.length > 0;
  return {
    name: `${what} accepted`,
    left: { text: what === 'actions' ? 'in RAW, or imported' : 'in RAW', count: accepted },
    right: { text: 'in JOIN or dead letters', count: joined + refused },
    verdict: isViolated ? 'violated' : surplus === undefined ? 'under way' : 'holds',
    remark: remarks.join(', '),
  };
}

function joinedLaw(findings: Findings, looks: readonly Findings[]): Law {
  const sides = { in: (look: Findings) => look.joinRows, counted: countedIn };
  return joinerLaw(findings, {
    name: 'events joined',
    log: 'join',
    left: { text: 'rows in JOIN', count: sides.in(findings) },
    right: { text: 'counted by the joiners', count: sides.counted(findings) ?? null },
    isEqual: follow(looks.map(sides.in), looks.map(sides.counted)),
    faults: [],
    remarks:
      findings.joinRowsBuried > 0 ? [`${findings.joinRowsBuried} of them are dead letters`] : [],
  });
}

function settledLaw(findings: Findings): Law {
  const { joiners } = findings;
  const left = { text: 'counted by the joiners', count: joiners?.impressions ?? null };
  const text = 'positives + negatives + dropped + late + ignored + open, and the others';
  const name = 'impressions settled';
  if (!joiners) return { name, left, right: { text, count: null }, ...untoldIn(findings) };
  const { positives, negatives, negativesDropped, lateImpressions, open, passedIn } = joiners;
  const { ignoredImpressions: ignored } = joiners;
  const settled = settledOf(joiners) - passedIn + lateImpressions + ignored + open;
  return {
    name,
    left,
    right: { text, count: settled },
    verdict: joiners.impressions === settled ? 'holds' : 'violated',
    remark: `${positives} positives, ${negatives} negatives, ${negativesDropped} dropped, ${lateImpressions} late, ${ignored} ignored, ${open} open`,
  };
}

function samplesLaw(findings: Findings, looks: readonly Findings[]): Law {
  const { samples, sampledTwice, sampledUnjoined, samplesBuried } = findings;
  return joinerLaw(findings, {
    name: 'samples',
    log: 'samples',
    left: { text: 'emitted by the joiners', count: emittedIn(findings) ?? null },
    right: { text: 'in SAMPLES', count: samples },
    isEqual: follow(
      looks.map(emittedIn),
      looks.map((look) => look.samples),
    ),
    faults: [
      ...(sampledTwice > 0 ? [`${sampledTwice} came twice`] : []),
      ...(sampledUnjoined > 0 ? [`${sampledUnjoined} are of impressions that JOIN has not`] : []),
    ],
    remarks: samplesBuried > 0 ? [`${samplesBuried} taught nothing, and are dead letters`] : [],
  });
}

interface JoinerLaw extends Pick<Law, 'name' | 'left' | 'right'> {
  /** Counted in full by the books, if they have it from its beginning. */
  readonly log: BookedStream['log'];
  readonly isEqual: boolean;
  readonly faults: readonly string[];
  readonly remarks: readonly string[];
}

/** A count of joiners against one of the books. */
function joinerLaw(findings: Findings, law: JoinerLaw): Law {
  const { name, left, right, log, isEqual, faults, remarks } = law;
  const { gone, begun } = bookRemarks(findings, [log]);
  const told = [...faults, ...remarks, ...gone, ...begun];
  if (faults.length + gone.length > 0)
    return { name, left, right, verdict: 'violated', remark: told.join(', ') };
  if (!findings.joiners) return { name, left, right, ...untoldIn(findings) };
  if (isEqual || begun.length > 0)
    return { name, left, right, verdict: 'holds', remark: told.join(', ') };
  const { joining } = findings.inFlight;
  const isMoving = joining === null || joining > 0;
  const more = (left.count ?? 0) - (right.count ?? 0);
  const differs = `${Math.abs(more)} ${more > 0 ? 'are missing' : 'are too many'}`;
  return {
    name,
    left,
    right,
    verdict: isMoving ? 'under way' : 'violated',
    remark: [differs, ...(isMoving ? ['joiners are at work'] : []), ...told].join(', '),
  };
}

/** Of a figure that nobody has told. */
function untoldIn({ joinersComing, untold }: Findings): Pick<Law, 'verdict' | 'remark'> {
  return { verdict: joinersComing ? 'under way' : 'violated', remark: untold.join('; ') };
}

/** What the books of some streams do not have. */
function bookRemarks({ books }: Findings, logs: readonly BookedStream['log'][]) {
  const each = books.filter(({ log }) => logs.includes(log));
  return {
    gone: each
      .filter(({ gone }) => gone > 0)
      .map(
        ({ stream, gone }) =>
          `${gone} messages of ${stream} have gone: nobody knows what became of them`,
      ),
    begun: each
      .filter(({ from }) => from > 1)
      .map(({ stream, from }) => `${stream} is in the books from ${from} on`),
  };
}

/** Rows of JOIN that joiners have taken in, or could not. */
function countedIn({ joiners, joinRowsBuried }: Findings): number | undefined {
  if (!joiners) return undefined;
  const { impressions, actions, duplicates, passedImpressions, received } = joiners;
  return impressions + actions + duplicates + passedImpressions - received + joinRowsBuried;
}

function emittedIn({ joiners }: Findings): number | undefined {
  return joiners?.samples;
}

/** One figure at each look; undefined where it was not told. */
type Course = readonly (number | undefined)[];

/** Whether two figures that grow can be the same one, seen at different moments. */
function follow(x: Course, y: Course): boolean {
  const k = x.length - 1;
  if (x[k] !== undefined && x[k] === y[k]) return true;
  const [before, between, now] = [x[k - 2], y[k - 1], x[k]];
  if (before === undefined || between === undefined || now === undefined) return false;
  return before <= between && between <= now;
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
    verdict: missing.length === 0 && surplus.length === 0 ? 'holds' : 'violated',
    remark: remarks.join(', '),
  };
}

/** A copy that never stood at the same record as its owner is not known to differ: on a cluster in use it may move on. */
function copyLaw({ name, copies, equal, differing, silent, coming }: CopyFindings): Law {
  const moving = copies - equal - differing.length;
  const remarks = [
    ...differing,
    ...silent,
    ...coming,
    ...(moving > 0 ? [`${moving} moved on while they were looked at`] : []),
  ];
  const isMoving = moving > 0 || coming.length > 0;
  const isViolated = differing.length > 0 || silent.length > 0;
  return {
    name,
    left: { text: 'partitions', count: copies },
    right: { text: 'equal to their owners', count: equal },
    verdict: isViolated ? 'violated' : isMoving ? 'under way' : 'holds',
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
