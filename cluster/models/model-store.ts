import { StarlingError } from '../../core/base/errors.js';
import type { ModelList, ModelRecord } from '../../messages/models.js';
import {
  decodeModels,
  encodeModels,
  modelsKey,
  modelsMax,
  nextNumber,
  noModels,
} from '../../messages/models.js';
import type { RecordBus, RecordKind } from '../../replication/fenced-record.js';
import { FencedRecords } from '../../replication/fenced-record.js';
import type { Stoppable } from '../../runtime/stoppable.js';

const lists: RecordKind<'models', ModelList> = {
  pattern: modelsKey,
  keyOf: () => modelsKey,
  idOf: () => 'models',
  encode: encodeModels,
  decode: decodeModels,
  termOf: ({ term }) => term,
  overText: (_id, term, newest) =>
    `term ${term} is over: a leader of term ${newest} looks after the models now.`,
};

/** The models beside `main`, changed by the leader alone. */
export class ModelStore implements Stoppable {
  readonly #records: FencedRecords<'models', ModelList>;
  readonly #term: number;

  private constructor(records: FencedRecords<'models', ModelList>, term: number) {
    this.#records = records;
    this.#term = term;
  }

  /** For the leader of a term: by the word of the bucket itself. */
  static async open(bus: RecordBus, term: number): Promise<ModelStore> {
    const records = await FencedRecords.open(bus, lists);
    await records.refresh('models');
    return new ModelStore(records, term);
  }

  stop(): Promise<void> {
    return this.#records.stop();
  }

  get models(): readonly ModelRecord[] {
    return this.#list.models;
  }

  /** @throws StarlingError BAD_REQUEST where there are as many as can be. */
  get nextNumber(): number {
    const number = nextNumber(this.#list);
    if (number !== undefined) return number;
    const text = `there are ${modelsMax} models beside \`main\` already; stop one first.`;
    throw new StarlingError('BAD_REQUEST', text, { field: 'name' });
  }

  /**
   * Adds it, or puts it in the place of the one of its name.
   * @throws StarlingError FENCED when a leader with a newer term has written, CONFLICT when the same one has.
   */
  async put(model: ModelRecord): Promise<void> {
    const others = this.models.filter(({ name }) => name !== model.name);
    const last = Math.max(this.#list.last, model.number);
    await this.#write({ last, models: [...others, model].sort((a, b) => a.number - b.number) });
  }

  /** @throws as `put`. */
  async remove(name: string): Promise<void> {
    const { last, models } = this.#list;
    await this.#write({ last, models: models.filter((each) => each.name !== name) });
  }

  get #list(): ModelList {
    return this.#records.get('models') ?? noModels;
  }

  async #write(next: Omit<ModelList, 'term'>): Promise<void> {
    await this.#records.write('models', { term: this.#term, ...next });
  }
}
