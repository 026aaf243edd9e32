import type { EmbeddingPartition } from '../core/embedding/partition.js';
import type { ExampleBatch } from '../core/features/example-batch.js';
import { FidDeduper, type GatherPlan } from '../core/model/row-gather.js';
import { RingConsumer, RingProducer, type Alarm, type RingSlot } from '../core/base/shared-ring.js';
import { firstPartition, headFloats, type ExchangeShape, type Links } from './exchange-links.js';

/** Of a step, on the part of a thread. */
export interface PartNews {
  /** Σ of the weights of its labels. */
  readonly weight: number;
  /** Mean by weight; not finite where a gradient is not. */
  readonly loss: number;
  /** What thread 0 says to all. */
  readonly signal: number;
  /** f32 [networkFloats]; the first `meanFloats` are means by weight, the others sums. */
  readonly network: Float32Array;
  /** f32 [rows of the plan × dim] */
  readonly rows: Float32Array;
  /** Sums of squares by example, like `rows`; where the shape has them. */
  readonly squares: Float32Array | undefined;
}

export type BatchNews = Omit<PartNews, 'rows' | 'squares'>;

export interface PushTime {
  /** Event time. */
  readonly atSeconds: number;
  readonly step: number;
}

/** What this thread asks of another, and that of it. */
interface Peer {
  readonly thread: number;
  readonly ask: RingProducer;
  readonly answered: RingConsumer;
  readonly tell: RingProducer;
  readonly asked: RingConsumer;
  readonly answer: RingProducer;
  readonly told: RingConsumer;
}

/** The requests of all threads, made one. */
interface Merged {
  readonly plan: GatherPlan;
  /** By thread, the first place of its fids among all. */
  readonly starts: Uint32Array;
}

/**
 * Rows between threads. Each thread owns a run of partitions, with a WebAssembly memory of its own, and learns its part of every batch; what
 * it needs of others it asks them for, and tells them what their rows learn:
 *
 *   requests   asker → owner   counts [partitions of the owner × slots], then fids
 *   rows       owner → asker   rows of those fids, in that order
 *   news       asker → owner   what a step says of the network, then of those rows, then their squares if they are counted
 *
 * All threads do this for each batch, in step. An owner makes the requests of all one, in the order of the threads, so that a row which two of
 * them name is read once and learns once, from the sum of both; sums are taken in that order as well. So nothing depends on who was faster.
 *
 * One thread has no rings, and nothing is copied.
 */
