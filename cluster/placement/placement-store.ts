import type { PlacementRecord } from '../../messages/hosts.js';
import { decodePlacement, encodeRecord, placementKey } from '../../messages/hosts.js';
import type { RecordBus, RecordKind } from '../../replication/fenced-record.js';
import { FencedRecords } from '../../replication/fenced-record.js';
import type { Stoppable } from '../../runtime/stoppable.js';

const placements: RecordKind<'placement', PlacementRecord> = {
  pattern: placementKey,
  keyOf: () => placementKey,
  idOf: () => 'placement',
  encode: encodeRecord,
  decode: decodePlacement,
  termOf: ({ term }) => term,
  overText: (_id, term, newest) =>
    `term ${term} is over: a leader of term ${newest} places actors now.`,
};

/** Which host runs which actor, changed by the leader alone. */
export class PlacementStore implements Stoppable {
  readonly #records: FencedRecords<'placement', PlacementRecord>;

  private constructor(records: FencedRecords<'placement', PlacementRecord>) {
    this.#records = records;
  }

  /** Resolves once what there is is known. */
  static async open(bus: RecordBus): Promise<PlacementStore> {
    return new PlacementStore(await FencedRecords.open(bus, placements));
  }

  stop(): Promise<void> {
    return this.#records.stop();
  }

  /** Undefined until a leader has placed something. */
  get record(): PlacementRecord | undefined {
    return this.#records.get('placement');
  }

  onChange(listener: (record: PlacementRecord) => void): () => void {
    return this.#records.onChange((_id, record) => listener(record));
  }

  /**
   * Writes `next` behind what is known.
   * @throws StarlingError FENCED when a leader with a newer term has written, CONFLICT when the same one has.
   */
  async write(next: PlacementRecord): Promise<void> {
    await this.#records.write('placement', next);
  }

  /** @throws StarlingError FENCED when a leader with a newer term has written. */
  confirm(term: number): Promise<void> {
    return this.#records.confirm('placement', term);
  }
}
