import { mainModel } from '../../core/base/model-identity.js';
import { codeOf, messageOf } from '../../core/base/errors.js';
import { actorsOf, type ActorStatus } from '../../messages/actor-status.js';
import { isComing } from './coming.js';
import { digestCommand, parseDigests } from '../../messages/ownership.js';
import type { Bus } from '../../runtime/bus/bus.js';
import { call } from '../../runtime/idempotent-call.js';
import { CopyLedger, type CopyFindings, type Holder } from './copy-ledger.js';

/** A digest is a walk over all rows; a shard with many takes seconds. Too low: it seems to be silent. */
const digestMsMax = 30_000;

/** Asks the shards for the digests of their rows, as often as it takes until each copy could be compared with its owner. */
export class CopyReader {
  readonly #bus: Bus;
  readonly #ledger = new CopyLedger();

  readonly #model: string;

  constructor(bus: Bus, model = mainModel) {
    this.#bus = bus;
    this.#model = model;
  }

  async look(actors: readonly ActorStatus[]): Promise<CopyFindings[]> {
    const model = this.#model;
    const serving = actorsOf(actors, 'serving-shard', model);
    if (!this.#ledger.isWhole) {
      const asked = [...actorsOf(actors, 'ps-shard', model), ...serving];
      this.#ledger.begin(asked.map(({ address }) => address));
      await Promise.all(asked.map((actor) => this.#ask(actor)));
    }
    const found = this.#ledger.findings([...new Set(serving.map(({ dataCenter }) => dataCenter))]);
    return model === mainModel
      ? found
      : found.map((each) => ({ ...each, name: `${each.name} of ${model}` }));
  }

  async #ask(actor: ActorStatus<'ps-shard' | 'serving-shard'>): Promise<void> {
    const { address, state, kind, dataCenter } = actor;
    const holder: Holder = kind === 'ps-shard' ? { address } : { address, servesIn: dataCenter };
    if (state !== 'ready')
      return this.#ledger[isComing(state) ? 'coming' : 'silent'](holder, `it is ${state}`);
    const index = Number(address.slice(address.lastIndexOf('.') + 1));
    const { subject } = this.#bus.names;
    const name =
      kind === 'ps-shard'
        ? subject.shardControl('digest', index)
        : subject.servingControl('digest', dataCenter, index);
    try {
      const options = { deadlineMs: digestMsMax };
      const reply = await call(this.#bus, name, digestCommand(this.#model), options);
      this.#ledger.heard(holder, parseDigests(reply, this.#model));
    } catch (error) {
      // Its copies are not known to be equal, and the law says so.
      this.#ledger.silent(holder, `${codeOf(error)} ${messageOf(error)}`);
    }
  }
}
