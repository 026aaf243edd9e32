import {
  alarmKey,
  alarmKeys,
  decodeAlarm,
  encodeAlarm,
  nameOfAlarm,
  type Alarm,
  type AlarmEntry,
} from '../../messages/alarms.js';
import type { RecordBus, RecordKind } from '../../replication/fenced-record.js';
import { FencedRecords } from '../../replication/fenced-record.js';
import type { Stoppable } from '../../runtime/stoppable.js';

const alarmRecords: RecordKind<string, AlarmEntry> = {
  pattern: alarmKeys,
  keyOf: alarmKey,
  idOf: nameOfAlarm,
  encode: encodeAlarm,
  decode: decodeAlarm,
  termOf: ({ term }) => term,
  overText: (name, term, newest) =>
    `term ${term} is over: a leader of term ${newest} judges ${name} now.`,
};

/** Which alarms are raised, changed by the leader alone. */
export class AlarmStore implements Stoppable {
  readonly #records: FencedRecords<string, AlarmEntry>;

  private constructor(records: FencedRecords<string, AlarmEntry>) {
    this.#records = records;
  }

  /** Resolves once what there is is known. */
  static async open(bus: RecordBus): Promise<AlarmStore> {
    return new AlarmStore(await FencedRecords.open(bus, alarmRecords));
  }

  stop(): Promise<void> {
    return this.#records.stop();
  }

  isRaised(name: string): boolean {
    return this.#records.get(name)?.raised ?? false;
  }

  /** By name. */
  get raised(): Alarm[] {
    return [...this.#records.all]
      .filter(([, { raised }]) => raised)
      .map(([name, { text, atMs }]) => ({ name, text, sinceMs: atMs }))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** @throws StarlingError FENCED when a leader with a newer term has written, CONFLICT when the same one has. */
  async write(name: string, next: AlarmEntry): Promise<void> {
    await this.#records.write(name, next);
  }
}
