import type { Stoppable } from '../stoppable.js';

export interface BucketEntry {
  readonly bytes: Uint8Array;
  readonly revision: number;
}

export interface KeyOptions {
  /** For the answer, if that is shorter than what the bus waits for any key. */
  readonly timeoutMs?: number;
}

/** Values by key in a bucket, changed by compare-and-set. */
export interface Records {
  /**
   * Of this and the other questions about a key: each is answered within a few seconds or never, whatever becomes of the
   * server that it went to.
   * @throws StarlingError TIMEOUT when there is no answer in time; of a change nobody knows then whether it was made.
   *
   * This one is answered by the copy that leads, for what is read once and decided by: any other may be behind.
   */
  bucketGet(bucket: string, key: string): Promise<Uint8Array | undefined>;
  bucketPut(bucket: string, key: string, bytes: Uint8Array, options?: KeyOptions): Promise<void>;
  /** By any copy. Who changes it finds out whether it was the newest. */
  bucketEntry(bucket: string, key: string, options?: KeyOptions): Promise<BucketEntry | undefined>;
  /**
   * Compare and set; revision 0 means the key is new. Resolves with the new revision.
   * @throws StarlingError CONFLICT when somebody else changed the key since.
   */
  bucketUpdate(
    bucket: string,
    key: string,
    bytes: Uint8Array,
    revision: number,
    options?: KeyOptions,
  ): Promise<number>;
  /**
   * Resolves if the bucket takes changes. Reads say nothing about that: of three copies, any answers them.
   * @throws StarlingError TIMEOUT, UNAVAILABLE, … when it has no leader, or nobody answers
   */
  requireBucketLeader(bucket: string, timeoutMs: number): Promise<void>;
  /** Every value there is, then every change; resolves when what was there has been handed over. */
  bucketWatch(
    bucket: string,
    pattern: string,
    handler: (key: string, entry: BucketEntry) => void,
  ): Promise<Stoppable>;
}
