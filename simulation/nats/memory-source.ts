import type { MemoryServers } from './memory-servers.js';
import type { MemoryStream } from './memory-stream.js';

/** Set by the server that copies, so that a reader knows the place in the original. */
const sourceHeader = 'Nats-Stream-Source';
/** After something was lost on the way; servers since 2.12 take their time. */
const againMs = { from: 2_000, to: 10_000 } as const;

export interface SourceOptions {
  /** Name of the stream that is followed. */
  readonly source: string;
  readonly subject: string;
  readonly into: MemoryStream;
}

/** A stream that follows another one, from another data center: in order, without gaps, and late where the way is cut. */
export class MemorySource {
  readonly #servers: MemoryServers;
  readonly #options: SourceOptions;
  /** The next sequence of the source that is to be sent. */
  #next = 1;
  /** All before it have arrived. */
  #arrived = 1;
  #broken = false;

  constructor(servers: MemoryServers, options: SourceOptions) {
    this.#servers = servers;
    this.#options = options;
    servers.time.at(servers.time.nowMs, undefined, () => this.#begin());
  }

  #begin(): void {
    this.#servers.stream(this.#options.source).onAppend(() => this.#send());
    this.#send();
  }

  #send(): void {
    if (this.#broken) return;
    const { source: name, subject, into } = this.#options;
    const source = this.#servers.stream(name);
    const [from, to] = [source.declaration.cluster, into.declaration.cluster];
    for (;;) {
      const message = source.next(this.#next, subject);
      if (!message) return;
      const atMs = this.#servers.network.arrivalMs([[from, to]]);
      if (atMs === undefined || !this.#servers.isUp(from)) return this.#break();
      const { sequence } = message;
      this.#next = sequence + 1;
      this.#servers.time.at(atMs, undefined, () => {
        if (this.#broken || sequence < this.#arrived) return;
        if (!this.#servers.isUp(to) || into.full) return this.#break();
        this.#arrived = sequence + 1;
        const headers = { [sourceHeader]: `${name} ${sequence}` };
        into.append(message.subject, message.bytes, { headers }, this.#servers.wallMs);
      });
    }
  }

  #break(): void {
    this.#broken = true;
    const { random, time } = this.#servers;
    time.at(time.nowMs + random.between(againMs.from, againMs.to), undefined, () => {
      this.#broken = false;
      this.#next = this.#arrived;
      this.#send();
    });
  }
}
