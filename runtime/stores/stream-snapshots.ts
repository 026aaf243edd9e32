import { StarlingError } from '../../core/base/errors.js';
import { lastToken } from '../../messages/subjects.js';
import type { Bus } from '../bus/bus.js';
import { retried } from '../retry-read.js';
import type { Pace } from './chunk-pace.js';
import type { SnapshotId, SnapshotStore, StoredObject } from './snapshot-store.js';

/**
 * Snapshots in a JetStream stream, so that they are where every host can read them and are replicated as the stream
 * is: a chunk is a message, an object a subject, and a manifest a message on a subject of its own.
 *
 * Not the client's object store: that hashes with SHA-256 in JavaScript in both directions, and managed 54 MB/s in and
 * 96 MB/s out where this does several times as much (bench/recovery); chunks have a CRC32C already. And no consumer: to
 * make one the server looks through the stream for messages that match, for each partition, which took longer than all
 * the reading. The manifest has the sequences of the chunks.
 */

/** Chunks on their way to the server. Too low: each waits for the last; too high: memory for all of them. */
const chunksInFlight = 8;

/** What they are of: rows of `main` or of another model, and so on; each has subjects of its own in the one stream of a data center. */
export type SnapshotKind = 'rows' | 'features' | 'windows' | { readonly model: string };

export type SnapshotBus = Pick<
  Bus,
  'names' | 'clock' | 'random' | 'append' | 'messageAt' | 'purge' | 'lastMessage' | 'subjects'
>;

export class StreamSnapshots implements SnapshotStore {
  readonly #bus: SnapshotBus;
  readonly #stream: string;
  readonly #object: (snapshot: string, object: string) => string;
  readonly #manifest: (snapshot: string) => string;

  constructor(
    bus: SnapshotBus,
    options: { readonly stream: string; readonly dataCenter: string; readonly kind?: SnapshotKind },
  ) {
    this.#bus = bus;
    this.#stream = options.stream;
    const { dataCenter, kind = 'rows' } = options;
    const { subject } = bus.names;
    if (typeof kind === 'object') {
      const { model } = kind;
      this.#object = (snapshot, name) => subject.modelObject(dataCenter, model, snapshot, name);
      this.#manifest = (snapshot) => subject.modelManifest(dataCenter, model, snapshot);
      return;
    }
    const [object, manifest] = {
      rows: [subject.snapshotObject, subject.snapshotManifest] as const,
      features: [subject.featureObject, subject.featureManifest] as const,
      windows: [subject.windowObject, subject.windowManifest] as const,
    }[kind];
    this.#object = (snapshot, name) => object(dataCenter, snapshot, name);
    this.#manifest = (snapshot) => manifest(dataCenter, snapshot);
  }

  async put(
    snapshot: SnapshotId,
    object: string,
    chunks: Iterable<Uint8Array>,
    pace?: Pace,
  ): Promise<StoredObject> {
    const name = this.#object(snapshot, object);
    // Two lives of a shard may both be at it: what is of the object the sequences say, and nobody takes away another's chunks.
    const inFlight = new Set<Promise<void>>();
    const sequences: number[] = [];
    let failed: Error | undefined;
    let bytes = 0;
    let count = 0;
    for (const chunk of chunks) {
      if (failed) break;
      const number = count++;
      bytes += chunk.length;
      const sent = this.#bus.append(name, chunk).then(
        (sequence) => {
          sequences[number] = sequence;
          inFlight.delete(sent);
        },
        (error: Error) => {
          inFlight.delete(sent);
          failed ??= error;
        },
      );
      inFlight.add(sent);
      if (inFlight.size >= chunksInFlight) await Promise.race(inFlight);
      await pace?.after(chunk.length);
    }
    await Promise.all(inFlight);
    if (failed) throw failed;
    return { name: object, bytes, chunks: count, sequences: Float64Array.from(sequences) };
  }

  async *get(snapshot: SnapshotId, object: StoredObject): AsyncGenerator<Uint8Array> {
    const name = this.#object(snapshot, object.name);
    const { chunks, sequences = new Float64Array(0) } = object;
    if (sequences.length !== chunks) throw incomplete(name, sequences.length, chunks);
    const ahead: Promise<Uint8Array>[] = [];
    let next = 0;
    try {
      for (let taken = 0; taken < chunks; taken++) {
        while (next < chunks && ahead.length < chunksInFlight)
          ahead.push(this.#chunk(name, sequences[next++]!));
        yield await ahead.shift()!;
      }
    } finally {
      // The reader gave up on one of them; the others have nobody left to tell.
      await Promise.allSettled(ahead);
    }
  }

  async #chunk(name: string, sequence: number): Promise<Uint8Array> {
    const found = await retried(this.#bus, () => this.#bus.messageAt(this.#stream, sequence));
    if (found?.subject === name) return found.bytes;
    throw new StarlingError('CORRUPT', `${name}: the chunk at sequence ${sequence} is gone.`);
  }

  async putManifest(snapshot: SnapshotId, manifest: Uint8Array): Promise<void> {
    await this.#bus.append(this.#manifest(snapshot), manifest);
  }

  async getManifest(snapshot: SnapshotId): Promise<Uint8Array | undefined> {
    const name = this.#manifest(snapshot);
    return (await this.#bus.lastMessage(this.#stream, name))?.bytes;
  }

  async list(): Promise<SnapshotId[]> {
    const names = await this.#bus.subjects(this.#stream, this.#manifest('*'));
    return names.map(lastToken).sort().reverse();
  }

  async remove(snapshot: SnapshotId): Promise<void> {
    const manifest = this.#manifest(snapshot);
    await this.#bus.purge(this.#stream, { subject: manifest });
    const objects = this.#object(snapshot, '*');
    await this.#bus.purge(this.#stream, { subject: objects });
  }

  async removeUnfinished(current?: SnapshotId): Promise<void> {
    const complete = new Set(await this.list());
    const objects = this.#object('*', '*');
    const written = new Set(
      (await this.#bus.subjects(this.#stream, objects)).map((name) => name.split('.').at(-2)!),
    );
    for (const snapshot of written) {
      if (snapshot !== current && !complete.has(snapshot)) await this.remove(snapshot);
    }
  }
}

function incomplete(name: string, got: number, expected: number): StarlingError {
  return new StarlingError(
    'CORRUPT',
    `${name}: ${got} chunks are stored, ${expected} were written.`,
  );
}
