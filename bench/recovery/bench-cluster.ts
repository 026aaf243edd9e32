import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Blueprint } from '../../core/blueprint/blueprint.js';
import { blueprintOf } from '../../core/blueprint/blueprint.js';
import type { PlanGroups } from '../../actors/shared/partition-map.js';
import { ParameterClient } from '../../actors/trainer/parameter-client.js';
import { partitionOf } from '../../core/base/fid.js';
import { mix32 } from '../../core/base/hash.js';
import { LatencyHistogram } from '../../core/base/histogram.js';
import { codeOf } from '../../core/base/errors.js';
import { parseClusterConfig } from '../../core/config/schema.js';
import { actorsOf, type ActorStatus } from '../../messages/actor-status.js';
import { PartitionDirectory } from '../../replication/partition-directory.js';
import type { RunningCluster } from '../../cluster/cluster.js';
import { startCluster } from '../../cluster/cluster.js';
import { ownSite } from '../../site/nats-site.js';

/** Weights of a row, as in the targets. */
export const dim = 16;
const rowsPerPush = 16_384;
/** Pushes that wait for their flush at once. */
const pushesInFlight = 4;

/** A cluster with nothing to do but what the benchmark asks of its parameter servers. */
export class BenchCluster {
  readonly cluster: RunningCluster;
  readonly client: ParameterClient;
  readonly directory: PartitionDirectory;
  readonly #blueprint: Blueprint;
  readonly #folder: string;
  #batch = 0;

  private constructor(cluster: RunningCluster, directory: PartitionDirectory, folder: string) {
    this.cluster = cluster;
    this.directory = directory;
    this.#folder = folder;
    this.#blueprint = blueprintOf(cluster.config);
    const { bus } = cluster;
    this.client = new ParameterClient({
      bus,
      blueprint: this.#blueprint,
      directory,
      parameterCount: 0,
    });
  }

  static async start(shards: number, standby: number): Promise<BenchCluster> {
    const folder = mkdtempSync(path.join(tmpdir(), 'starling-bench-'));
    const config = parseClusterConfig({
      features: { user: { entity: 'user', kind: 'id' }, item: { entity: 'item', kind: 'id' } },
      model: { network: 'fm', factorDim: dim - 1, rows: { optimizer: 'adagrad' } },
      actors: { 'ps-shard': shards, ranker: 1 },
      standby,
      // By hand only.
      snapshots: { everyMs: 24 * 3_600_000, logRecordsMax: 2 ** 40 },
    });
    const cluster = await startCluster({
      config,
      stateDir: path.join(folder, 'state'),
      openSite: ownSite,
    });
    try {
      await cluster.untilReady(120_000);
      return new BenchCluster(cluster, await PartitionDirectory.open(cluster.bus), folder);
    } catch (error) {
      await cluster.stop();
      throw error;
    }
  }

  async stop(): Promise<void> {
    await this.directory.stop();
    await this.cluster.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  shard(index: number): ActorStatus<'ps-shard'> {
    const address = `train.ps-shard.${index}`;
    const shards = actorsOf(this.cluster.status().actors, 'ps-shard');
    return shards.find((each) => each.address === address)!;
  }

  /** One update of each of the rows; seconds until all is durable. */
  async fill(rows: number): Promise<number> {
    const startMs = performance.now();
    const pending = new Set<Promise<void>>();
    for (let first = 0; first < rows; first += rowsPerPush) {
      const push = this.push(first, Math.min(rowsPerPush, rows - first)).finally(() =>
        pending.delete(push),
      );
      pending.add(push);
      if (pending.size >= pushesInFlight) await Promise.race(pending);
    }
    await Promise.all(pending);
    return (performance.now() - startMs) / 1000;
  }

  /** Gradients for rows first … first + count − 1, durable when it resolves. */
  async push(first: number, count: number): Promise<void> {
    const pulled = await this.client.pull(this.plan(first, count));
    const batches = Float64Array.of(++this.#batch);
    const rows = new Float32Array(count * dim).fill(0.01);
    await this.client.push(pulled, {
      batches,
      atSeconds: 1,
      trail: undefined,
      squares: undefined,
      rows,
    });
  }

  async pull(first: number, count: number): Promise<void> {
    await this.client.pull(this.plan(first, count));
  }

  /** From now until a push of a few rows to every partition is durable, retried as a trainer would; milliseconds. */
  async untilAccepted(): Promise<number> {
    const startMs = performance.now();
    for (;;) {
      try {
        await this.push(0, 64);
        return performance.now() - startMs;
      } catch (error) {
        if (codeOf(error) === 'INTERNAL') throw error;
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    }
  }

  /** Pulls of 512 rows, one after the other, while `work` runs. */
  async pullsDuring(rows: number, work: Promise<unknown>): Promise<LatencyHistogram> {
    const latency = new LatencyHistogram();
    let going = true;
    void work.finally(() => (going = false)).catch(() => undefined);
    for (let n = 0; going; n++) {
      const startMs = performance.now();
      await this.pull((n * 7919 * 512) % Math.max(1, rows - 512), 512);
      latency.record(performance.now() - startMs);
    }
    await work;
    return latency;
  }

  /** Keys spread over all partitions, in one slot. */
  plan(first: number, count: number): PlanGroups {
    const { partitionCount, slotCount } = this.#blueprint;
    const keys = Array.from({ length: partitionCount }, (): number[] => []);
    for (let i = first; i < first + count; i++) {
      const low = mix32(i + 1);
      const high = mix32(i ^ 0x5bd1e995) >>> 1;
      keys[partitionOf(low, high, partitionCount)]!.push(low >>> 0, high);
    }
    const counts = new Uint32Array(partitionCount * slotCount);
    const fids = new Uint32Array(2 * count);
    let at = 0;
    for (const [partition, words] of keys.entries()) {
      counts[partition * slotCount] = words.length / 2;
      fids.set(words, at);
      at += words.length;
    }
    return { partitionCount, slotCount, counts, fids };
  }
}
