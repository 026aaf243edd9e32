import { describe, expect, test } from '@jest/globals';
import { systemClock } from '../runtime/system.js';
import fc from 'fast-check';
import { pino } from 'pino';
import type { RawFeatures } from '../core/features/raw-features.js';
import { encode } from '../messages/codec.js';
import type { EntityRows } from '../messages/feature-snapshots.js';
import { encodeFeatureManifest } from '../messages/feature-snapshots.js';
import type { FeatureChange } from '../messages/features.js';
import { featureChangeMessage } from '../messages/features.js';
import type { Entity } from '../messages/subjects.js';
import { entities } from '../messages/subjects.js';
import { Follower } from '../runtime/followers/follower.js';
import { MemoryLog } from '../runtime/followers/memory-log.testkit.js';
import { MemorySnapshots } from '../runtime/stores/memory-snapshots.testkit.js';
import { placeInStream } from '../runtime/followers/log-sequence.js';
import { Pace } from '../runtime/stores/chunk-pace.js';
import type { EntityTarget } from './entity-fold.js';
import { EntityFold } from './entity-fold.js';
import { saveFeatures } from './feature-snapshot-writer.js';

/** In memory, as plain as can be. */
class Rows implements EntityTarget {
  sequence = 0;
  readonly known = new Map<string, { since: number; features: RawFeatures }>();
  #incoming: EntityRows[] = [];

