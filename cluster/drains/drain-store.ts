import type { DrainEntry } from '../../messages/drains.js';
import {
  dataCenterOfDrain,
  decodeDrain,
  drainKey,
  drainKeys,
  encodeDrain,
} from '../../messages/drains.js';
import type { RecordBus, RecordKind } from '../../replication/fenced-record.js';
import { FencedRecords } from '../../replication/fenced-record.js';
import type { Stoppable } from '../../runtime/stoppable.js';

const drainRecords: RecordKind<string, DrainEntry> = {
  pattern: drainKeys,
  keyOf: drainKey,
  idOf: dataCenterOfDrain,
  encode: encodeDrain,
  decode: decodeDrain,
  termOf: ({ term }) => term,
  overText: (dataCenter, term, newest) =>
    `term ${term} is over: a leader of term ${newest} decides about ${dataCenter} now.`,
};

/** Which data centers are out of service, changed by the leader alone. */
export class DrainStore implements Stoppable {
  readonly #records: FencedRecords<string, DrainEntry>;

  private constructor(records: FencedRecords<string, DrainEntry>) {
    this.#records = records;
  }

  /** Resolves once what there is is known. */
  static async open(bus: RecordBus): Promise<DrainStore> {
    return new DrainStore(await FencedRecords.open(bus, drainRecords));
  }

  stop(): Promise<void> {
    return this.#records.stop();
  }

  /** Of those that were ever drained. */
  get entries(): ReadonlyMap<string, DrainEntry> {
    return this.#records.all;
  }

  isDrained(dataCenter: string): boolean {
    return this.#records.get(dataCenter)?.drained ?? false;
  }

  onChange(listener: (dataCenter: string, entry: DrainEntry) => void): void {
    this.#records.onChange(listener);
  }

  /** @throws StarlingError FENCED when a leader with a newer term has written, CONFLICT when the same one has. */
  async write(dataCenter: string, next: DrainEntry): Promise<void> {
    await this.#records.write(dataCenter, next);
  }
}
