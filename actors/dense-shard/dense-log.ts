import type { Blueprint } from '../../core/blueprint/blueprint.js';
import { codeOf } from '../../core/base/errors.js';
import { decode, encode } from '../../messages/codec.js';
import { fenced } from '../../messages/ownership.js';
import type { DenseState, ReadNetwork } from '../../messages/network-state.js';
import {
  denseStateMessage,
  parseDenseState,
  parseForeignState,
} from '../../messages/network-state.js';
import type { ActorContext } from '../../runtime/actor.js';
import { appendDurably } from '../../runtime/append-durably.js';
import { replay } from '../../runtime/followers/follow.js';
import type { DenseLedger } from './dense-ledger.js';
import { mainModel } from '../../messages/model-name.js';

type LoggedShape = Pick<Blueprint, 'hash' | 'outcomes' | 'earlier'>;

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
      const { bus } = this.#context;
      const last = await bus.lastMessage(
        bus.names.stream.dense,
        bus.names.subject.denseState(mainModel),
      );
      if (last) this.#ledger.restore(this.parse(last.bytes));
      this.#sequence = last?.sequence ?? 0;
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
    const { denseVersion } = this.#ledger;
    try {
      const name = bus.names.subject.denseState(mainModel);
      this.#sequence = await appendDurably(this.#context, name, this.stateBytes(), {
        messageId: `${epoch}.${denseVersion}.${this.#sequence}`,
        after: { stream: bus.names.stream.dense, sequence: this.#sequence },
      });
    } catch (error) {
      if (codeOf(error) !== 'CONFLICT') throw error;
      throw fenced('another life of the dense shard has written since.', { epoch });
    }
  }

  /** Beside the rows, so that both can go back to the same time. */
  async checkpoint(): Promise<void> {
    const { subject } = this.#context.bus.names;
    await appendDurably(this.#context, subject.deltaDense(mainModel), this.stateBytes());
  }

  /** The newest checkpoint of that time, if the log has one. */
  async checkpointAt(sequence: number): Promise<DenseState | undefined> {
    let found: Uint8Array | undefined;
    const { stream, subject } = this.#context.bus.names;
    const options = { stream: stream.deltas, filter: subject.deltaDense(mainModel) };
    await replay(this.#context.bus, options, (message) => {
      if (message.sequence <= sequence) found = message.bytes;
    });
    return found && this.parse(found);
  }

  parse(bytes: Uint8Array): DenseState {
    return parseDenseState(decode(bytes), this.#reader);
  }

  /** Of another cluster, which may have other partitions; the network must be of the same size, or one of ours of before. */
  parseForeign(bytes: Uint8Array): DenseState {
    const value = decode(bytes);
    const { hash } = this.#shape;
    const { parameterCount, earlier } = this.#reader;
    const isOurs = isOf(value, (theirs) => theirs === hash || earlier?.has(theirs) === true);
    return isOurs ? parseDenseState(value, this.#reader) : parseForeignState(value, parameterCount);
  }

  get #reader(): ReadNetwork {
    const { hash, earlier } = this.#shape;
    return { hash, earlier, parameterCount: this.#ledger.parameters.length };
  }

  stateBytes(): Uint8Array {
    const { denseVersion, applied, parameters } = this.#ledger;
    return encode(
      denseStateMessage({
        specHash: this.#shape.hash,
        outcomes: this.#shape.outcomes,
        denseVersion,
        trainedThrough: applied.watermark,
        parameters,
        epoch: this.#context.identity.epoch,
        ...this.#ledger.optimizerState(),
        applied: applied.encode(),
      }),
    );
  }
}

function isOf(value: unknown, has: (hash: string) => boolean): boolean {
  const hash = (value as { specHash?: unknown } | null)?.specHash;
  return typeof hash === 'string' && has(hash);
}
