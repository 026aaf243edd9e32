import { setTimeout as sleep } from 'node:timers/promises';
import type { NatsAccess } from '../../messages/nats-access.js';
import { openAs } from './tap.js';
import { placeOf, placeOfStream, type Action, type Places, type TracedConsumer } from './trace.js';

/** The child of floor.ts: sends what a trace says, again and again, answers what is asked, and computes nothing. */
export interface BarePlan {
  readonly places: Places;
  /** By data center, as somebody who may do everything. */
  readonly access: Readonly<Record<string, NatsAccess>>;
  readonly actions: readonly Action[];
  readonly consumers: readonly TracedConsumer[];
  /** Of the trace, and how often it is sent. */
  readonly seconds: number;
  readonly rounds: number;
}

/** Said when all is connected, when it begins to send a while later, and when it has sent all. */
export type BareNews =
  | { readonly type: 'ready' }
  | { readonly type: 'begun' }
  | {
      readonly type: 'done';
      readonly cpuMs: number;
      readonly wallMs: number;
      readonly sent: number;
      readonly failed: number;
      readonly delivered: number;
    };

type Connection = Awaited<ReturnType<typeof openAs>>;

/** Nothing is sent for so long, in which it shows what servers take that nobody talks to. */
const quietMs = 4_000;
const answerMsMax = 10_000;

class BareClients {
  readonly #plan: BarePlan;
  readonly #senders = new Map<string, Connection>();
  readonly #receivers = new Map<string, Connection>();
  readonly #bytes: Uint8Array;
  readonly #waiting = new Set<Promise<unknown>>();
  #sent = 0;
  #failed = 0;
  #delivered = 0;

  constructor(plan: BarePlan) {
    this.#plan = plan;
    const longest = Math.max(
      ...plan.actions.map((each) => Math.max(each.bytes, each.answerBytes ?? 0)),
    );
    // Nothing that could be compressed.
    this.#bytes = Uint8Array.from({ length: longest }, () => Math.floor(256 * Math.random()));
  }

  async run(tell: (news: BareNews) => Promise<void>): Promise<void> {
    const { access, seconds, rounds } = this.#plan;
    for (const [place, how] of Object.entries(access)) {
      this.#senders.set(place, await openAs(how, `bare sender ${place}`));
      this.#receivers.set(place, await openAs(how, `bare receiver ${place}`));
    }
    await this.#follow();
    this.#answer();
    await Promise.all([...this.#receivers.values()].map((each) => each.flush()));
    await sleep(1_000);
    await tell({ type: 'ready' });
    await sleep(quietMs);
    await tell({ type: 'begun' });
    const begun = { usage: process.cpuUsage(), atMs: performance.now() };
    for (let round = 0; round < rounds; round++)
      await this.#send(begun.atMs + 1000 * seconds * round);
    await sleep(Math.max(0, begun.atMs + 1000 * seconds * rounds - performance.now()));
    await Promise.all(this.#waiting);
    const { user, system } = process.cpuUsage(begun.usage);
    await tell({
      type: 'done',
      ...{ cpuMs: (user + system) / 1000, wallMs: performance.now() - begun.atMs },
      ...{ sent: this.#sent, failed: this.#failed, delivered: this.#delivered },
    });
  }

  /** Each action when it was done, as far as timers go. */
  async #send(startMs: number): Promise<void> {
    for (const [turn, action] of this.#plan.actions.entries()) {
      const waitMs = startMs + action.atMs - performance.now();
      if (waitMs > 1) await sleep(waitMs);
      this.#act(action, turn);
    }
  }

  #act({ kind, subject, bytes, text, hasId = false }: Action, turn: number): void {
    const connection = this.#senders.get(placeOf(subject, turn, this.#plan.places))!;
    const payload = text === undefined ? this.#bytes.subarray(0, bytes) : Buffer.from(text);
    this.#sent++;
    if (kind === 'notice') return connection.publish(subject, payload);
    const answer = hasId
      ? connection.jetstream().publish(subject, payload, { msgID: `${process.pid}-${this.#sent}` })
      : connection.request(subject, payload, { timeout: answerMsMax });
    const settled: Promise<unknown> = answer
      .catch(() => this.#failed++)
      .finally(() => this.#waiting.delete(settled));
    this.#waiting.add(settled);
  }

  /** What streams deliver: to as many as there were, and work is acknowledged. */
  async #follow(): Promise<void> {
    const { consumers, places } = this.#plan;
    for (const [i, { stream, filter, durable }] of consumers.entries()) {
      const connection = this.#receivers.get(placeOfStream(stream, places))!;
      const manager = await connection.jetstreamManager();
      const filtered = filter === undefined ? {} : { filter_subject: filter };
      if (durable !== undefined) {
        const declared = { durable_name: durable, ack_policy: 'explicit', deliver_policy: 'new' };
        await manager.consumers.add(stream, { ...declared, ...filtered } as never);
        const consumer = await connection.jetstream().consumers.get(stream, durable);
        await consumer.consume({
          callback: (message) => {
            this.#delivered++;
            message.ack();
          },
        });
        continue;
      }
      const inbox = `_INBOX_supervisor.bare.${process.pid}.${i}`;
      connection.subscribe(inbox, {
        callback: (_error, message) => {
          this.#delivered++;
          // A server that asks whether it is too fast.
          if (message.headers?.code === 100 && message.reply) message.respond();
        },
      });
      const declared = { deliver_subject: inbox, ack_policy: 'none', deliver_policy: 'new' };
      const paced = { flow_control: true, idle_heartbeat: 5_000_000_000, max_deliver: 1 };
      await manager.consumers.add(stream, { ...declared, ...paced, ...filtered } as never);
    }
  }

  /** Requests, as long as they were answered; notices, in every data center. */
  #answer(): void {
    const { actions, places } = this.#plan;
    const asked = new Map<string, number[]>();
    const noticed = new Set<string>();
    for (const { kind, subject, answerBytes = 0 } of actions) {
      if (kind === 'request')
        asked.set(subject, [...(asked.get(subject) ?? []), answerBytes].slice(-50));
      if (kind === 'notice') noticed.add(subject);
    }
    for (const [subject, lengths] of asked) {
      const mean = Math.round(lengths.reduce((sum, each) => sum + each, 0) / lengths.length);
      const answer = this.#bytes.subarray(0, mean);
      for (const connection of this.#placesOf(subject, places))
        connection.subscribe(subject, {
          queue: 'bare',
          callback: (_error, message) => void message.respond(answer),
        });
    }
    for (const subject of noticed)
      for (const connection of this.#receivers.values())
        connection.subscribe(subject, { callback: () => this.#delivered++ });
  }

  #placesOf(subject: string, places: Places): Connection[] {
    const turns = places.inference.map((_unused, turn) => placeOf(subject, turn, places));
    return [...new Set(turns)].map((place) => this.#receivers.get(place)!);
  }
}

process.once('message', (plan: BarePlan) => {
  const tell = (news: BareNews): Promise<void> =>
    new Promise((resolve) => process.send!(news, () => resolve()));
  new BareClients(plan).run(tell).then(
    // With all connections, and what the client library would do about their end.
    () => process.exit(0),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
});
