import type { Blueprint } from '../../core/blueprint/blueprint.js';
import { codeOf } from '../../core/base/errors.js';
import { decode, encode } from '../../messages/codec.js';
import { fenced } from '../../messages/ownership.js';
import type { DenseState, ReadNetwork } from '../../messages/network-state.js';
import {
  denseStateParts,
  joinedState,
  networkPartOf,
  parametersPerPart,
} from '../../messages/network-parts.js';
import { parseDenseState, parseForeignState } from '../../messages/network-state.js';
import { mainIdentity } from '../../core/base/model-identity.js';
import { mainModel, messageIdOf } from '../../messages/model-name.js';
import { keptState, newestState } from '../../replication/network-log.js';
import type { ActorContext } from '../../runtime/actor.js';
import { appendDurably } from '../../runtime/append-durably.js';
import type { DenseLedger } from './dense-ledger.js';

type LoggedShape = Pick<Blueprint, 'hash' | 'outcomes' | 'earlier'> &
  Partial<Pick<Blueprint, 'of'>>;

/**
 * The states of the network in its log. Each record names the one before it, so that the stream refuses a shard that
 * another life of it has taken over from.
 */
export class DenseLog {
  readonly #context: ActorContext;
  readonly #ledger: DenseLedger;
  readonly #shape: LoggedShape;
  #sequence = 0;

  constructor(context: ActorContext, ledger: DenseLedger, shape: LoggedShape) {
    this.#context = context;
    this.#ledger = ledger;
    this.#shape = shape;
  }

  /** Of the newest state in the log. */
  get sequence(): number {
    return this.#sequence;
  }

  /** Takes the newest state over and writes one of this epoch behind it. */
  async open(): Promise<void> {
    for (;;) {
      const newest = await newestState(this.#context.bus, this.#model);
      if (newest) this.#ledger.restore(this.parse(newest.parts));
      this.#sequence = newest?.sequence ?? 0;
      try {
        return await this.save();
      } catch (error) {
        // The life before wrote once more; or the record is ours, and its acknowledgement was lost.
        if (codeOf(error) !== 'FENCED') throw error;
      }
    }
  }

  /** @throws StarlingError FENCED when another life of this shard has written since. */
  async save(): Promise<void> {
    const { bus, identity } = this.#context;
    const { epoch } = identity;
    const { stream, subject } = bus.names;
    const id = `${epoch}.${this.#ledger.denseVersion}.${this.#sequence}`;
    const messageId = messageIdOf(this.#shape.of ?? mainIdentity, id);
    const sequences: number[] = [];
    try {
      for (const message of this.#stateParts()) {
        if (!networkPartOf(message).last) {
          const part = sequences.length;
          const name = subject.denseStatePart(this.#model, part);
          const options = { messageId: `${messageId}.${part}` };
          sequences.push(await appendDurably(this.#context, name, encode(message), options));
          continue;
        }
        // The last part is the state: it names the others, and the record before it.
        const parts = sequences.length === 0 ? {} : { parts: Float64Array.from(sequences) };
        this.#sequence = await appendDurably(
          this.#context,
          subject.denseState(this.#model),
          encode({ ...message, ...parts }),
          { messageId, after: { stream: stream.dense, sequence: this.#sequence } },
        );
      }
    } catch (error) {
      if (codeOf(error) !== 'CONFLICT') throw error;
      throw fenced('another life of the dense shard has written since.', { epoch });
    }
  }

  /** Beside the rows, so that both can go back to the same time. */
  async checkpoint(): Promise<void> {
    const { subject } = this.#context.bus.names;
    for (const message of this.#stateParts())
      await appendDurably(this.#context, subject.deltaDense(this.#model), encode(message));
  }

  /** The newest checkpoint of that time, if the log has one. */
  async checkpointAt(sequence: number): Promise<DenseState | undefined> {
    const found = await keptState(this.#context.bus, (at) => at <= sequence, this.#model);
    return found && this.parse(found);
  }

  /** @param parts of one state, all of them. */
  parse(parts: readonly Uint8Array[]): DenseState {
    return parseDenseState(joinedState(parts.map(decode)), this.#reader, this.#model);
  }

  /**
   * Of another cluster, which may have other partitions, or of another model; the network must be of the same size, or one of
   * ours of before.
   */
  parseForeign(parts: readonly Uint8Array[], model: string): DenseState {
    const value = joinedState(parts.map(decode));
    const { hash } = this.#shape;
    const { parameterCount, earlier } = this.#reader;
    const isOurs = isOf(value, (theirs) => theirs === hash || earlier?.has(theirs) === true);
    return isOurs
      ? parseDenseState(value, this.#reader, model)
      : parseForeignState(value, parameterCount, model);
  }

  get #model(): string {
    return this.#shape.of?.name ?? mainModel;
  }

  get #reader(): ReadNetwork {
    const { hash, earlier } = this.#shape;
    return { hash, earlier, parameterCount: this.#ledger.parameters.length };
  }

  /** The network as it is now, in messages that the servers take. */
  stateBytes(): Uint8Array[] {
    return [...this.#stateParts()].map(encode);
  }

  /** Of this moment, also where they are asked for while the network goes on learning. */
  #stateParts(): Iterable<object> {
    const { denseVersion, applied, parameters } = this.#ledger;
    const parametersMax = parametersPerPart(this.#context.bus.payloadBytesMax);
    const state = {
      specHash: this.#shape.hash,
      outcomes: this.#shape.outcomes,
      denseVersion,
      trainedThrough: applied.watermark,
      parameters: parameters.length > parametersMax ? parameters.slice() : parameters,
      epoch: this.#context.identity.epoch,
      ...this.#ledger.optimizerState(),
      applied: applied.encode(),
    };
    return denseStateParts(state, parametersMax, this.#model);
  }
}

function isOf(value: unknown, has: (hash: string) => boolean): boolean {
  const hash = (value as { specHash?: unknown } | null)?.specHash;
  return typeof hash === 'string' && has(hash);
}