export class RowExchange {
  readonly #shape: ExchangeShape;
  readonly #thread: number;
  readonly #partitions: readonly EmbeddingPartition[];
  readonly #peers: readonly Peer[];
  readonly #deduper = new FidDeduper();
  /** Used again for each batch. */
  readonly #scratch = {
    owned: new Float32Array(0),
    rows: new Float32Array(0),
    sums: new Float32Array(0),
    squares: new Float32Array(0),
  };
  #merged: Merged | undefined;

  /** @param partitions those of this thread, in order. */
  constructor(
    shape: ExchangeShape,
    thread: number,
    partitions: readonly EmbeddingPartition[],
    links: Links,
    alarm: Alarm,
  ) {
    this.#shape = shape;
    this.#thread = thread;
    this.#partitions = partitions;
    const others = Array.from({ length: shape.threads }, (_unused, i) => i);
    this.#peers = others.flatMap((other) => peerOf(thread, other, links, alarm));
  }

  /** Whether what rows learn is told with the squares of single examples. */
  get squares(): boolean {
    return this.#shape.squares;
  }

  /**
   * Rows as training reads them; of fids that have none what they would begin with.
   * @returns f32 [rows of the plan × dim], in its order; the next call writes over it.
   */
  pull(plan: GatherPlan): Float32Array {
    return this.#read(plan, (merged) => this.#pullOwn(merged));
  }

  /** Rows as serving reads them: of fids that have none zeros. */
  lookup(plan: GatherPlan): Float32Array {
    return this.#read(plan, (merged) => {
      const rows = this.#pullOwn(merged);
      this.#eachGroup(merged, (table, fid, row) => {
        if (table.updateCount(merged.fids[2 * fid]!, merged.fids[2 * fid + 1]!) === 0)
          rows.fill(0, row, row + this.#shape.dim);
      });
      return rows;
    });
  }

  /**
   * Tells the owners what the rows that were pulled last have learned, and takes in what others tell. Where any of it is not finite no row is
   * changed.
   *
   * @param meanFloats see PartNews.
   * @returns what all parts together say of the network; the same in every thread.
   */
  push(plan: GatherPlan, own: PartNews, meanFloats: number, time: PushTime): BatchNews {
    const { dim } = this.#shape;
    for (const { thread, tell } of this.#peers) {
      const { floats } = tell.claim();
      floats[0] = own.weight;
      floats[1] = own.loss;
      floats[2] = own.signal;
      floats.set(own.network, headFloats);
      const [start, end] = this.#rowsOf(plan, thread);
      const at = headFloats + this.#shape.networkFloats;
      floats.set(own.rows.subarray(start * dim, end * dim), at);
      const squares = own.squares?.subarray(start * dim, end * dim);
      if (squares) floats.set(squares, at + squares.length);
      tell.publish();
    }
    const parts = this.#receiveNews(own);
    const news = summed(parts, meanFloats);
    if (isFinite(news)) this.#pushOwn(plan, parts, time);
    for (const { told } of this.#peers) told.release();
    return news;
  }

  #read(plan: GatherPlan, read: (merged: GatherPlan) => Float32Array): Float32Array {
    if (this.#peers.length === 0) return read(plan);
    this.#ask(plan);
    const merged = this.#mergeRequests(plan);
    const owned = read(merged.plan);
    this.#merged = merged;
    const { dim } = this.#shape;
    for (const { thread, answer } of this.#peers) {
      this.#copyRows(owned, merged, thread, answer.claim().floats, 0);
      answer.publish();
    }
    const rows = this.#floats('rows', plan.uniqueCount * dim);
    this.#copyRows(owned, merged, this.#thread, rows, this.#rowsOf(plan, this.#thread)[0] * dim);
    for (const { thread, answered } of this.#peers) {
      const [start, end] = this.#rowsOf(plan, thread);
      rows.set(answered.receive().floats.subarray(0, (end - start) * dim), start * dim);
      answered.release();
    }
    return rows;
  }

  #ask(plan: GatherPlan): void {
    const { slotCount } = this.#shape;
    for (const { thread, ask } of this.#peers) {
      const { words } = ask.claim();
      const first = firstPartition(thread, this.#shape);
      const next = firstPartition(thread + 1, this.#shape);
      words.set(plan.counts.subarray(first * slotCount, next * slotCount));
      const [start, end] = this.#rowsOf(plan, thread);
      words.set(plan.fids.subarray(2 * start, 2 * end), (next - first) * slotCount);
      ask.publish();
    }
  }

  /** In the order of the threads. */
  #mergeRequests(plan: GatherPlan): Merged {
    const { threads, slotCount } = this.#shape;
    const first = firstPartition(this.#thread, this.#shape);
    const groups = this.#partitions.length * slotCount;
    const [ownStart, ownEnd] = this.#rowsOf(plan, this.#thread);
    const requests = this.#inOrder<Request>(
      {
        counts: plan.counts.subarray(first * slotCount, first * slotCount + groups),
        fids: plan.fids.subarray(2 * ownStart, 2 * ownEnd),
      },
      ({ asked }) => requestIn(asked.receive(), groups),
    );
    const starts = new Uint32Array(threads + 1);
    requests.forEach(({ fids }, i) => (starts[i + 1] = starts[i]! + fids.length / 2));
    const offsets = new Uint32Array(threads * groups + 1);
    const fids = new Uint32Array(2 * starts[threads]!);
    requests.forEach((request, i) => {
      fids.set(request.fids, 2 * starts[i]!);
      for (let group = 0; group < groups; group++) {
        const cell = i * groups + group;
        offsets[cell + 1] = offsets[cell]! + request.counts[group]!;
      }
    });
    for (const { asked } of this.#peers) asked.release();
    // A thread is an example, and a slot of a partition is one of its slots.
    const batch: ExampleBatch = {
      ...{ rowCount: threads, slotCount: groups, denseCount: 0, offsets, fids },
      dense: new Float32Array(0),
    };
    return { plan: this.#deduper.plan(batch, 1), starts };
  }

  #copyRows(
    owned: Float32Array,
    { plan, starts }: Merged,
    thread: number,
    out: Float32Array,
    outStart: number,
  ): void {
    const { dim } = this.#shape;
    let at = outStart;
    for (let i = starts[thread]!; i < starts[thread + 1]!; i++) {
      const row = plan.inverse[i]! * dim;
      for (let d = 0; d < dim; d++) out[at + d] = owned[row + d]!;
      at += dim;
    }
  }

  #receiveNews(own: PartNews): PartNews[] {
    const { networkFloats, dim, squares } = this.#shape;
    // Others see them so.
    const [weight, loss] = [Math.fround(own.weight), Math.fround(own.loss)];
    return this.#inOrder<PartNews>({ ...own, weight, loss }, ({ thread, told }) => {
      const { floats } = told.receive();
      const at = headFloats + networkFloats;
      const starts = this.#merged!.starts;
      const end = at + (starts[thread + 1]! - starts[thread]!) * dim;
      return {
        ...{ weight: floats[0]!, loss: floats[1]!, signal: floats[2]! },
        ...{ network: floats.subarray(headFloats, at), rows: floats.subarray(at) },
        squares: squares ? floats.subarray(end) : undefined,
      };
    });
  }

  #pushOwn(plan: GatherPlan, parts: readonly PartNews[], { atSeconds, step }: PushTime): void {
    const { dim } = this.#shape;
    const merged = this.#merged;
    const wanted = merged?.plan ?? plan;
    const sumsOf = (use: 'sums' | 'squares', of: (part: PartNews) => Float32Array) =>
      merged ? this.#summed(use, plan, merged, parts.map(of)) : of(parts[0]!);
    const gradients = sumsOf('sums', ({ rows }) => rows);
    const squares = this.#shape.squares ? sumsOf('squares', (part) => part.squares!) : undefined;
    let fid = 0;
    this.#partitions.forEach((partition, i) => {
      const counts = i * this.#shape.slotCount;
      const floats = partition.push(
        ...([wanted.counts, counts, wanted.fids, fid] as const),
        ...([gradients, fid * dim, atSeconds, step, squares] as const),
      );
      fid += floats / dim;
    });
  }

  /** f32 [unique rows of all × dim], of what each part says of those that it read. */
  #summed(
    use: 'sums' | 'squares',
    plan: GatherPlan,
    { plan: wanted, starts }: Merged,
    parts: readonly Float32Array[],
  ): Float32Array {
    const { dim } = this.#shape;
    const sums = this.#floats(use, wanted.uniqueCount * dim).fill(0);
    parts.forEach((rows, thread) => {
      let at = thread === this.#thread ? this.#rowsOf(plan, thread)[0] * dim : 0;
      for (let i = starts[thread]!; i < starts[thread + 1]!; i++) {
        const row = wanted.inverse[i]! * dim;
        for (let d = 0; d < dim; d++) sums[row + d]! += rows[at + d]!;
        at += dim;
      }
    });
    return sums;
  }

  #pullOwn(plan: GatherPlan): Float32Array {
    const { dim, slotCount } = this.#shape;
    const rows = this.#floats('owned', plan.uniqueCount * dim);
    let fid = 0;
    this.#partitions.forEach((partition, i) => {
      fid += partition.pull(plan.counts, i * slotCount, plan.fids, fid, rows, fid * dim) / dim;
    });
    return rows;
  }

  #eachGroup(
    plan: GatherPlan,
    visit: (table: EmbeddingPartition['tables'][number], fid: number, rowStart: number) => void,
  ): void {
    const { dim, slotCount } = this.#shape;
    let fid = 0;
    this.#partitions.forEach(({ tables }, i) =>
      tables.forEach((table, slot) => {
        const end = fid + plan.counts[i * slotCount + slot]!;
        for (; fid < end; fid++) visit(table, fid, fid * dim);
      }),
    );
  }

  #floats(use: 'owned' | 'rows' | 'sums' | 'squares', length: number): Float32Array {
    if (this.#scratch[use].length < length) this.#scratch[use] = new Float32Array(2 * length);
    return this.#scratch[use].subarray(0, length);
  }

  /** Of a plan, those of a thread. */
  #rowsOf({ partitionStarts }: GatherPlan, thread: number): readonly [number, number] {
    const first = firstPartition(thread, this.#shape);
    const next = firstPartition(thread + 1, this.#shape);
    return [partitionStarts[first]!, partitionStarts[next]!];
  }

  #inOrder<T>(own: T, of: (peer: Peer) => T): T[] {
    const all: T[] = [];
    for (const peer of this.#peers) all[peer.thread] = of(peer);
    all[this.#thread] = own;
    return all;
  }
}

interface Request {
  readonly counts: Uint32Array;
  readonly fids: Uint32Array;
}

function requestIn({ words }: RingSlot, groups: number): Request {
  const counts = words.subarray(0, groups);
  let fids = 0;
  for (let group = 0; group < groups; group++) fids += counts[group]!;
  return { counts, fids: words.subarray(groups, groups + 2 * fids) };
}

function peerOf(thread: number, other: number, links: Links, alarm: Alarm): Peer[] {
  const there = links[thread]?.[other];
  const back = links[other]?.[thread];
  if (!there || !back) return [];
  return [
    {
      thread: other,
      ask: new RingProducer(there.requests, alarm),
      answered: new RingConsumer(there.rows, alarm),
      tell: new RingProducer(there.news, alarm),
      asked: new RingConsumer(back.requests, alarm),
      answer: new RingProducer(back.rows, alarm),
      told: new RingConsumer(back.news, alarm),
    },
  ];
}

function summed(parts: readonly PartNews[], meanFloats: number): BatchNews {
  const [first] = parts;
  if (parts.length === 1) return first!;
  const weight = parts.reduce((sum, part) => sum + part.weight, 0);
  const network = new Float32Array(first!.network.length);
  let loss = 0;
  for (const part of parts) {
    if (part.weight === 0) continue;
    const share = part.weight / weight;
    loss += share * part.loss;
    for (let i = 0; i < meanFloats; i++) network[i]! += share * part.network[i]!;
    for (let i = meanFloats; i < network.length; i++) network[i]! += part.network[i]!;
  }
  return { weight, loss, signal: first!.signal, network };
}

/** Who finds something in a gradient that is not finite says so by its loss. */
function isFinite({ loss }: BatchNews): boolean {
  return Number.isFinite(loss);
}
