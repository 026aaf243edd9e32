import type { Socket } from 'node:net';

/**
 * Objects over a stream socket, one line of JSON each. Both ends are ours, but what comes is not trusted: a line that is
 * no JSON object, or has no end, closes the connection.
 */
export interface JsonLineHandlers {
  onObject(value: Readonly<Record<string, unknown>>): void;
  /** Called once, after the last object, whichever side ended it and for whatever reason. */
  onClose(): void;
}

/**
 * Of one line, and of what waits for a peer that does not read. Too low: a heartbeat with many figures is cut off. Too
 * high: a supervisor that was paused costs every actor so much memory.
 */
const bytesMax = 2 ** 20;

export class JsonLines {
  readonly #socket: Socket;
  readonly #handlers: JsonLineHandlers;
  #partial = '';

  constructor(socket: Socket, handlers: JsonLineHandlers) {
    this.#socket = socket;
    this.#handlers = handlers;
    socket.setEncoding('utf8');
    socket.on('data', (text: string) => this.#read(text));
    // A peer that was killed resets the connection: its end is all there is to know, and 'close' tells that.
    socket.on('error', () => undefined);
    socket.on('close', () => handlers.onClose());
  }

  /** Without effect on a connection that is gone. A peer that has not read for long is given up. */
  send(value: object): void {
    if (this.#socket.writableLength > bytesMax) this.#socket.destroy();
    if (this.#socket.writable) this.#socket.write(`${JSON.stringify(value)}\n`);
  }

  /** Resolves when what was sent has left this process, or can't any more. */
  end(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#socket.destroyed) return resolve();
      this.#socket.once('close', () => resolve());
      this.#socket.end(() => resolve());
    });
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #read(text: string): void {
    const lines = (this.#partial + text).split('\n');
    this.#partial = lines.pop() ?? '';
    if (this.#partial.length > bytesMax) return void this.#socket.destroy();
    for (const line of lines) {
      if (this.#socket.destroyed) return;
      const value = objectOf(line);
      if (value === undefined) return void this.#socket.destroy();
      this.#handlers.onObject(value);
    }
  }
}

function objectOf(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isObject ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined; // Not JSON: the caller closes the connection.
  }
}
