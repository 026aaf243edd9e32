import assert from 'node:assert/strict';
import { cp, rm } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { GroupedTarget } from '../actors/feature-store/grouped-target.js';
import { CatalogTarget } from '../actors/shared/catalog-target.js';
import { followFeatures } from '../actors/shared/follow-features.js';
import base from '../cluster.config.js';
import { parseClusterConfig } from '../core/config/schema.js';
import { Catalog } from '../core/retrieval/catalog.js';
import { encode } from '../messages/codec.js';
import { declareStreams } from '../messages/declared-streams.js';
import type { EntityRows } from '../messages/feature-snapshots.js';
import { encodeFeatureManifest } from '../messages/feature-snapshots.js';
import type { FeatureChange } from '../messages/features.js';
import { featureChangeMessage } from '../messages/features.js';
import type { Entity } from '../messages/subjects.js';
import { entities } from '../messages/subjects.js';
import type { EntityTarget } from '../replication/entity-fold.js';
import type { SavedEntities } from '../replication/feature-snapshot-writer.js';
import { saveFeatures } from '../replication/feature-snapshot-writer.js';
import type { ActorContext } from '../runtime/actor.js';
import { logSequenceOf } from '../runtime/followers/log-sequence.js';
import type { NatsBus } from '../runtime/nats/nats-bus.js';
import { Pace } from '../runtime/stores/chunk-pace.js';
import { systemClock } from '../runtime/system.js';
import { LmdbEntityStore } from '../runtime/stores/lmdb-entity-store.js';
import { openFeatureSnapshots } from '../runtime/stores/open-snapshots.js';
import { snapshotId } from '../runtime/stores/snapshot-store.js';
import { findServer } from '../site/servers/find-server.js';
import type { BenchResult } from './bench-result.js';
import type { BenchServer } from './bench-server.js';
import { withBenchServer } from './bench-server.js';

/**
 * How long a feature store and a catalog take to have all of FEATURES when the log is long and what it says is not: the
 * changes are of the same few users and items over and over. From the log alone (the baseline), from a snapshot just taken, from
 * one that is as old as the leader lets it become (`snapshots.logRecordsMax` records), and, of a store, from its own disk.
 * The log is not trimmed, which would be easier. Of the follower in this
 * process, without the start of one; medians.
 */
const config = parseClusterConfig(base);
const { logRecordsMax } = config.snapshots;
const dataCenter = 'east';
/** Half of them users. */
const entityCount = 20_000;

const quiet = pino({ level: 'silent' });
const rethrow = (error: unknown): never => {
  throw error;
};

type Figures = Record<string, number | string>;

/** FEATURES, its copy, and a folder for stores. */
interface Log extends BenchServer {
  length: number;
}

export async function run(options: { quick: boolean }): Promise<BenchResult> {
  const lengths = options.quick ? [0, 40_000, 80_000] : [0, 200_000, 1_000_000];
  const rounds = options.quick ? 1 : 3;
  const server = await findServer(console.error);
  const figures: Figures = {
    natsServer: server.version,
    baseline: 'replay without a snapshot',
    entities: entityCount,
    behind: logRecordsMax,
  };
  await withBenchServer(server.path, [], async (bench) => {
    const log = await emptyLog(bench);
    for (const length of lengths) await measureLength(log, length, rounds, figures);
  });
  for (const [name, value] of Object.entries(figures)) {
    const text = typeof value === 'number' ? value.toLocaleString('en-US') : value;
    console.log(`${name.padEnd(60)} ${text}`);
  }
  return { name: 'followers', figures };
}

async function emptyLog(server: BenchServer): Promise<Log> {
  const { bus } = server;
  const { dataCenters } = config;
  const needed = ['FEATURES', 'FEATURES_EAST', 'SNAPSHOTS_EAST', 'SNAPSHOTS_WEST'];
  for (const declaration of declareStreams(bus.names, { dataCenters, ingestMapped: true }))
    if (needed.includes(declaration.name)) await bus.declareStream(declaration, false);
  return { ...server, length: 0 };
}

