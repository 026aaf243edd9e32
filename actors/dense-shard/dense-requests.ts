import { StarlingError } from '../../core/base/errors.js';
import {
  type DensePush,
  denseReply,
  durableReply,
  parseDenseDurable,
  parseDensePull,
  parseDensePush,
} from '../../messages/network-state.js';
import type { PushOutcome } from '../../messages/parameters.js';
import type { DenseLedger } from './dense-ledger.js';

export interface RequestPorts {
  readonly ledger: Pick<DenseLedger, 'parameters' | 'applied' | 'denseVersion' | 'apply'>;
  readonly specHash: string;
  /** Steps that may have been taken since the version that one was computed with; 0: any number. */
  readonly stalenessMax: number;
  /** Left out: `main`. */
  readonly model?: string;
  /** Of the newest state in the log. */
  readonly sequence: () => number;
  /** @throws StarlingError FENCED when this shard may not answer any more. */
  readonly requireLease: () => void;
  /** Resolves when all that was applied is in the log. */
  readonly durable: () => Promise<void>;
}

/** What trainers ask of the network. */
export class DenseRequests {
  readonly #ports: RequestPorts;

  constructor(ports: RequestPorts) {
    this.#ports = ports;
  }

  readonly pull = async (value: unknown) => {
    parseDensePull(value, this.#ports.model);
    this.#ports.requireLease();
    return this.#reply('applied');
  };

  /**
   * Answered at once, with the parameters after the step.
   * @throws StarlingError STALE_GRADIENT, having done nothing.
   */
  readonly push = async (value: unknown) => {
    const { ledger, specHash, model, requireLease } = this.#ports;
    const push = parseDensePush(value, ledger.parameters.length, specHash, model);
    requireLease();
    this.#refuseStale(push);
    return this.#reply(ledger.apply(push.batches, push.gradient));
  };

  /** Answered when the batches are in the log; or at once, when they are not here: the trainer sends them again. */
  readonly durable = async (value: unknown) => {
    const { durable, sequence, model } = this.#ports;
    const batches = parseDenseDurable(value, model);
    if (this.#has(batches)) await durable();
    return durableReply({ durable: this.#has(batches), sequence: sequence() }, model);
  };

  #refuseStale({ basis, batches }: DensePush): void {
    const { ledger, stalenessMax } = this.#ports;
    const steps = ledger.denseVersion - (basis ?? Infinity);
    // What is known already is answered so, however old it is.
    if (stalenessMax === 0 || !(steps > stalenessMax) || this.#has(batches)) return;
    throw new StarlingError(
      'STALE_GRADIENT',
      `a gradient of version ${basis}, ${steps} steps ago; at most ${stalenessMax} are taken (training.stalenessMax).`,
      { basis, steps },
    );
  }

  #has(batches: Float64Array): boolean {
    return batches.every((batch) => this.#ports.ledger.applied.has(batch));
  }

  #reply(outcome: PushOutcome) {
    const { ledger, sequence, model } = this.#ports;
    const { denseVersion, parameters } = ledger;
    return denseReply({ outcome, denseVersion, parameters, sequence: sequence() }, model);
  }
}
