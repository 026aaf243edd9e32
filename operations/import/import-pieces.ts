import { columnsOfRows } from '../../core/base/columns.js';
import { StarlingError } from '../../core/base/errors.js';
import type { EncodedEntity, Transform } from '../../core/features/transform.js';
import { actionFactTable, lanes } from '../../core/joining/event-facts.js';
import { joinPartitionOf } from '../../core/joining/join-partition.js';
import { encode } from '../../messages/codec.js';
import type { Actions } from '../../messages/events.js';
import { importMessage, type ImportRecord } from '../../messages/import-records.js';
import { fitsInto } from '../../runtime/fitting-messages.js';
import type { FoldedAlias, FoldedEvent } from './import-fold.js';

interface Row {
  readonly position: number;
  readonly event?: FoldedEvent;
  readonly alias?: FoldedAlias;
}

/** Records of one partition, in order, and what they go up to. */
export interface EncodedPiece {
  readonly records: readonly Uint8Array[];
  readonly through: number;
}

export interface ImportPiecesOptions {
  readonly name: string;
  readonly transform: Transform;
  /** Of JOIN. */
  readonly partitions: number;
  readonly payloadBytesMax: number;
}

/** What was folded and not sent yet, by partition of JOIN. */
export class ImportPieces {
  readonly #options: ImportPiecesOptions;
  #pieces = new Map<number, Row[]>();
  #events = 0;

  constructor(options: ImportPiecesOptions) {
    this.#options = options;
  }

  /** That are in hand. */
  get events(): number {
    return this.#events;
  }

  homeOf(person: string): number {
    return joinPartitionOf(person, this.#options.partitions);
  }

  /** Before the event at the same position. */
  addAlias(position: number, alias: FoldedAlias): void {
    this.#pieceOf(this.homeOf(alias.visitor)).push({ position, alias });
  }

  addEvent(position: number, event: FoldedEvent): void {
    this.#pieceOf(this.homeOf(event.person)).push({ position, event });
    this.#events++;
  }

  /** Of each partition that has any. @throws StarlingError PAYLOAD_TOO_LARGE for an event that fits into no message. */
  take(): Map<number, EncodedPiece> {
    return this.#taken((rows) => ({
      records: this.#encoded(rows),
      through: rows.at(-1)!.position,
    }));
  }

  /** The same for a window of this process. */
  takeRecords(): Map<number, ImportRecord> {
    return this.#taken((rows) => this.#recordOf(rows));
  }

  #taken<T>(of: (rows: readonly Row[]) => T): Map<number, T> {
    const taken = new Map([...this.#pieces].map(([partition, rows]) => [partition, of(rows)]));
    this.#pieces = new Map();
    this.#events = 0;
    return taken;
  }

  #pieceOf(partition: number): Row[] {
    const piece = this.#pieces.get(partition) ?? [];
    this.#pieces.set(partition, piece);
    return piece;
  }

  #encoded(rows: readonly Row[]): Uint8Array[] {
    const { payloadBytesMax } = this.#options;
    const bytes = this.#record(rows);
    if (fitsInto(payloadBytesMax, bytes)) return [bytes];
    const middle = rows.length >> 1;
    // What is at one position is in one record.
    const half = rows[middle - 1]?.position === rows[middle]?.position ? middle + 1 : middle;
    if (half <= 0 || half >= rows.length) {
      const text = `an event takes a message of ${bytes.length} bytes, and the NATS server takes ${payloadBytesMax} (max_payload).`;
      throw new StarlingError('PAYLOAD_TOO_LARGE', text, { bytes: bytes.length, payloadBytesMax });
    }
    return [...this.#encoded(rows.slice(0, half)), ...this.#encoded(rows.slice(half))];
  }

  #record(rows: readonly Row[]): Uint8Array {
    return encode(importMessage(this.#options.transform.spec, this.#recordOf(rows)));
  }

  #recordOf(rows: readonly Row[]): ImportRecord {
    const { name } = this.#options;
    const events = rows.flatMap(({ event }) => event ?? []);
    const aliases = rows.filter(({ alias }) => alias !== undefined);
    return {
      ...{ name, through: rows.at(-1)!.position },
      positions: Float64Array.from(
        rows.filter(({ event }) => event !== undefined),
        ({ position }) => position,
      ),
      actions: events.length === 0 ? undefined : this.#actionsOf(events),
      aliases: {
        positions: Float64Array.from(aliases, ({ position }) => position),
        visitors: aliases.map(({ alias }) => alias!.visitor),
        users: aliases.map(({ alias }) => alias!.user),
        atMs: Float64Array.from(aliases, ({ alias }) => alias!.atMs),
      },
    };
  }

  #actionsOf(events: readonly FoldedEvent[]): Actions {
    return {
      requestIds: events.map(() => ''),
      items: events.map(({ item }) => item),
      atMs: Float64Array.from(events, ({ atMs }) => atMs),
      labels: Float32Array.from(events, ({ label }) => label),
      // Nobody waits to see it.
      acceptedAtMs: new Float64Array(events.length).fill(NaN),
      facts: columnsOfRows(
        actionFactTable,
        events.map(({ facts }) => ({ ...facts, lanes: lanes.import })),
      ),
      ...this.#momentOf(events),
    };
  }

  #momentOf(events: readonly FoldedEvent[]): Pick<Actions, 'moment'> {
    if (events.every(({ moment }) => moment === undefined)) return {};
    const items: string[] = [];
    const weights: number[] = [];
    const users: EncodedEntity[] = [];
    const encoded: EncodedEntity[] = [];
    const contexts: EncodedEntity[] = [];
    const ends = new Uint32Array(events.length);
    events.forEach(({ moment }, i) => {
      moment?.items.forEach((item, row) => {
        items.push(item);
        weights.push(moment.weights[row]!);
        users.push(moment.user);
        encoded.push(moment.encoded[row]!);
        contexts.push(moment.context);
      });
      ends[i] = items.length;
    });
    const examples = this.#options.transform.assemble(users, encoded, contexts);
    const isWeighed = weights.some((weight) => weight !== 1);
    return {
      moment: {
        ...{ items, ends, examples },
        ...(isWeighed ? { weights: Float32Array.from(weights) } : {}),
      },
    };
  }
}
