import type { ConsumerMessages, JsMsg, MsgHdrs, StoredMsg } from 'nats';
import { headers as natsHeaders } from 'nats';
import type { StreamMessage } from '../bus/logs.js';
import type { WorkMessage } from '../bus/work-queues.js';
import { translate } from './nats-errors.js';

/** Messages of streams, as the rest of the project sees them. Fields are read when they are asked for. */
export class JsStreamMessage implements StreamMessage {
  protected readonly message: JsMsg;

  constructor(message: JsMsg) {
    this.message = message;
  }

  get subject(): string {
    return this.message.subject;
  }

  get sequence(): number {
    return this.message.seq;
  }

  get atMs(): number {
    return this.message.info.timestampNanos / 1e6;
  }

  get bytes(): Uint8Array {
    return this.message.data;
  }

  header(name: string): string | undefined {
    return this.message.headers?.get(name) || undefined;
  }
}

export class JsWorkMessage extends JsStreamMessage implements WorkMessage {
  readonly #onSettled: () => void;

  constructor(message: JsMsg, onSettled: () => void) {
    super(message);
    this.#onSettled = onSettled;
  }

  get deliveries(): number {
    return this.message.info.redeliveryCount;
  }

  ack(): void {
    this.message.ack();
    this.#onSettled();
  }

  nak(delayMs?: number): void {
    this.message.nak(delayMs);
    this.#onSettled();
  }

  /** Tells the server that the work goes on. */
  working(): void {
    this.message.working();
  }
}

export function stored(found: StoredMsg | undefined): StreamMessage | undefined {
  if (!found) return undefined;
  const { subject, seq, time, data, header } = found;
  return {
    subject,
    sequence: seq,
    atMs: time.getTime(),
    bytes: data,
    header: (name) => header?.get(name) || undefined,
  };
}

export async function stopConsuming(messages: ConsumerMessages): Promise<void> {
  const error = await messages.close();
  if (error) throw translate(error, 'stop of a consumer');
}

export function headersOf(values: Readonly<Record<string, string>>): MsgHdrs {
  const headers = natsHeaders();
  for (const [name, value] of Object.entries(values)) headers.set(name, value);
  return headers;
}
