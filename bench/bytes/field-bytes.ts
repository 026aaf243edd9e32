import { encode } from '../../messages/codec.js';

/** Bytes of messages by where in them they are: `examples.fids`. */
export class FieldBytes {
  readonly #bytes = new Map<string, { names: number; values: number }>();
  #messages = 0;
  #total = 0;

  get messages(): number {
    return this.#messages;
  }

  get total(): number {
    return this.#total;
  }

  /** @param length of the message as it was sent; what no field accounts for is the frame. */
  add(message: unknown, length: number): void {
    this.#messages++;
    this.#total += length;
    const counted = this.#addMap(message as object, '');
    this.#entry('(frame)').values += length - counted;
  }

  /** Largest first; `share` of all that was added. */
  *rows(): Generator<{ readonly field: string; readonly names: number; readonly values: number }> {
    const rows = [...this.#bytes].map(([field, { names, values }]) => ({ field, names, values }));
    yield* rows.sort((a, b) => b.names + b.values - (a.names + a.values));
  }

  /** @returns the bytes that its fields account for. */
  #addMap(map: object, path: string): number {
    let counted = 0;
    for (const [name, value] of Object.entries(map) as [string, unknown][]) {
      const entry = this.#entry(`${path}${name}`);
      const nameBytes = encode(name).length;
      entry.names += nameBytes;
      counted += nameBytes;
      if (isMap(value)) {
        const inner = this.#addMap(value, `${path}${name}.`);
        // Its head.
        const own = encode(value).length - inner;
        entry.values += own;
        counted += own + inner;
      } else {
        const bytes = encode(value).length;
        entry.values += bytes;
        counted += bytes;
      }
    }
    return counted;
  }

  #entry(path: string): { names: number; values: number } {
    let entry = this.#bytes.get(path);
    if (!entry) this.#bytes.set(path, (entry = { names: 0, values: 0 }));
    return entry;
  }
}

function isMap(value: unknown): value is object {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    !ArrayBuffer.isView(value)
  );
}
