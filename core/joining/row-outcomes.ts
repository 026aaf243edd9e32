import type { JoinBooks } from './join-books.js';
import type { KeptRows } from './kept-rows.js';
import { keepsNegative } from './negative-sampling.js';
import type { OpenRow } from './open-rows.js';
import type { OutcomeSet, TypeMeaning } from './outcome-rules.js';
import type { PersonEvent } from './person-event.js';
import type { SampleBuilder } from './sample-builder.js';
import type { Activity } from '../base/activity.js';

export interface RowOutcomesOptions {
  readonly outcomes: OutcomeSet;
  readonly negativeRate: number;
}

export interface RowOutcomesPorts {
  readonly kept: KeptRows;
  readonly books: JoinBooks;
  readonly samples: SampleBuilder;
  /** Followers of people. */
  readonly tell: (activity: Activity) => void;
  /** Nothing is open of it any more. */
  readonly onClosed: (row: OpenRow) => void;
}

/** Why an outcome ends without a label. */
export type EndedAs = 'notGiven' | 'notSeen' | 'erased' | 'passed';

/** What becomes known of rows, outcome by outcome, and the samples that are made of it: one of all that becomes known at once. */
export class RowOutcomes {
  readonly #options: RowOutcomesOptions;
  readonly #ports: RowOutcomesPorts;
  readonly #labels: Float64Array;

  constructor(options: RowOutcomesOptions, ports: RowOutcomesPorts) {
    this.#options = options;
    this.#ports = ports;
    this.#labels = new Float64Array(options.outcomes.rules.length);
  }

  /** Outcomes of the row that an event says something of, by bits. */
  saidOf(row: OpenRow, meaning: TypeMeaning, atMs: number): number {
    return meaning.outcomes & row.open & this.#windowsAt(row, atMs);
  }

  /** Whether the event is in the window of any outcome that it says something of. */
  isWithin(row: OpenRow, meaning: TypeMeaning, atMs: number): boolean {
    return (meaning.outcomes & this.#windowsAt(row, atMs)) !== 0;
  }

  /** @param said see `saidOf`; not 0. */
  join(row: OpenRow, event: PersonEvent, meaning: TypeMeaning, said: number): void {
    const { kept } = this.#ports;
    const { summing } = this.#options.outcomes;
    // Who does something with an item has seen it.
    this.see(row, event.atMs);
    let known = said;
    if (meaning.negative) {
      this.#labels.fill(0);
      row.isDismissed = true;
    } else {
      this.#labels.fill(1);
      known = said & ~summing;
      if (said & summing) this.#add(row, said & summing, event, meaning.undoes);
    }
    kept.touch(row);
    if (known !== 0) this.#resolve(row, known, event.acceptedAtMs, meaning.weight);
  }

  /** It was on screen. */
  see(row: OpenRow, atMs: number): void {
    if (row.isShown) return;
    row.isShown = true;
    row.sinceMs = Math.max(row.sinceMs, atMs);
    this.tellShown(row);
    this.#ports.kept.touch(row);
    this.#ports.kept.schedule(row);
  }

  tellShown({ person, item, sinceMs: atMs }: OpenRow): void {
    this.#ports.tell({ kind: 'shown', person, item, atMs });
  }

  /** Time has come for what ends of it by then. */
  close(row: OpenRow, atMs: number): void {
    if (row.open === 0) return;
    if (!row.isShown) return this.end(row, row.open, 'notSeen');
    const { rules } = this.#options.outcomes;
    let known = 0;
    for (let i = 0; i < rules.length; i++) {
      const bit = 1 << i;
      if (!(row.open & bit) || row.sinceMs + rules[i]!.windowMs > atMs) continue;
      known |= bit;
      this.#labels[i] = rules[i]!.sums ? sumOf(row, i) : 0;
    }
    if (known !== 0) this.#resolve(row, known, NaN);
    if (row.open !== 0) this.#tellEarly(row, atMs);
  }

  /** One sample of all that is told as 0 by then, though it may come yet. */
  #tellEarly(row: OpenRow, atMs: number): void {
    const { outcomes, negativeRate: sampleRate } = this.#options;
    const { books, kept, samples } = this.#ports;
    let known = 0;
    outcomes.rules.forEach(({ earlyMs }, i) => {
      const bit = 1 << i;
      if (earlyMs === undefined || !(row.open & ~row.told & bit)) return;
      if (row.sinceMs + earlyMs > atMs) return;
      known |= bit;
      this.#labels[i] = 0;
    });
    if (known === 0) return;
    row.told |= known;
    kept.touch(row);
    if (!keepsNegative(row.requestId, row.item, sampleRate)) return;
    books.events.samples++;
    const { person } = row;
    kept.addTo(samples, row, {
      person,
      known,
      labels: this.#labels,
      sampleRate,
      acceptedAtMs: NaN,
    });
  }

