import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { systemClock } from '../runtime/system.js';
import { runs } from '../core/base/runs.testkit.js';
import { MemoryJoinStore } from '../core/joining/join-events.testkit.js';
import type { JoinRecord } from '../core/joining/types.js';
import { options, runOf, saidIn, steps } from '../core/joining/person-world.testkit.js';
import { WindowJoiner } from '../core/joining/window-joiner.testkit.js';
import { Pace } from '../runtime/stores/chunk-pace.js';
import { MemorySnapshots } from '../runtime/stores/memory-snapshots.testkit.js';
import { loadWindow } from './join-snapshot-reader.js';
import { saveWindow } from './join-snapshot-writer.js';

const pace = new Pace(systemClock, 1e12);
const place = { joiner: 0, sequence: 7, spec: 'features' };

/** The store as a snapshot of it has it. */
async function savedAndLoaded(store: Pick<MemoryJoinStore, 'progress' | 'records'>) {
  const snapshots = new MemorySnapshots();
  const saved = await saveWindow(snapshots, 's', pace, store, place);
  const records: JoinRecord[] = [];
  const target = { add: async (more: readonly JoinRecord[]) => void records.push(...more) };
  const { progress } = await loadWindow(snapshots.get('s', saved), target, () => undefined);
  const loaded = new MemoryJoinStore();
  loaded.commit({ put: records, remove: [], progress });
  return { loaded, saved, snapshots };
}

describe('a window that goes on from a snapshot', () => {
  test('says what a straight run says from there on, and counts the same', async () => {
    const memory = fc.constantFrom(0, 3, 1_000);
    await fc.assert(
      fc.asyncProperty(steps, memory, fc.double({ min: 0, max: 1 }), async (script, open, at) => {
        const join = (partition: number) => new WindowJoiner(partition, options, open);
        const world = runOf(join, script, false);
        for (const [partition, log] of world.logs.entries()) {
          const straight = join(partition);
          const cut = Math.floor(at * log.length);
          log.slice(0, cut).forEach((record) => straight.take(record));
          const { store } = straight.save();
          if (!store.progress) continue;
          const { loaded } = await savedAndLoaded(store);
          const anew = join(partition);
          anew.restore({ store: loaded });
          expect(anew.counters).toEqual(straight.counters);
          for (const record of log.slice(cut)) {
            const said = straight.take(record);
            const saidAnew = anew.take(record);
            expect(saidIn(saidAnew)).toBe(saidIn(said));
            expect(saidAnew.sent).toEqual(said.sent);
          }
          expect(anew.counters).toEqual(straight.counters);
        }
      }),
      { numRuns: runs(30) },
    );
  });

  test('has its records whole, also those that are longer than a message', async () => {
    const lengths = fc.array(fc.integer({ min: 0, max: 1_200_000 }), { maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(lengths, async (each) => {
        const made = new WindowJoiner(0, options, 1).save().store;
        const records = each.map((length, i) => ({
          number: i + 1,
          bytes: new Uint8Array(length).fill(i + 1),
        }));
        const store = { progress: made.progress ?? undefined, records };
        const { loaded, saved, snapshots } = await savedAndLoaded(store);
        expect(saved).toMatchObject({ ...{ joiner: 0, sequence: 7 }, records: each.length });
        const same = loaded.records.filter(({ bytes }, i) =>
          Buffer.from(bytes).equals(records[i]!.bytes),
        );
        expect(same).toHaveLength(each.length);
        for await (const chunk of snapshots.get('s', saved))
          expect(chunk.length).toBeLessThan(2 ** 20);
      }),
      { numRuns: runs(10) },
    );
  });

  test('does not begin with one that is damaged, cut off, or of other features', async () => {
    const { store } = new WindowJoiner(0, options, 1).save();
    const records = [{ number: 1, bytes: new Uint8Array(400_000) }];
    const { saved, snapshots } = await savedAndLoaded({ progress: store.progress, records });
    const load = (chunks: number, accepts: () => void = () => undefined) =>
      loadWindow(snapshots.get('s', { ...saved, chunks }), { add: async () => undefined }, accepts);
    await expect(load(saved.chunks - 1)).rejects.toMatchObject({ code: 'CORRUPT' });
    await expect(
      load(saved.chunks, () => {
        throw new Error('of others');
      }),
    ).rejects.toThrow('of others');
    snapshots.damage('s', saved.name);
    await expect(load(saved.chunks)).rejects.toMatchObject({ code: 'SNAPSHOT_CORRUPT' });
  });
});
