import { assert } from '../base/assert.js';

/** What is predicted of a row that was shown: whether, within a window, one of these events happened. */
export interface OutcomeRule {
  readonly name: string;
  /** Types of events that make it 1. */
  readonly from: readonly string[];
  /** Since the row was shown, milliseconds. */
  readonly windowMs: number;
  /** What this outcome is of: where the given one becomes 0, this one is not learned. */
  readonly given?: string;
  /**
   * It is told as 0 after so long already, while its window goes on: what happens later is told once more, as one that was told as 0.
   * No shorter than the window of what it is given by; only of the first 16 outcomes, and of none that sums.
   */
  readonly earlyMs?: number;
  /** Its label is the sum of the values of its events, known when its window ends. */
  readonly sums?: boolean;
}

export interface EventRule {
  /** Ends all outcomes that are open as 0. */
  readonly negative?: boolean;
  /** Takes back the value of an event of this type, of the same order and item. */
  readonly undoes?: string;
  /** How much a sample counts that it makes 1; absent: 1. */
  readonly weight?: number;
}

export interface JoinRules {
  /** An outcome that another one is given by comes before it, and its window is no longer. */
  readonly outcomes: readonly OutcomeRule[];
  readonly events: Readonly<Record<string, EventRule>>;
}

/** What an event of some type says. */
export interface TypeMeaning {
  /** Of which outcomes it says something, by bits. */
  readonly outcomes: number;
  readonly negative: boolean;
  readonly undoes: string | undefined;
  readonly weight: number;
}

/** Outcomes of a row are bits of a number. */
const outcomesMax = 30;
/** And those that were told early bits of a shorter one (row-state.ts). */
const earlyOutcomesMax = 16;

/** The rules, so that the outcomes of a row are bits: the first outcome is bit 0. */
export class OutcomeSet {
  readonly rules: readonly OutcomeRule[];
  readonly all: number;
  readonly summing: number;
  readonly windowMsMax: number;
  readonly windowMsMin: number;
  /** By outcome, the place of the one that it is given by; −1: none. */
  readonly given: readonly number[];
  readonly #events: JoinRules['events'];
  readonly #byType = new Map<string, TypeMeaning>();
  readonly #dismissal: TypeMeaning;

  constructor({ outcomes, events }: JoinRules) {
    assert(outcomes.length > 0 && outcomes.length <= outcomesMax, `1 … ${outcomesMax} outcomes`);
    this.rules = outcomes;
    this.#events = events;
    this.all = 2 ** outcomes.length - 1;
    this.summing = maskOf(outcomes, ({ sums }) => sums === true);
    this.windowMsMax = Math.max(...outcomes.map(({ windowMs }) => windowMs));
    this.windowMsMin = Math.min(...outcomes.map(({ windowMs }) => windowMs));
    assert(this.windowMsMin > 0, 'windows are positive');
    const places = new Map(outcomes.map(({ name }, i) => [name, i] as const));
    this.given = outcomes.map(({ given }, i) => {
      const place = given === undefined ? -1 : (places.get(given) ?? i);
      assert(place < i, `${given} comes before what is given by it`);
      assert(place < 0 || !outcomes[place]!.sums, `${given} is no value`);
      return place;
    });
    outcomes.forEach(({ earlyMs, windowMs, sums }, i) => {
      if (earlyMs === undefined) return;
      assert(earlyMs > 0 && earlyMs < windowMs, 'told early, but not at once, nor when it is over');
      assert(!sums && i < earlyOutcomesMax, 'of a chance, among the first');
      const given = outcomes[this.given[i]!];
      assert(!given || given.windowMs <= earlyMs, 'what it is given by is known by then');
    });
    this.#dismissal = { outcomes: this.all, negative: true, undoes: undefined, weight: 1 };
  }

  /** @param isPositive false: an explicit dismissal, of whatever type. */
  meaningOf(type: string, isPositive: boolean): TypeMeaning {
    if (!isPositive) return this.#dismissal;
    const known = this.#byType.get(type);
    if (known) return known;
    const { negative = false, undoes, weight = 1 } = this.#events[type] ?? {};
    const meaning = negative
      ? this.#dismissal
      : { negative, undoes, weight, outcomes: this.#of(type) };
    this.#byType.set(type, meaning);
    return meaning;
  }

  #of(type: string): number {
    const undoes = this.#events[type]?.undoes;
    return maskOf(this.rules, ({ sums, from }) =>
      undoes === undefined ? from.includes(type) : sums === true && from.includes(undoes),
    );
  }
}

function maskOf(rules: readonly OutcomeRule[], has: (rule: OutcomeRule) => boolean): number {
  return rules.reduce((mask, rule, i) => (has(rule) ? mask | (1 << i) : mask), 0);
}
