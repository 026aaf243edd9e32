import type { Bus, StreamMessage, TailOptions } from '../bus.js';
import type { SnapshotId, SnapshotStore, StoredObject } from '../stores/snapshot-store.js';

/** A stream in memory, with followers: enough of a bus for whoever follows one. */
export class MemoryLog {
  #messages: StreamMessage[] = [];
  #next = 1;
  readonly #tails = new Set<(message: StreamMessage) => Promise<void>>();
  /** Messages handed to followers, over all. */
  delivered = 0;

  append(bytes: Uint8Array, headers: Readonly<Record<string, string>> = {}): number {
    const sequence = this.#next++;
    const message = {
      ...{ subject: 'log', sequence, atMs: 0, bytes },
      header: (name: string) => headers[name],
    };
    this.#messages.push(message);
    for (const hand of this.#tails) void hand(message);
    return sequence;
  }

  /** Removes what is before a sequence. */
  trim(beforeSequence: number): void {
    this.#messages = this.#messages.filter(({ sequence }) => sequence >= beforeSequence);
  }

  readonly bus: Pick<Bus, 'tail' | 'lastMessage' | 'messageAt' | 'streamState'> = {
    tail: async ({ fromSequence = 1 }: TailOptions, handler) => {
      let last: Promise<void> = Promise.resolve();
      const hand = (message: StreamMessage): Promise<void> => {
        last = last.then(async () => {
          this.delivered++;
          await handler(message);
        });
        return last;
      };
      const backlog = this.#messages.filter(({ sequence }) => sequence >= fromSequence);
      backlog.forEach((message) => void hand(message));
      this.#tails.add(hand);
      const stop = async () => void this.#tails.delete(hand);
      return { backlog: backlog.length, stop };
    },
    lastMessage: async () => this.#messages.at(-1),
    messageAt: async (_stream, wanted) => this.#messages.find((each) => each.sequence === wanted),
    streamState: async () => ({
      firstSequence: this.#messages[0]?.sequence ?? this.#next,
      lastSequence: this.#next - 1,
      messages: this.#messages.length,
      bytes: 0,
    }),
  };
}

/** Snapshots in memory. */
export class MemorySnapshots implements SnapshotStore {
  readonly #manifests = new Map<SnapshotId, Uint8Array>();
  readonly #objects = new Map<string, Uint8Array[]>();

  async put(snapshot: SnapshotId, name: string, chunks: Iterable<Uint8Array>) {
    const list = [...chunks];
    this.#objects.set(`${snapshot}/${name}`, list);
    const bytes = list.reduce((sum, { length }) => sum + length, 0);
    return { name, bytes, chunks: list.length };
  }

  async *get(snapshot: SnapshotId, { name }: StoredObject): AsyncGenerator<Uint8Array> {
    yield* this.#objects.get(`${snapshot}/${name}`) ?? [];
  }

  async putManifest(snapshot: SnapshotId, manifest: Uint8Array): Promise<void> {
    this.#manifests.set(snapshot, manifest);
  }

  async getManifest(snapshot: SnapshotId): Promise<Uint8Array | undefined> {
    return this.#manifests.get(snapshot);
  }

  async list(): Promise<SnapshotId[]> {
    return [...this.#manifests.keys()].sort().reverse();
  }

  async remove(snapshot: SnapshotId): Promise<void> {
    this.#manifests.delete(snapshot);
    for (const name of this.#objects.keys())
      if (name.startsWith(`${snapshot}/`)) this.#objects.delete(name);
  }

  async removeUnfinished(current?: SnapshotId): Promise<void> {
    for (const name of this.#objects.keys()) {
      const snapshot = name.split('/')[0]!;
      if (snapshot !== current && !this.#manifests.has(snapshot)) this.#objects.delete(name);
    }
  }
}
