import { at } from '../../core/base/columns.js';
import { StarlingError } from '../../core/base/errors.js';
import type { JoinWindow } from '../../core/joining/join-window.js';
import { isVisitor } from '../../core/joining/person-event.js';
import type { Popularity } from '../../core/retrieval/popularity.js';
import { asMessage, text } from '../../messages/checks.js';
import { decode } from '../../messages/codec.js';
import { lanes } from '../../core/joining/event-facts.js';
import type { Actions } from '../../messages/events.js';
import { parseActions, parseAdvance, parseImpressions } from '../../messages/events.js';
import {
  parseAlias,
  parseErase,
  parsePointers,
  parseSent,
  parseShown,
} from '../../messages/join-records.js';
import { parseRules } from '../../messages/join-rules.js';
import { parseImport } from '../../messages/import-records.js';
import type { ExampleSpec } from '../../messages/example-columns.js';
import type { StreamMessage } from '../../runtime/bus/logs.js';

export type JoinRecordMessage = Pick<StreamMessage, 'subject' | 'sequence' | 'bytes'>;

export interface ReaderPorts {
  readonly spec: ExampleSpec;
  readonly window: Pick<
    JoinWindow,
    | 'reads'
    | 'observeImpressions'
    | 'observeActions'
    | 'observeShown'
    | 'observePointers'
    | 'observeAlias'
    | 'observeErase'
    | 'observeSent'
    | 'observeImport'
    | 'observeRules'
    | 'eventMsMax'
    | 'advance'
    | 'closeAll'
  >;
  readonly popularity: Pick<Popularity, 'add'>;
  /** Types of events that count for an item. */
  readonly hoped: ReadonlySet<string>;
  /**
   * Keeps what can't be read, with the reason.
   * @throws StarlingError SPEC_MISMATCH for what the next process can read: this one reads no further.
   */
  readonly bury: (message: JoinRecordMessage, error: unknown) => Promise<void>;
  /** The window has taken in what there is up to this record. */
  readonly onRead: (sequence: number) => void;
  readonly nowMs: () => number;
}

/** Brings the records of JOIN into the window, one after the other. */
export class JoinReader {
  readonly #ports: ReaderPorts;
  #consumed: number;
  #arrivedAtMs: number;
  /** A record that it must not pass over; 0: none. */
  #stopsAt = 0;

  /** @param consumed the record that the window knows last. */
  constructor(ports: ReaderPorts, consumed: number) {
    this.#ports = ports;
    this.#consumed = consumed;
    this.#arrivedAtMs = ports.nowMs();
  }

  /** Sequence of the newest record that is in the window. */
  get consumed(): number {
    return this.#consumed;
  }

  /**
   * When the last live event came, by the wall clock. Records of the clock itself are none, and what is imported says nothing of
   * whether something live is on its way.
   */
  get arrivedAtMs(): number {
    return this.#arrivedAtMs;
  }

  /** @returns how many rows it brought. @throws StarlingError as `bury`, from then on. */
  async read(message: JoinRecordMessage): Promise<number> {
    this.#requireInOrder(message);
    let rows = 0;
    const { window } = this.#ports;
    const eventMsMax = window.eventMsMax;
    window.reads(message.sequence);
    try {
      rows = this.#observe(decode(message.bytes));
    } catch (error) {
      this.#stopsAt = message.sequence;
      await this.#ports.bury(message, error);
      this.#stopsAt = 0;
    }
    if (window.eventMsMax > eventMsMax) this.#arrived(0);
    // Here and not when it happens to be drained: the samples follow from the log alone.
    this.#ports.window.advance();
    this.#consumed = message.sequence;
    this.#ports.onRead(message.sequence);
    return rows;
  }

  /** What had been sent already behind one that only the next process can read. */
  #requireInOrder({ subject, sequence }: JoinRecordMessage): void {
    if (this.#stopsAt === 0) return;
    const text = `${subject} #${sequence} is not read, as record ${this.#stopsAt} is not.`;
    throw new StarlingError('SPEC_MISMATCH', text, { stopsAt: this.#stopsAt });
  }

  #observe(value: unknown): number {
    const { window, spec } = this.#ports;
    const kind = text(asMessage(value, 'join'), 'kind', 'join');
    switch (kind) {
      case 'advance': {
        const { watermarkMs, lane } = parseAdvance(value);
        if (watermarkMs === 'end') window.closeAll();
        else window.advance(watermarkMs, lane);
        return 0;
      }
      case 'shown': {
        const shown = parseShown(value);
        window.observeShown(shown);
        return this.#arrived(shown.items.length);
      }
      case 'pointers':
        window.observePointers(parsePointers(value));
        return this.#arrived(0);
      case 'alias': {
        const { visitors, users, atMs } = parseAlias(value);
        visitors.forEach((visitor, i) => window.observeAlias(visitor, users[i]!, at(atMs, i)));
        return this.#arrived(visitors.length);
      }
      case 'erase': {
        const { persons, atMs } = parseErase(value);
        persons.forEach((person, i) => {
          // A visitor is one user at a time; who is erased is not whoever uses the device now.
          const isUp = !isVisitor(person);
          window.observeErase({ person, atMs: at(atMs, i), isUp });
        });
        return this.#arrived(persons.length);
      }
      case 'sent': {
        const records = parseSent(value, spec);
        for (const record of records) window.observeSent(record);
        // Of either lane, as far as can be seen from here.
        return records.length;
      }
      case 'import': {
        const imported = parseImport(value, spec);
        window.observeImport(imported);
        if (imported.actions) this.#popular(imported.actions);
        return imported.positions.length + imported.aliases.visitors.length;
      }
      case 'rules':
        window.observeRules(parseRules(value));
        return 0;
      case 'actions':
        return this.#act(value);
      case 'impressions': {
        const impressions = parseImpressions(value, spec);
        window.observeImpressions(impressions);
        return this.#arrivedIn(impressions.facts.lanes, impressions.items.length);
      }
      default:
        throw new StarlingError('BAD_MESSAGE', `join: records of kind "${kind}" are not known.`, {
          kind,
        });
    }
  }

  #act(value: unknown): number {
    const { window, spec } = this.#ports;
    const actions = parseActions(value, spec);
    window.observeActions(actions);
    this.#popular(actions);
    return this.#arrivedIn(actions.facts.lanes, actions.items.length);
  }

  #popular(actions: Actions): void {
    const { popularity, hoped } = this.#ports;
    actions.items.forEach((item, i) => {
      const isIgnored = at(actions.facts.ignored, i) !== '';
      if (!isIgnored && actions.labels[i] === 1 && hoped.has(at(actions.facts.types, i)))
        popularity.add(item, actions.atMs[i]!);
    });
  }

  /** @param of the rows: one for all, or one each. */
  #arrivedIn(of: Uint8Array, rows: number): number {
    return of.includes(lanes.live) ? this.#arrived(rows) : rows;
  }

  #arrived(rows: number): number {
    this.#arrivedAtMs = this.#ports.nowMs();
    return rows;
  }
}
