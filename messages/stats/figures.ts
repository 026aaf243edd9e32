import { isRecord } from '../checks.js';

/**
 * What an actor says of itself is a table of figures, one for each kind of actor. A row of it says unit and meaning, and
 * how a value is checked; the type of what is said, the check at the door, the columns of `starling status` and, later,
 * the names and help texts of metrics follow from it.
 *
 * What is heard comes from other processes, which may be of another release. So every figure is checked by itself: one
 * that is missing or of another shape is absent (undefined), the others are there. Whoever reads it decides what its
 * absence means; it never reads as 0.
 */
export interface Figure<T> {
  /** `counter` never falls in the life of an actor. `gauge` may. */
  readonly form: 'counter' | 'gauge' | 'info' | 'list' | 'histogram' | 'group';
  readonly unit: Unit;
  /** One sentence. */
  readonly help: string;
  /** Its words in `starling status`; figures without are shown with `--json` only. */
  readonly label?: string;
  /** @returns undefined for what is no such figure. */
  readonly read: (value: unknown) => T | undefined;
}

/**
 * `count` is of what the figure is named after. `sequence` is of a stream, or a version. `none`: not a quantity.
 */
export type Unit = 'count' | 'ms' | 'bytes' | 'atMs' | 'sequence' | 'loss' | 'none';

export type Figures = Readonly<Record<string, Figure<unknown>>>;

/** All figures of a table, as their actor says them. */
export type Said<F extends Figures> = {
  readonly [Name in keyof F]: F[Name] extends Figure<infer T> ? T : never;
};

/** Those that were heard. */
export type Heard<F extends Figures> = Partial<Said<F>>;

/** Checks what an actor said; what the table does not know is left out. */
export function hear<F extends Figures>(figures: F, said: unknown): Heard<F> {
  if (!isRecord(said)) return {};
  const heard: Record<string, unknown> = {};
  for (const [name, { read }] of Object.entries(figures)) {
    const value = read(said[name]);
    if (value !== undefined) heard[name] = value;
  }
  return heard as Heard<F>;
}

export function counter(help: string, label?: string): Figure<number> {
  return { form: 'counter', unit: 'count', help, ...labelled(label), read: natural };
}

export function byteCounter(help: string): Figure<number> {
  return { form: 'counter', unit: 'bytes', help, read: natural };
}

export function gauge(unit: Unit, help: string, label?: string): Figure<number> {
  return { form: 'gauge', unit, help, ...labelled(label), read: finite };
}

/** A gauge that has nothing to say at times: null. An actor may say NaN for it, as JSON has none. */
export function measure(unit: Unit, help: string, label?: string): Figure<number | null> {
  return { form: 'gauge', unit, help, ...labelled(label), read: finiteOrNull };
}

export function text(help: string): Figure<string> {
  const read = (value: unknown) => (typeof value === 'string' ? value : undefined);
  return { form: 'info', unit: 'none', help, read };
}

export function flag(help: string): Figure<boolean> {
  const read = (value: unknown) => (typeof value === 'boolean' ? value : undefined);
  return { form: 'info', unit: 'none', help, read };
}

/** Numbers of partitions. */
export function partitions(help: string): Figure<readonly number[]> {
  return { form: 'list', unit: 'none', help, read: naturals };
}

/** A counter for each partition, by its number. */
export function byPartition(help: string): Figure<Readonly<Record<string, number>>> {
  const read = (value: unknown) =>
    isRecord(value) && Object.values(value).every((each) => natural(each) !== undefined)
      ? (value as Record<string, number>)
      : undefined;
  return { form: 'counter', unit: 'count', help, read };
}

/** Counters that belong together, for each of several by its name. */
export function countersByName(
  help: string,
): Figure<Readonly<Record<string, Readonly<Record<string, number>>>>> {
  const areCounts = (value: unknown) =>
    isRecord(value) && Object.values(value).every((each) => natural(each) !== undefined);
  const read = (value: unknown) =>
    isRecord(value) && Object.values(value).every(areCounts)
      ? (value as Record<string, Record<string, number>>)
      : undefined;
  return { form: 'counter', unit: 'count', help, read };
}

/** The same of the newest of something: they may fall. */
export function countsByName(help: string): ReturnType<typeof countersByName> {
  return { ...countersByName(help), form: 'gauge' };
}

/** A number for each of several by its name. */
export function measuresByName(help: string): Figure<Readonly<Record<string, number>>> {
  const read = (value: unknown) =>
    isRecord(value) && Object.values(value).every((each) => finite(each) !== undefined)
      ? (value as Record<string, number>)
      : undefined;
  return { form: 'gauge', unit: 'none', help, read };
}

/** Buckets of core/base/histogram.ts, encoded; histograms of several actors can be added up. */
export function histogram(unit: Unit, help: string): Figure<readonly number[]> {
  return { form: 'histogram', unit, help, read: numbers };
}

/** Figures that belong together; null while there is nothing that they could be of. */
export function group<F extends Figures>(help: string, figures: F): Figure<Said<F> | null> {
  const read = (value: unknown): Said<F> | null | undefined => {
    if (value === null) return null;
    if (!isRecord(value)) return undefined;
    const heard = hear(figures, value);
    return Object.keys(heard).length === Object.keys(figures).length
      ? (heard as Said<F>)
      : undefined;
  };
  return { form: 'group', unit: 'none', help, read };
}

function labelled(label: string | undefined): { readonly label?: string } {
  return label === undefined ? {} : { label };
}

function finite(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}

function finiteOrNull(value: unknown): number | null | undefined {
  if (value === null) return null;
  if (typeof value !== 'number') return undefined;
  return Number.isFinite(value) ? value : null;
}

function natural(value: unknown): number | undefined {
  return Number.isSafeInteger(value) && (value as number) >= 0 ? (value as number) : undefined;
}

/** Lists are copies: what comes out of a channel of Node.js may be of another realm, and is no list to a codec then. */
function naturals(value: unknown): readonly number[] | undefined {
  const isList = Array.isArray(value) && value.every((each) => natural(each) !== undefined);
  return isList ? [...(value as number[])] : undefined;
}

function numbers(value: unknown): readonly number[] | undefined {
  const isList = Array.isArray(value) && value.every((each) => finite(each) !== undefined);
  return isList ? [...(value as number[])] : undefined;
}
