import type { PersonJoinOptions, Sent } from './person-join-records.testkit.js';
import type { Books, State } from './person-join-state.testkit.js';
import { PersonJoin } from './person-join.testkit.js';
import type { Joiner, JoinerOutput, LogRecord } from './person-world.testkit.js';

/** The join on paper, as one of a world. */
export class PaperJoiner implements Joiner<Sent> {
  readonly #join: PersonJoin;

  constructor(partition: number, options: PersonJoinOptions) {
    this.#join = new PersonJoin(partition, options);
  }

  get books(): Books {
    return this.#join.books;
  }

  get waiting(): PersonJoin['waiting'] {
    return this.#join.waiting;
  }

  take(record: LogRecord<Sent>): JoinerOutput<Sent> {
    const { samples, activity, sent } = this.#join.take(record);
    return {
      samples: samples.map(({ requestId = '', item, person, atMs, labels }) =>
        JSON.stringify([requestId, item, person, atMs, labels]),
      ),
      activity,
      sent,
    };
  }

  save(): State {
    return this.#join.save();
  }

  restore(saved: unknown): void {
    this.#join.restore(saved as State);
  }
}
