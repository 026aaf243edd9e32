import type { Logger } from 'pino';
import { codeOf, messageOf } from '../core/base/errors.js';
import { SnapshotReader } from '../core/embedding/snapshot/reader.js';
import type { LoadPolicy } from '../core/embedding/snapshot/load-policy.js';
import type { SnapshotTarget } from '../core/embedding/snapshot/rows.js';
import { decode } from '../messages/codec.js';
import type { KnownRows } from '../messages/earlier-deltas.js';
import { refuseSpec } from '../messages/spec-hash.js';
import type { SnapshotMark } from '../messages/snapshots.js';
import { decodeManifest, decodeMark } from '../messages/snapshots.js';
import type { StreamMessage } from '../runtime/bus/logs.js';
import type { Fold, FoundSnapshot, Verdict } from '../runtime/followers/fold.js';
import type { DeltaPart, DeltaPosition } from './delta-chain.js';
import { DeltaChain, logStart } from './delta-chain.js';

/** What the log of a partition fills. */
export interface FollowerTarget<Part> {
  /** Back to nothing, as before the first delta. */
  reset(): void;
  /** Takes the rows of a snapshot, after a reset. */
  snapshotTarget(): SnapshotTarget;
  /** All rows of the snapshot are in. */
  restored(mark: SnapshotMark): void;
  /** A delta, in order. @param sequence of its last part. */
  apply(parts: readonly Part[], sequence: number): void;
}

export interface FollowedPart extends DeltaPart {
  readonly specHash: string;
  /** Of rows that it sets, and of keys that go. */
  readonly fids: { readonly length: number };
  readonly evicted: { readonly length: number };
}

export interface PartitionFoldOptions<Part extends FollowedPart> {
  readonly partition: number;
  readonly parse: (value: unknown) => Part;
  readonly specHash: string;
  /** Blueprints of before, whose rows are read as they would be of this one. Left out: there are none. */
  readonly earlier?: KnownRows['earlier'] | undefined;
  readonly target: FollowerTarget<Part>;
  /** That the rows are of; left out: `main`. */
  readonly model?: string;
  readonly loadPolicy?: LoadPolicy;
  /** Snapshots that know more than this are not wanted. */
  readonly untilSequence?: number;
  readonly log: Pick<Logger, 'error'>;
}

/** One partition's rows, out of deltas that come in the order of a DeltaChain. */
export class PartitionFold<Part extends FollowedPart> implements Fold {
  readonly #options: PartitionFoldOptions<Part>;
  #chain = new DeltaChain<Part>(logStart);
  #newest: Part[] = [];
  #badMessages = 0;

  constructor(options: PartitionFoldOptions<Part>) {
    this.#options = options;
  }

  get name(): string {
    return `partition ${this.#options.partition}`;
  }

  get place(): string {
    return `delta ${this.position.deltaNumber}`;
  }

  get facts() {
    return { partition: this.#options.partition, after: this.position.deltaNumber };
  }

  get position(): DeltaPosition {
    return this.#chain.position;
  }

  /**
   * The newest deltas that came from the log, from the last one on that changes a row; empty when all there is came from a
   * snapshot. Those behind it are first records of owners, of whom each may have died before serving was told anything.
   */
  get newestParts(): readonly Part[] {
    return this.#newest;
  }

  get badMessages(): number {
    return this.#badMessages;
  }

  reset(): void {
    this.#options.target.reset();
    this.#chain = new DeltaChain(logStart);
    this.#newest = [];
  }

  async load(found: FoundSnapshot): Promise<number | undefined> {
    const {
      target,
      partition,
      model,
      specHash,
      earlier,
      loadPolicy,
      untilSequence = Infinity,
    } = this.#options;
    const manifest = decodeManifest(found.manifest, model);
    const object = manifest.objects.find((each) => each.partition === partition);
    if (!object || object.endSequence > untilSequence) return undefined;
    const keptSlots = earlier?.get(manifest.specHash)?.keptSlots;
    if (!keptSlots) refuseSpec(manifest.specHash, specHash, `snapshot ${found.snapshot}`);
    const policy = keptSlots ? { ...loadPolicy, keptSlots } : loadPolicy;
    const reader = new SnapshotReader(target.snapshotTarget(), policy);
    for await (const chunk of found.chunks(object)) reader.accept(chunk);
    reader.finish();
    const mark = decodeMark(reader.header!.metadata, model);
    // Sequences of another log mean nothing here, also to who writes a snapshot of these rows: the own log is read from its
    // beginning, and most of it is stale.
    const sequence = found.isElsewhere ? 0 : mark.sequence;
    const { epoch, deltaNumber } = mark;
    target.restored({ ...mark, sequence, specHash });
    this.#chain = new DeltaChain({ epoch, deltaNumber });
    return sequence;
  }

  take(message: StreamMessage): Verdict {
    const part = this.#read(message);
    if (!part) return 'stale';
    const verdict = this.#chain.take(part);
    if (verdict !== 'complete') return verdict;
    const { parts } = this.#chain;
    this.#newest = parts.some(changesRows) ? [...parts] : [...this.#newest, ...parts];
    this.#options.target.apply(parts, message.sequence);
    return 'applied';
  }

  #read(message: StreamMessage): Part | undefined {
    const { parse, specHash, log, partition } = this.#options;
    try {
      const part = parse(decode(message.bytes));
      refuseSpec(part.specHash, specHash, message.subject);
      return part;
    } catch (error) {
      if (codeOf(error) === 'SPEC_MISMATCH') throw error;
      // Nobody's delta: left out here. Had it been one, the next delta shows the gap.
      this.#badMessages++;
      log.error(
        { partition, sequence: message.sequence, code: codeOf(error), err: messageOf(error) },
        'a message in the delta log can not be read',
      );
      return undefined;
    }
  }
}

function changesRows({ fids, evicted }: FollowedPart): boolean {
  return fids.length > 0 || evicted.length > 0;
}
