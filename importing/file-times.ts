import { secondsOf } from '../messages/event-time.js';
import { localClock } from './local-time.js';

/** The times of one file: in whichever way they are written, and what is to be said of it. */
export interface FileTimesOptions {
  /** Of times that name no zone; an IANA name. UTC, and said so, if left out. */
  readonly timezone?: string | undefined;
  /** Of now, in seconds: what is later is told. */
  readonly nowSeconds?: number | undefined;
  /** Takes what a person should know: the unit, the zone, what was doubtful and what was left out. */
  readonly note?: (text: string) => void;
}

const decimal = /^\d+(\.\d*)?(e\+?\d+)?$/i;
const zoneless = /^\d{4}-\d\d-\d\d([T ][\d:.,]+)?$/;
/** Of the year 5138 in seconds, of 1973 in milliseconds: nobody means seconds by anything above. */
const millisecondsMin = 1e11;
/** The end of the year 9999, as a database writes "never". In milliseconds it would be 1978. */
const neverSeconds = 253_402_300_799;
/** The same in milliseconds would be microseconds of 1978, and so on: what is below is of the larger unit, and "never". */
const smaller = [
  { unit: 'microseconds', perSecond: 1e6, min: neverSeconds * 1e3 + 1_000, max: 4e15 },
  { unit: 'nanoseconds', perSecond: 1e9, min: neverSeconds * 1e6 + 1_000_000, max: 4e18 },
] as const;
/** What events may say at all; see event-time.ts. */
const lastYear = 2096;

export class FileTimes {
  readonly #name: string;
  readonly #options: FileTimesOptions;
  readonly #clock: ReturnType<typeof localClock> | undefined;
  readonly #counts = {
    ...{ seconds: 0, milliseconds: 0, microseconds: 0, nanoseconds: 0 },
    ...{ dates: 0, zoneless: 0, twice: 0, never: 0, ahead: 0, zero: 0 },
  };
  #firstTwice = '';
  #firstNever = '';
  #firstAhead = '';
  #firstZero = '';

  constructor(name: string, options: FileTimesOptions) {
    this.#name = name;
    this.#options = options;
    this.#clock = options.timezone === undefined ? undefined : localClock(options.timezone);
  }

  /**
   * @param place in the file, for a person: `line 3`.
   * @returns seconds since 1970; 'never' for a date so far away that it stands for none, of which its row is to be left out:
   *   taken for a time it would end every window; undefined for what is no time.
   */
  read(text: string, place: string): number | 'never' | undefined {
    const trimmed = text.trim();
    const time = decimal.test(trimmed) ? this.#number(Number(trimmed)) : this.#date(trimmed, place);
    if (time === 'never') {
      this.#counts.never++;
      this.#firstNever ||= `${place}: ${trimmed}`;
    } else if (time === 0) {
      this.#counts.zero++;
      this.#firstZero ||= `${place}: ${trimmed}`;
    } else if (time !== undefined && time > (this.#options.nowSeconds ?? Infinity)) {
      this.#counts.ahead++;
      this.#firstAhead ||= `${place}: ${trimmed}`;
    }
    return time;
  }

  /** Rows with a date that stands for none. */
  get leftOut(): number {
    return this.#counts.never;
  }

  /** In words: how the times are written, and of which zone they are. */
  get written(): string {
    const { dates, zoneless: bare } = this.#counts;
    const units = ['seconds', 'milliseconds', 'microseconds', 'nanoseconds'] as const;
    const found = units
      .filter((unit) => this.#counts[unit] > 0)
      .map((unit) => `${unit} since 1970`);
    const zone =
      bare > 0 ? `, without a zone: ${this.#options.timezone ?? 'UTC'}` : ', with a zone';
    const partly = bare > 0 && bare < dates ? ', some with a zone' : '';
    return [...found, ...(dates > 0 ? [`ISO 8601${zone}${partly}`] : [])].join(' and ') || 'none';
  }

  /** After the last row. */
  tell(): void {
    const { note = () => undefined, timezone } = this.#options;
    const { seconds, milliseconds, zoneless: bare, twice, never, ahead, zero } = this.#counts;
    const say = (text: string): void => note(`${this.#name}: ${text}`);
    if (milliseconds > 0) {
      const mixed = seconds > 0 ? counted(milliseconds, 'time is', 'times are') : 'times are';
      say(`${mixed} milliseconds since 1970${seconds > 0 ? `, ${seconds} seconds` : ''}`);
    }
    if (bare > 0) {
      const zone = timezone ?? 'UTC (--timezone names another)';
      say(
        `${counted(bare, 'time names', 'times name')} no zone and ${bare === 1 ? 'is' : 'are'} taken for ${zone}`,
      );
    }
    if (twice > 0) {
      const what = counted(twice, 'time is', 'times are');
      say(`${what} of an hour that came twice, the earlier is taken; ${this.#firstTwice}`);
    }
    if (ahead > 0) {
      const what = counted(ahead, 'time is', 'times are');
      say(`${what} yet to come, and of events nothing is learned then; ${this.#firstAhead}`);
    }
    if (zero > 0 && this.#options.nowSeconds !== undefined) {
      const what = counted(zero, 'time is', 'times are');
      say(`${what} the first moment of 1970, which may stand for none; ${this.#firstZero}`);
    }
    if (never > 0) {
      const what = counted(never, 'row is', 'rows are');
      say(`${what} left out, of a time after ${lastYear}; ${this.#firstNever}`);
    }
  }

  #number(value: number): number | 'never' | undefined {
    if (value >= millisecondsMin && value <= neverSeconds) return 'never';
    const small = smaller.find(({ min, max }) => value >= min && value <= max);
    if (small) {
      this.#counts[small.unit]++;
      return value / small.perSecond;
    }
    const seconds = secondsOf(value);
    if (seconds === undefined) return 'never'; // It is a number, not negative, and of no unit that reaches so far.
    this.#counts[value >= millisecondsMin ? 'milliseconds' : 'seconds']++;
    return seconds;
  }

  #date(text: string, place: string): number | 'never' | undefined {
    const seconds = secondsOf(text);
    if (seconds === undefined) {
      // The same day of another year tells a date that is too far from none at all.
      const isFar = /^\d{4}-/.test(text) && Number(text.slice(0, 4)) >= lastYear;
      return isFar && secondsOf(`2000${text.slice(4)}`) !== undefined ? 'never' : undefined;
    }
    this.#counts.dates++;
    if (!zoneless.test(text)) return seconds;
    this.#counts.zoneless++;
    if (!this.#clock) return seconds;
    const local = this.#clock(seconds);
    if (local.twice) {
      this.#counts.twice++;
      this.#firstTwice ||= `${place}: ${text}`;
    }
    return local.seconds;
  }
}

function counted(count: number, one: string, many: string): string {
  return `${count} ${count === 1 ? one : many}`;
}
