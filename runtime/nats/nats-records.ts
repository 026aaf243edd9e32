import type { JetStreamManager, KV, KvOptions, NatsConnection } from 'nats';
import { StorageType } from 'nats';
import { StarlingError } from '../../core/base/errors.js';
import type { BucketEntry, KeyOptions, Records } from '../bus/records.js';
import { systemClock } from '../system.js';
import type { Stoppable } from '../stoppable.js';
import { within } from '../time-limit.js';
import { openWatch, type WatchSource } from './bucket-watch.js';
import { orUndefined } from './nats-errors.js';

/** For a key. Who asks for one asks again; a long wait for a server that died would only be part of every recovery. */
const keyMsMax = 3_000;

export interface RecordsOptions {
  readonly connection: NatsConnection;
  readonly manager: () => Promise<JetStreamManager>;
  /** Once: who waits hears at once when the server is lost. */
  readonly attempt: <T>(
    what: string,
    timeoutMs: number,
    send: (leftMs: number) => Promise<T>,
  ) => Promise<T>;
  /** What a watch needs to know of its connection. */
  readonly watching: (bucket: string) => Omit<WatchSource, 'bucket'>;
}

/** Keys and values in buckets of NATS. */
export class NatsRecords implements Records {
  readonly #options: RecordsOptions;
  readonly #buckets = new Map<string, Promise<KV>>();

  constructor(options: RecordsOptions) {
    this.#options = options;
  }

  bucketGet(bucket: string, key: string): Promise<Uint8Array | undefined> {
    const what = `bucket ${bucket}, key ${key}`;
    const newest = { last_by_subj: `$KV.${bucket}.${key}` };
    const read = async (): Promise<Uint8Array | undefined> => {
      const { streams } = await this.#options.manager();
      const found = await orUndefined(streams.getMessage(`KV_${bucket}`, newest));
      // Of a key that was deleted only that is left.
      return found?.header.get('KV-Operation') ? undefined : found?.data;
    };
    return this.#options.attempt(what, keyMsMax, (leftMs) =>
      within(systemClock, leftMs, what, read()),
    );
  }

  async bucketPut(
    bucket: string,
    key: string,
    bytes: Uint8Array,
    options?: KeyOptions,
  ): Promise<void> {
    await this.#atKey(bucket, key, options, (view) => view.put(key, bytes));
  }

  bucketEntry(bucket: string, key: string, options?: KeyOptions): Promise<BucketEntry | undefined> {
    return this.#atKey(bucket, key, options, async (view) => {
      const entry = await view.get(key);
      if (!entry || entry.operation !== 'PUT') return undefined;
      return { bytes: entry.value, revision: entry.revision };
    });
  }

  bucketUpdate(
    bucket: string,
    key: string,
    bytes: Uint8Array,
    revision: number,
    options?: KeyOptions,
  ): Promise<number> {
    return this.#atKey(bucket, key, options, (view) =>
      // create() also takes the place of a deleted key.
      revision === 0 ? view.create(key, bytes) : view.update(key, bytes, revision),
    );
  }

  requireBucketLeader(bucket: string, timeoutMs: number): Promise<void> {
    const what = `leader of bucket ${bucket}`;
    return this.#options.attempt(what, timeoutMs, async (leftMs) => {
      const info = `$JS.API.STREAM.INFO.KV_${bucket}`;
      const { connection } = this.#options;
      const reply = await connection.request(info, undefined, { timeout: leftMs });
      const { error } = reply.json<{ error?: { description: string } }>();
      if (error) throw new StarlingError('UNAVAILABLE', `${what}: ${error.description}.`);
    });
  }

  bucketWatch(
    bucket: string,
    pattern: string,
    handler: (key: string, entry: BucketEntry) => void,
  ): Promise<Stoppable> {
    const source = { ...this.#options.watching(bucket), bucket: () => this.open(bucket) };
    return openWatch(source, pattern, handler);
  }

  /** @param creation counts only when it is not there yet, which is so for the supervisor alone. */
  open(name: string, creation: Partial<KvOptions> = {}): Promise<KV> {
    const known = this.#buckets.get(name);
    if (known) return known;
    const { connection } = this.#options;
    const opened = connection.jetstream({ timeout: keyMsMax }).views.kv(name, {
      history: 1,
      storage: StorageType.File,
      timeout: keyMsMax,
      ...creation,
    });
    this.#buckets.set(name, opened);
    opened.catch(() => this.#buckets.delete(name));
    return opened;
  }

  /** With the opening of the bucket, and of a create the look whether the key was deleted: each waits by itself. */
  #atKey<T>(
    bucket: string,
    key: string,
    options: KeyOptions | undefined,
    run: (view: KV) => Promise<T>,
  ): Promise<T> {
    const what = `bucket ${bucket}, key ${key}`;
    const limitMs = Math.min(keyMsMax, options?.timeoutMs ?? keyMsMax);
    return this.#options.attempt(what, limitMs, (leftMs) =>
      within(systemClock, leftMs, what, this.open(bucket).then(run)),
    );
  }
}