async function measureLength(
  log: Log,
  length: number,
  rounds: number,
  figures: Figures,
): Promise<void> {
  const snapshots = openFeatureSnapshots(log.bus, config, dataCenter);
  const timings = new Timings();
  const measure = async (how: string): Promise<void> => {
    for (let round = 0; round < rounds; round++) {
      await timings.add(`feature store, ${how}`, () => startStore(log));
      await timings.add(`catalog, ${how}`, () => startCatalog(log));
    }
  };
  await extend(log, Math.max(0, length - logRecordsMax));
  const before = await known(log);
  const disk = path.join(log.folder, `disk-${length}`);
  const onDisk = await save(log, before);
  await keep(log, disk);
  await snapshots.remove(onDisk);
  await extend(log, length);
  await measure('replay');
  if (length > 0) {
    const old = await save(log, before);
    await measure('old snapshot');
    for (let round = 0; round < rounds; round++)
      await timings.add('feature store, own disk', () => startStore(log, disk));
    const fresh = await save(log, await known(log));
    await measure('fresh snapshot');
    for (const snapshot of [old, fresh]) await snapshots.remove(snapshot);
  }
  report(length, timings, figures);
}

async function extend(log: Log, length: number): Promise<void> {
  const { bus } = log;
  const inFlight = 512;
  while (log.length < length) {
    const first = log.length;
    log.length = Math.min(length, first + inFlight);
    const sent: Promise<number>[] = [];
    for (let n = first; n < log.length; n++) sent.push(bus.append(...changeOf(bus, n)));
    await Promise.all(sent);
  }
  const copy = bus.names.stream.featuresAt(dataCenter);
  while (length > 0 && (await copiedThrough(bus, copy)) < length) await sleep(50);
}

/** Record n is about entity n % entityCount, and as long as one about a film. */
function changeOf(bus: NatsBus, n: number): [subject: string, bytes: Uint8Array] {
  const entity: Entity = n % 2 === 0 ? 'user' : 'item';
  const features = { title: `told ${n}`, year: 1900 + (n % 100), genres: ['Comedy', 'Drama'] };
  const change = { entity, ids: [`${n % entityCount}`], features: [features] };
  return [bus.names.subject.features(entity), encode(featureChangeMessage(change))];
}

async function copiedThrough(bus: NatsBus, copy: string): Promise<number> {
  const { messages, lastSequence } = await bus.streamState(copy);
  const last = messages > 0 ? await bus.messageAt(copy, lastSequence) : undefined;
  return last ? logSequenceOf(last) : 0;
}

/** What is in the log now, in memory. */
class KnownEntities implements EntityTarget {
  sequence = 0;
  readonly #rows = { user: new Map<string, Row>(), item: new Map<string, Row>() };

  reset(): void {
    for (const entity of entities) this.#rows[entity].clear();
    this.sequence = 0;
  }

  add({ entity, ids, features, since }: EntityRows): void {
    ids.forEach((id, i) => {
      this.#rows[entity].set(id, { id, since: since[i]!, features: features[i]! });
    });
  }

  restored(sequence: number): void {
    this.sequence = sequence;
  }

  take(change: FeatureChange | undefined, sequence: number): void {
    change?.ids.forEach((id, i) => {
      const rows = this.#rows[change.entity];
      const since = rows.get(id)?.since ?? sequence;
      rows.set(id, { id, since, features: change.features[i]! });
    });
    this.sequence = sequence;
  }

  rows(entity: Entity): Iterable<Row> {
    return this.#rows[entity].values();
  }
}

type Row = SavedEntities extends { rows(entity: Entity): Iterable<infer R> } ? R : never;

