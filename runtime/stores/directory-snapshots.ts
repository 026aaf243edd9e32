import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { StarlingError } from '../../core/base/errors.js';
import { isSnapshotId } from './snapshot-store.js';
import type { Pace } from './chunk-pace.js';
import type { SnapshotId, SnapshotStore, StoredObject } from './snapshot-store.js';
import { storageError } from './storage-error.js';

/**
 * Snapshots in a folder, for a shared file system or a copy to carry elsewhere:
 *
 *   <folder>/<snapshot>/<object>     length (u32, little endian), chunk, length, chunk, …
 *   <folder>/<snapshot>/manifest     renamed into place when all objects are on disk
 */
const manifestName = 'manifest';
const lengthBytes = 4;
/** A length beyond this is damage: it would only make the reader allocate. */
const chunkBytesMax = 64 * 2 ** 20;

export class DirectorySnapshots implements SnapshotStore {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  async put(
    snapshot: SnapshotId,
    object: string,
    chunks: Iterable<Uint8Array>,
    pace?: Pace,
  ): Promise<StoredObject> {
    const file = path.join(this.#folder, snapshot, object);
    try {
      await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
      return await writeChunks(file, object, chunks, pace);
    } catch (error) {
      throw storageError(error, file, 'writing a snapshot');
    }
  }

  async *get(snapshot: SnapshotId, object: StoredObject): AsyncGenerator<Uint8Array> {
    const name = path.join(this.#folder, snapshot, object.name);
    const file = await open(name, 'r').catch((cause: unknown) => {
      throw new StarlingError('CORRUPT', `snapshot ${name} can't be read.`, {}, { cause });
    });
    try {
      const length = new Uint8Array(lengthBytes);
      let chunks = 0;
      for (; ; chunks++) {
        const { bytesRead } = await file.read(length);
        if (bytesRead === 0) break;
        const bytes = new DataView(length.buffer).getUint32(0, true);
        if (bytesRead < lengthBytes || bytes > chunkBytesMax) throw damaged(name, chunks);
        const chunk = new Uint8Array(bytes);
        if ((await file.read(chunk)).bytesRead < bytes) throw damaged(name, chunks);
        yield chunk;
      }
      if (chunks !== object.chunks) throw damaged(name, chunks);
    } finally {
      await file.close();
    }
  }

  async putManifest(snapshot: SnapshotId, manifest: Uint8Array): Promise<void> {
    const file = path.join(this.#folder, snapshot, manifestName);
    try {
      await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
      const next = await open(`${file}.next`, 'w', 0o600);
      try {
        await next.writeFile(manifest);
        await next.sync();
      } finally {
        await next.close();
      }
      await rename(`${file}.next`, file);
    } catch (error) {
      throw storageError(error, file, 'writing a snapshot');
    }
  }

  async getManifest(snapshot: SnapshotId): Promise<Uint8Array | undefined> {
    return readIfThere(path.join(this.#folder, snapshot, manifestName));
  }

  async list(): Promise<SnapshotId[]> {
    const complete: SnapshotId[] = [];
    for (const snapshot of await this.#all()) {
      if (await this.getManifest(snapshot)) complete.push(snapshot);
    }
    return complete.sort().reverse();
  }

  async remove(snapshot: SnapshotId): Promise<void> {
    const folder = path.join(this.#folder, snapshot);
    await rm(path.join(folder, manifestName), { force: true });
    await rm(folder, { recursive: true, force: true });
  }

  async removeUnfinished(current?: SnapshotId): Promise<void> {
    const complete = new Set(await this.list());
    for (const snapshot of await this.#all()) {
      if (snapshot !== current && !complete.has(snapshot)) await this.remove(snapshot);
    }
  }

  async #all(): Promise<SnapshotId[]> {
    try {
      return (await readdir(this.#folder)).filter(isSnapshotId);
    } catch (error) {
      if ((error as { code?: string }).code === 'ENOENT') return [];
      throw error;
    }
  }
}

async function writeChunks(
  name: string,
  object: string,
  chunks: Iterable<Uint8Array>,
  pace: Pace | undefined,
): Promise<StoredObject> {
  const file = await open(name, 'w', 0o600);
  try {
    let bytes = 0;
    let count = 0;
    for (const chunk of chunks) {
      const length = new Uint8Array(lengthBytes);
      new DataView(length.buffer).setUint32(0, chunk.length, true);
      await file.writev([length, chunk]);
      bytes += chunk.length;
      count++;
      await pace?.after(chunk.length);
    }
    await file.sync();
    return { name: object, bytes, chunks: count };
  } finally {
    await file.close();
  }
}

async function readIfThere(file: string): Promise<Uint8Array | undefined> {
  try {
    return await readFile(file);
  } catch (error) {
    if ((error as { code?: string }).code === 'ENOENT') return undefined;
    throw error;
  }
}

function damaged(name: string, chunk: number): StarlingError {
  return new StarlingError('CORRUPT', `snapshot ${name}: chunk ${chunk} is cut short or missing.`, {
    chunk,
  });
}
