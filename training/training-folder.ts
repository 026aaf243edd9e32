import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { StarlingError } from '../core/base/errors.js';
import type { ClusterConfig } from '../core/config/schema.js';
import { namedSlots } from '../core/blueprint/named-slots.js';
import { encodeManifest } from '../messages/snapshots.js';
import { DirectorySnapshots } from '../runtime/stores/directory-snapshots.js';
import { storageError } from '../runtime/stores/storage-error.js';
import type { MadeSamples } from './sample-maker.js';
import type { SampleIndex } from './sample-file.js';
import type { Tally, TrainingPlace, Written } from './thread-news.js';

/**
 * The folder of a training:
 *
 *   training.json              what was trained, and how well; written last
 *   <snapshot>/…               the model, as a snapshot of a cluster (directory-snapshots.ts)
 *   .work/                     until then:
 *     samples.json             which samples there are, and of what they were made
 *     train, holdout           blocks of samples (sample-file.ts)
 *     holdout-rows             whose samples those of the holdout are (held-rows.ts)
 *     checkpoints/<snapshot>/  the model at some block
 *     checkpoint.json          which block that is
 *
 * What is in `.work` counts only together with its JSON, which is renamed into place when the rest is on disk.
 */
const resultName = 'training.json';
const workName = '.work';

export interface SampleSet {
  /** Of what they were made. */
  readonly key: string;
  readonly train: SampleIndex;
  readonly holdout: SampleIndex | undefined;
  readonly made: MadeSamples;
  /** Of before the holdout, and known only after it began. */
  readonly late: number;
  readonly cutMs: number | undefined;
}

export interface SavedPlace {
  readonly key: string;
  readonly at: TrainingPlace;
  readonly tally: Tally;
  readonly snapshot: string;
  /** Spent on learning so far. */
  readonly seconds: number;
}

export class TrainingFolder {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = path.resolve(folder);
  }

  get path(): string {
    return this.#folder;
  }

  get checkpoints(): string {
    return this.#in('checkpoints');
  }

  get heldRows(): string {
    return this.#in('holdout-rows');
  }

  sampleFile(name: 'train' | 'holdout'): string {
    return this.#in(name);
  }

  async prepare(): Promise<void> {
    try {
      await mkdir(this.#in('checkpoints'), { recursive: true, mode: 0o700 });
    } catch (error) {
      throw storageError(error, this.#folder, 'making the folder of a training');
    }
  }

  /** @throws StarlingError CORRUPT */
  async result<T>(): Promise<T | undefined> {
    return readJson<T>(path.join(this.#folder, resultName));
  }

  async samples(key: string): Promise<SampleSet | undefined> {
    const set = await readJson<SampleSet>(this.#in('samples.json'));
    return set?.key === key ? set : undefined;
  }

  saveSamples(set: SampleSet): Promise<void> {
    return writeJson(this.#in('samples.json'), set);
  }

  async place(key: string): Promise<SavedPlace | undefined> {
    const place = await readJson<SavedPlace>(this.#in('checkpoint.json'));
    return place?.key === key ? place : undefined;
  }

  /** Older checkpoints go once this one counts. */
  async savePlace(place: SavedPlace, written: Written, of: ManifestOf): Promise<void> {
    const store = new DirectorySnapshots(this.checkpoints);
    await store.putManifest(place.snapshot, manifestBytes(written, of));
    await writeJson(this.#in('checkpoint.json'), place);
    for (const snapshot of await store.list())
      if (snapshot !== place.snapshot) await store.remove(snapshot);
  }

  /** What was begun here and is of something else. */
  async clear(): Promise<void> {
    await rm(path.join(this.#folder, workName), { recursive: true, force: true });
  }

  async finish(result: unknown, written: Written, of: ManifestOf): Promise<void> {
    const store = new DirectorySnapshots(this.#folder);
    await store.putManifest(written.snapshot, manifestBytes(written, of));
    await store.removeUnfinished(written.snapshot);
    await writeJson(path.join(this.#folder, resultName), result, 2);
    await this.clear();
  }

  #in(name: string): string {
    return path.join(this.#folder, workName, name);
  }
}

export interface ManifestOf {
  readonly config: ClusterConfig;
  readonly specHash: string;
  readonly createdAtMs: number;
}

function manifestBytes(
  { snapshot, objects, dense }: Written,
  { config, specHash, createdAtMs }: ManifestOf,
): Uint8Array {
  return encodeManifest({
    ...{ snapshot, createdAtMs, specHash, objects },
    partitionCount: config.partitions,
    slots: namedSlots(config),
    ...(dense ? { dense } : {}),
  });
}

async function readJson<T>(file: string): Promise<T | undefined> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw storageError(error, file, 'reading it');
  }
  try {
    return JSON.parse(text) as T;
  } catch (cause) {
    throw new StarlingError('CORRUPT', `${file} is no JSON.`, { file }, { cause });
  }
}

async function writeJson(file: string, value: unknown, indent?: number): Promise<void> {
  try {
    const next = await open(`${file}.next`, 'w', 0o600);
    try {
      await next.writeFile(`${JSON.stringify(value, undefined, indent)}\n`);
      await next.sync();
    } finally {
      await next.close();
    }
    await rename(`${file}.next`, file);
  } catch (error) {
    throw storageError(error, file, 'writing it');
  }
}