async function known(log: Log): Promise<SavedEntities> {
  const target = new KnownEntities();
  const { end } = await started(log, target, entities);
  await end();
  return target;
}

/** A snapshot, as a store's actor and the leader make it together. */
async function save({ bus }: Log, source: SavedEntities): Promise<string> {
  const snapshots = openFeatureSnapshots(bus, config, dataCenter);
  const snapshot = snapshotId(Date.now());
  const saved = await saveFeatures(snapshots, snapshot, new Pace(systemClock, Infinity), source);
  const manifest = { ...saved, snapshot, createdAtMs: Date.now() };
  await snapshots.putManifest(snapshot, encodeFeatureManifest(manifest));
  return snapshot;
}

/** A store in `folder` that has all that is in the log now. */
async function keep(log: Log, folder: string): Promise<void> {
  const { end } = await openStore(log, folder);
  await end();
}

/** @param disk what it has kept of an earlier life; a copy, so that each round begins alike. */
async function startStore(log: Log, disk?: string): Promise<Started> {
  const folder = path.join(log.folder, 'store');
  if (disk !== undefined) await cp(disk, folder, { recursive: true });
  const { ms, end } = await openStore(log, folder);
  return {
    ms,
    end: async () => {
      await end();
      await rm(folder, { recursive: true });
    },
  };
}

async function openStore(log: Log, folder: string): Promise<Started> {
  const startMs = performance.now();
  const store = new LmdbEntityStore(folder);
  const options = { target: store, clock: systemClock, log: quiet, onError: rethrow };
  const target = new GroupedTarget(options);
  const { end } = await started(log, target, entities);
  await target.written();
  const ms = performance.now() - startMs;
  assert.equal(store.sequence, log.length);
  return {
    ms,
    end: async () => {
      await Promise.all([target.stop(), end()]);
      await store.close();
    },
  };
}

async function startCatalog(log: Log): Promise<Started> {
  const catalog = new Catalog({});
  const { ms, end } = await started(log, new CatalogTarget(catalog), ['item']);
  assert.equal(catalog.size, log.length === 0 ? 0 : entityCount / 2);
  return { ms, end };
}

/** A follower, by the hand that actors have it from, when it has all of the log. */
async function started(
  { bus }: Log,
  target: EntityTarget,
  wanted: readonly Entity[],
): Promise<Started> {
  const identity = { address: 'bench', kind: 'feature-store', dataCenter, index: 0 } as const;
  const context: Pick<ActorContext, 'bus' | 'config' | 'identity' | 'log' | 'crash'> = {
    ...{ bus, config, log: quiet },
    identity: { ...identity, epoch: 1, partitions: [] },
    crash: rethrow,
  };
  const startMs = performance.now();
  const follower = followFeatures(context, target, wanted);
  await follower.start();
  return { ms: performance.now() - startMs, end: () => follower.stop() };
}

interface Started {
  readonly ms: number;
  readonly end: () => Promise<void>;
}

class Timings {
  readonly #ms = new Map<string, number[]>();

  async add(what: string, start: () => Promise<Started>): Promise<void> {
    const { ms, end } = await start();
    this.#ms.set(what, [...(this.#ms.get(what) ?? []), ms]);
    await end();
  }

  get medians(): ReadonlyMap<string, number> {
    const median = (all: readonly number[]) => [...all].sort((a, b) => a - b)[all.length >> 1]!;
    return new Map([...this.#ms].map(([what, all]) => [what, median(all)]));
  }
}

function report(length: number, { medians }: Timings, figures: Figures): void {
  for (const [what, ms] of medians) {
    const name = `${length.toLocaleString('en-US')} records: ${what}`;
    figures[`${name}, ms`] = Math.round(ms);
    const baseline = medians.get(`${what.split(',')[0]}, replay`)!;
    if (!what.endsWith('replay'))
      figures[`${name}: replay / this`] = Math.round((10 * baseline) / ms) / 10;
  }
}
