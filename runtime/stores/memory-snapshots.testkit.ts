import { StarlingError } from '../../core/base/errors.js';
import type { Pace } from './chunk-pace.js';
import type { SnapshotStore, StoredObject } from './snapshot-store.js';

/** Snapshots in memory, and what may befall them. */
export class MemorySnapshots implements SnapshotStore {
  readonly #objects = new Map<string, Uint8Array[]>();
  readonly #manifests = new Map<string, Uint8Array>();

  async put(
    snapshot: string,
    name: string,
    chunks: Iterable<Uint8Array>,
    pace?: Pace,
  ): Promise<StoredObject> {
    const stored: Uint8Array[] = [];
    for (const chunk of chunks) {
      stored.push(chunk.slice());
      await pace?.after(chunk.length);
    }
    this.#objects.set(`${snapshot}/${name}`, stored);
    const bytes = stored.reduce((sum, { length }) => sum + length, 0);
    return { name, bytes, chunks: stored.length };
  }

  async *get(snapshot: string, { name, chunks }: StoredObject): AsyncIterable<Uint8Array> {
    const stored = this.#objects.get(`${snapshot}/${name}`) ?? [];
    for (const chunk of stored) yield chunk;
    if (stored.length !== chunks) throw new StarlingError('CORRUPT', `${snapshot}/${name}`);
  }

  async putManifest(snapshot: string, manifest: Uint8Array): Promise<void> {
    this.#manifests.set(snapshot, manifest);
  }

  async getManifest(snapshot: string): Promise<Uint8Array | undefined> {
    return this.#manifests.get(snapshot);
  }

  async list(): Promise<string[]> {
    return [...this.#manifests.keys()].sort().reverse();
  }

  async remove(snapshot: string): Promise<void> {
    this.#manifests.delete(snapshot);
    for (const key of this.#objects.keys())
      if (key.startsWith(`${snapshot}/`)) this.#objects.delete(key);
  }

  async removeUnfinished(): Promise<void> {
    for (const key of this.#objects.keys())
      if (!this.#manifests.has(key.split('/')[0]!)) this.#objects.delete(key);
  }

  /** One bit of the last chunk of an object is not what it was. */
  damage(snapshot: string, name: string): void {
    const chunk = this.#objects.get(`${snapshot}/${name}`)!.at(-1)!;
    chunk[Math.floor(chunk.length / 2)]! ^= 1;
  }
}
