import type { Cancel } from '../../core/base/clock.js';
import { codeOf, messageOf } from '../../core/base/errors.js';
import { bookedEvents, type BookTotals } from '../../messages/books.js';
import type { Bus } from '../../runtime/bus/bus.js';
import type { Stoppable } from '../../runtime/stoppable.js';
import { BooksReader } from './books-reader.js';

/**
 * Between two looks. They must be far more often than logs lose what is old, which is after days. Too low: consumers are
 * made for nothing. Too high: a look reads much at once.
 */
const lookMsDefault = 300_000;

/** Other times than usual. */
export interface BookTimes {
  /** Between two looks. */
  readonly lookMs: number;
  /** For how long events are remembered one by one, at least. */
  readonly rememberMs: number;
}

export interface BooksKeeperOptions {
  readonly bus: Bus;
  readonly dataCenters: readonly string[];
  readonly times?: BookTimes | undefined;
  readonly log: (line: string) => void;
}

/**
 * Keeps the books of the events while there is a leader: reads on in their logs and writes down what they say, long before
 * any of it is old enough to go. A leader that has been taken over from writes nothing more: the record is compared and set.
 */
export class BooksKeeper implements Stoppable {
  readonly #options: BooksKeeperOptions;
  #reader: BooksReader | undefined;
  #cancel: Cancel | undefined;
  #stopped = false;
  /** What was told last. */
  #faults = '';

  constructor(options: BooksKeeperOptions) {
    this.#options = options;
    this.#lookLater();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancel?.();
  }

  #lookLater(): void {
    if (this.#stopped) return;
    const { bus, times } = this.#options;
    this.#cancel = bus.clock.after(times?.lookMs ?? lookMsDefault, () => {
      void this.#look().finally(() => this.#lookLater());
    });
  }

  async #look(): Promise<void> {
    const { bus, dataCenters, times, log } = this.#options;
    try {
      const reader = (this.#reader ??= await BooksReader.open(bus, times?.rememberMs));
      await reader.look(dataCenters.map((name) => bus.names.stream.raw(name)));
      if (this.#stopped) return;
      await reader.writeDown();
      this.#tell(reader.books.totals);
    } catch (error) {
      // From the written books on, the next time.
      this.#reader = undefined;
      const isUsual = this.#stopped || codeOf(error) === 'CONFLICT';
      if (!isUsual) log(`the books are not kept now: ${codeOf(error)}: ${messageOf(error)}`);
    }
  }

  /** A fault in the books is for somebody to see who does not ask for an audit. */
  #tell(totals: BookTotals): void {
    const faults = faultsIn(totals).join(', ');
    if (faults === this.#faults) return;
    this.#faults = faults;
    if (faults !== '')
      this.#options.log(
        `the books of the events do not balance: ${faults}; see \`starling audit\``,
      );
  }
}

function faultsIn(totals: BookTotals): string[] {
  const counts: [string, number][] = [
    ...bookedEvents.flatMap((event): [string, number][] => [
      [`${event} accepted and nowhere after`, totals[event].missing],
      [`${event} that nobody sent`, totals[event].surplus],
    ]),
    ['samples twice', totals.sampledTwice],
    ['samples of no impression', totals.sampledUnjoined],
  ];
  return counts.filter(([, count]) => count > 0).map(([what, count]) => `${count} ${what}`);
}