  reset(): void {
    this.known.clear();
    this.sequence = 0;
  }
  add(rows: EntityRows): void {
    this.#incoming.push(rows);
  }
  restored(sequence: number): void {
    for (const { entity, ids, features, since } of this.#incoming.splice(0))
      ids.forEach((id, i) =>
        this.known.set(`${entity} ${id}`, { since: since[i]!, features: features[i]! }),
      );
    this.sequence = sequence;
  }
  take(change: FeatureChange | undefined, sequence: number): void {
    change?.ids.forEach((id, i) => {
      const key = `${change.entity} ${id}`;
      const since = this.known.get(key)?.since ?? sequence;
      this.known.set(key, { since, features: change.features[i]! });
    });
    this.sequence = sequence;
  }
  *rows(entity: Entity) {
    for (const key of [...this.known.keys()].sort())
      if (key.startsWith(entity)) yield { id: key.slice(5), ...this.known.get(key)! };
  }
  get text(): string {
    return JSON.stringify([...this.known].sort());
  }
}

const log = pino({ level: 'silent' });

function change(id: string, n: number, entity: Entity = 'item'): Uint8Array {
  return encode(featureChangeMessage({ entity, ids: [id], features: [{ n }] }));
}

function put(log: MemoryLog, bytes: Uint8Array, headers = {}): void {
  log.put('log', bytes, { headers });
}

function followerOf(
  stream: MemoryLog,
  store = new MemorySnapshots(),
  { rows = new Rows(), wanted }: { readonly rows?: Rows; readonly wanted?: readonly Entity[] } = {},
) {
  const errors: unknown[] = [];
  const fold = new EntityFold({
    target: rows,
    entities: wanted ?? entities,
    placeOf: (sequence) => placeInStream(stream, 'LOG', sequence),
    log,
  });
  const context = { bus: stream, log };
  const onError = (error: unknown) => errors.push(error);
  return { rows, errors, follower: new Follower({ context, fold, stream: 'LOG', store, onError }) };
}

async function save(store: MemorySnapshots, id: string, rows: Rows): Promise<void> {
  const saved = await saveFeatures(store, id, new Pace(systemClock, 1e12), rows);
  await store.putManifest(id, encodeFeatureManifest({ ...saved, snapshot: id, createdAtMs: 0 }));
}

describe('features out of their log', () => {
  test('are the newest of each, with the age of the entity', async () => {
    const stream = new MemoryLog();
    for (const [id, n] of [
      ['a', 1],
      ['b', 2],
      ['a', 3],
    ] as const)
      put(stream, change(id, n));
    const { rows, follower } = followerOf(stream);
    await follower.start();
    expect(rows.text).toBe(
      '[["item a",{"since":1,"features":{"n":3}}],["item b",{"since":2,"features":{"n":2}}]]',
    );
  });

  test('are counted by the place in the log, where a copy is followed', async () => {
    const copy = new MemoryLog();
    const source = (n: number) => ({ 'Nats-Stream-Source': `FEATURES ${n}` });
    const rows = new Rows();
    rows.restored(40);
    for (const n of [39, 40, 41, 41, 42]) put(copy, change('a', n), source(n));
    const { follower, errors } = followerOf(copy, undefined, { rows });
    await follower.start();
    expect([rows.sequence, follower.stats, errors]).toEqual([42, { records: 2, resyncs: 0 }, []]);
  });

  test('leave out what is no change, and what is of a kind that is not wanted', async () => {
    const stream = new MemoryLog();
    put(stream, change('a', 1));
    put(stream, change('u', 2, 'user'));
    put(stream, Uint8Array.of(0xff, 1));
    put(stream, change('b', 4));
    const { rows, follower } = followerOf(stream, undefined, { wanted: ['item'] });
    await follower.start();
    expect([...rows.known.keys()]).toEqual(['item a', 'item b']);
    expect([rows.sequence, follower.fold.badMessages]).toEqual([4, 1]);
  });

  test('are not read by a release that is too old for them', async () => {
    const stream = new MemoryLog();
    put(stream, encode({ v: 99, kind: 'features' }));
    const { follower, errors } = followerOf(stream);
    await follower.start();
    expect(errors[0]).toMatchObject({ cause: { code: 'UNSUPPORTED_VERSION' } });
  });

  test('come back from a damaged snapshot by the one before', async () => {
    const stream = new MemoryLog();
    const store = new MemorySnapshots();
    put(stream, change('a', 1));
    const { rows, follower } = followerOf(stream);
    await follower.start();
    await save(store, 'a', rows);
    put(stream, change('b', 2));
    await follower.catchUp();
    await save(store, 'b', rows);
    store.damage('b', 'item');
    const recovered = followerOf(stream, store);
    await recovered.follower.start();
    expect(recovered.follower.stats.records).toBe(1);
    expect(recovered.rows.text).toBe(rows.text);
  });

  test('are the same from whatever is left: store, snapshots, a trimmed log', async () => {
    const steps = fc.oneof(
      { weight: 8, arbitrary: fc.record({ tell: fc.nat(6), user: fc.boolean() }) },
      { weight: 2, arbitrary: fc.constant('save' as const) },
      { weight: 1, arbitrary: fc.constant('restart' as const) },
      { weight: 1, arbitrary: fc.constant('lose' as const) },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(steps, { maxLength: 40 }), async (list) => {
        const stream = new MemoryLog();
        const store = new MemorySnapshots();
        const whole = new Rows();
        let disk = new Rows();
        const saved: number[] = [];
        let n = 0;
        for (const step of list) {
          if (step === 'save') {
            await save(store, String(saved.length).padStart(4, '0'), whole);
            saved.push(n);
            // As the leader does, with two that are kept.
            if (saved.length >= 2) stream.trim(saved.at(-2)!);
          } else if (typeof step === 'object') {
            const entity = step.user ? 'user' : 'item';
            const told = { entity, ids: [`${step.tell}`], features: [{ n }] } as const;
            put(stream, encode(featureChangeMessage(told)));
            whole.take(told, ++n);
          } else {
            // It was away since its last restart, perhaps for longer than the log reaches back.
            if (step === 'lose') disk = new Rows();
            const { follower, errors } = followerOf(stream, store, { rows: disk });
            await follower.start();
            await follower.stop();
            expect(errors).toEqual([]);
            expect(disk.text).toBe(whole.text);
          }
        }
      }),
      { numRuns: 60 },
    );
  });
});

test('a snapshot is made of chunks that a message can carry, and has every row once', async () => {
  const rows = new Rows();
  const text = 'x'.repeat(5_000);
  for (let i = 0; i < 300; i++)
    rows.take({ entity: 'item', ids: [`i${i}`], features: [{ text, i }] }, i + 1);
  const store = new MemorySnapshots();
  const { objects, sequence } = await saveFeatures(store, 'a', new Pace(systemClock, 1e12), rows);
  const [users, items] = objects;
  expect([sequence, users!.rows, items!.rows]).toEqual([300, 0, 300]);
  expect(items!.chunks).toBeGreaterThan(5);
  for await (const chunk of store.get('a', items!)) expect(chunk.length).toBeLessThan(300_000);
});
