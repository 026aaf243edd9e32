import type { RunningCluster } from '../../cluster/cluster.js';
import { decode } from '../../messages/codec.js';
import type { StreamMessage, Tail } from '../../runtime/bus/logs.js';
import { FieldBytes } from './field-bytes.js';
import { tell, type Figures } from './tell.js';

/** Fields of less are counted together. */
const shownBytes = 0.5;

/** Logs of the way, in its order, and what is in them. */
const logs = [
  ...['impressions', 'actions'].map((kind) => ({ log: 'raw', kind })),
  ...['impressions', 'actions', 'other'].map((kind) => ({ log: 'join', kind })),
  { log: 'samples', kind: 'samples' },
  { log: 'activity', kind: 'activity' },
  ...['rows', 'weights', 'dense'].map((kind) => ({ log: 'deltas', kind })),
  ...['version', 'state'].map((kind) => ({ log: 'dense', kind })),
] as const;

/** Reads every record that the logs get, once all is over. */
export class LogMeter {
  readonly #cluster: RunningCluster;
  readonly #found = new Map<string, FieldBytes>();
  /** By stream: its log, and its newest record before. */
  readonly #begun = new Map<string, { readonly log: string; readonly sequence: number }>();

  private constructor(cluster: RunningCluster) {
    this.#cluster = cluster;
  }

  static async open(cluster: RunningCluster): Promise<LogMeter> {
    const meter = new LogMeter(cluster);
    const { stream } = cluster.bus.names;
    for (const { name } of cluster.config.dataCenters) await meter.#begin('raw', stream.raw(name));
    for (const log of ['join', 'samples', 'activity', 'deltas', 'dense'] as const)
      await meter.#begin(log, stream[log]);
    return meter;
  }

  async read(): Promise<void> {
    for (const [stream, { log, sequence }] of this.#begun) {
      const { bus } = this.#cluster;
      const { lastSequence } = await bus.streamState(stream);
      if (lastSequence === sequence) continue;
      let tail: Tail | undefined;
      await new Promise<void>((resolve, reject) => {
        const options = { stream, fromSequence: sequence + 1 };
        const handle = (message: StreamMessage): void => {
          this.#add(log, message);
          if (message.sequence >= lastSequence) resolve();
        };
        bus.tail(options, handle).then((opened) => (tail = opened), reject);
      });
      await tail?.stop();
    }
  }

  #add(log: string, { subject, bytes }: StreamMessage): void {
    const value = decode(bytes);
    const key = `${log} ${kindOf(log, subject, value)}`;
    let found = this.#found.get(key);
    if (!found) this.#found.set(key, (found = new FieldBytes()));
    found.add(value, bytes.length);
  }

  /** @param saves of the network; the log keeps the newest of them only. */
  tell({ samples, saves }: { samples: number; saves: number }, figures: Figures): void {
    let written = 0;
    for (const { log, kind } of logs) {
      const found = this.#found.get(`${log} ${kind}`);
      if (!found) continue;
      const times = kind === 'state' ? saves / found.messages : 1;
      written += times * found.total;
      const name = `${log}, ${kind}`;
      tell(figures, `${name}: messages`, (times * found.messages) / samples);
      tell(figures, `${name}: bytes of each`, found.total / found.messages);
      tell(figures, `${name}: bytes`, (times * found.total) / samples);
      let rest = 0;
      for (const { field, names, values } of found.rows()) {
        const bytes = (times * (names + values)) / samples;
        if (bytes < shownBytes) rest += bytes;
        else tell(figures, `${name}: ${field}`, bytes);
      }
      tell(figures, `${name}: other fields`, rest);
    }
    tell(figures, 'all logs without copies: bytes', written / samples);
  }

  async #begin(log: string, stream: string): Promise<void> {
    const { lastSequence } = await this.#cluster.bus.streamState(stream);
    this.#begun.set(stream, { log, sequence: lastSequence });
  }
}

function kindOf(log: string, subject: string, value: unknown): string {
  const { kind } = value as { kind?: unknown };
  const kinds: readonly string[] = logs.filter((each) => each.log === log).map((each) => each.kind);
  if (typeof kind === 'string') return kinds.includes(kind) ? kind : 'other';
  return subject.split('.').find((token) => kinds.includes(token)) ?? 'other';
}