  /** @param which of the outcomes that are open, by bits. */
  end(row: OpenRow, which: number, as: EndedAs): void {
    this.#end(row, which, as);
    if (row.open === 0) this.#ports.onClosed(row);
  }

  /** Learns an event of its own accord against what was drawn; false where it says nothing that can be learned so. */
  learnAlone(event: PersonEvent, meaning: TypeMeaning): boolean {
    const { outcomes } = this.#options;
    const known = meaning.outcomes & ~outcomes.summing;
    if (known === 0 || meaning.negative || meaning.undoes !== undefined) return false;
    const { person, acceptedAtMs, moment } = event;
    if (!moment) return false;
    const { batch, from, to, weights } = moment;
    for (let row = from; row < to; row++) {
      const isOwn = row === from;
      this.#labels.fill(isOwn ? 1 : 0);
      this.#ports.books.events.samples++;
      this.#ports.samples.addRow(batch, row, {
        ...{ person, known, labels: this.#labels, sampleRate: 1 },
        weight: meaning.weight * (weights?.[row] ?? 1),
        acceptedAtMs: isOwn ? acceptedAtMs : NaN,
      });
    }
    return true;
  }

  /** Says the labels of what is known now, and makes one sample of it. What is given by a 0 is not learned. */
  #resolve(row: OpenRow, known: number, acceptedAtMs: number, weight = 1): void {
    const { outcomes, negativeRate } = this.#options;
    const { books, kept, samples } = this.#ports;
    let learned = 0;
    let sampleRate = 1;
    for (let i = 0; i < outcomes.rules.length; i++) {
      const bit = 1 << i;
      if (!(row.open & bit)) continue;
      if (this.#isNotGiven(row, i)) this.#end(row, bit, 'notGiven');
      else if (known & bit) {
        const label = this.#labels[i]!;
        const sums = (outcomes.summing & bit) !== 0;
        row.open &= ~bit;
        const counts = books.outcomes[i]!;
        counts.open--;
        this.#tell(row, i, label);
        if (label === 0 && !sums) {
          if (!keepsNegative(row.requestId, row.item, negativeRate)) {
            counts.negativesDropped++;
            continue;
          }
          counts.negatives++;
          // It was learned when it was told.
          if (row.told & bit) continue;
          sampleRate = negativeRate;
        } else counts.positives++;
        if (label === 1 && !sums) row.reached |= bit;
        learned |= bit;
      }
    }
    if (learned !== 0) {
      const { person } = row;
      books.events.samples++;
      kept.addTo(samples, row, {
        ...{ person, known: learned, labels: this.#labels, sampleRate, acceptedAtMs },
        ...{ weight: learned & row.reached ? weight : 1, late: learned & row.told },
      });
    }
    kept.touch(row);
    if (row.open === 0) this.#ports.onClosed(row);
  }

  /** What it is given by is known, and did not happen. */
  #isNotGiven(row: OpenRow, i: number): boolean {
    const given = this.#options.outcomes.given[i]!;
    return given >= 0 && ((row.open | row.reached) & (1 << given)) === 0;
  }

  #end(row: OpenRow, which: number, as: EndedAs): void {
    for (let i = 0; i < this.#labels.length; i++) {
      if (!(row.open & which & (1 << i))) continue;
      const counts = this.#ports.books.outcomes[i]!;
      counts.open--;
      counts[as]++;
    }
    row.open &= ~which;
    this.#ports.kept.touch(row);
  }

  #tell(row: OpenRow, i: number, label: number): void {
    const { person, item, requestId, sinceMs: atMs } = row;
    const outcome = this.#options.outcomes.rules[i]!.name;
    this.#ports.tell({ kind: 'outcome', person, outcome, label, item, requestId, atMs });
  }

  #add(row: OpenRow, which: number, event: PersonEvent, undoes: string | undefined): void {
    const { order, type, value } = event;
    const values = (row.values ??= []);
    for (let outcome = 0; outcome < this.#labels.length; outcome++) {
      if (!(which & (1 << outcome))) continue;
      if (undoes === undefined) {
        values.push({ outcome, order, type, value: Number.isNaN(value) ? 0 : value });
        continue;
      }
      const undone = values.findIndex((each) => {
        return each.outcome === outcome && each.order === order && each.type === undoes;
      });
      if (undone >= 0) values.splice(undone, 1);
    }
  }

  #windowsAt({ sinceMs }: OpenRow, atMs: number): number {
    const { rules } = this.#options.outcomes;
    let within = 0;
    for (let i = 0; i < rules.length; i++)
      if (atMs <= sinceMs + rules[i]!.windowMs) within |= 1 << i;
    return within;
  }
}

function sumOf({ values }: OpenRow, outcome: number): number {
  if (!values) return 0;
  return values.reduce((sum, each) => (each.outcome === outcome ? sum + each.value : sum), 0);
}
