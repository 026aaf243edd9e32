import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { decode, encode } from './codec.js';
import { asFields } from './checks.js';
import { TrailReader, TrailWriter, bookkeeper, keepsBooks, trailOf, trailTimes } from './trail.js';

const entry = fc.record({
  batch: fc.integer({ min: 1, max: 2 ** 50 }),
  resolved: fc.nat(10_000),
  acceptedAtMs: fc
    .array(fc.oneof(fc.constant(NaN), fc.integer({ min: 1.6e12, max: 1.6e12 + 1e9 })))
    .map((times) => Float64Array.from(times)),
  progress: fc.constantFrom({}, { main: 7 }),
});

describe('a trail', () => {
  test('tells per batch what it settles, and quantiles of the times of its actions', () => {
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 5 }), (entries) => {
        const writer = new TrailWriter();
        for (const { batch, ...rest } of entries) writer.add(batch, rest);
        const trail = writer.take();
        expect(writer.take()).toBeUndefined();
        if (entries.length === 0) return expect(trail).toBeUndefined();
        const reader = new TrailReader(trail!);
        expect(reader.resolved).toBe(entries.reduce((sum, { resolved }) => sum + resolved, 0));
        const told = [...reader];
        expect(told).toHaveLength(entries.length);
        for (const [i, { batch, resolved, samples, acceptedAtMs, progress }] of told.entries()) {
          const times = entries[i]!.acceptedAtMs.filter((time) => time > 0).sort();
          expect([batch, resolved, samples]).toEqual([
            entries[i]!.batch,
            entries[i]!.resolved,
            times.length,
          ]);
          expect(progress).toEqual(entries[i]!.progress);
          expect(acceptedAtMs).toHaveLength(times.length === 0 ? 0 : trailTimes);
          for (const time of acceptedAtMs) expect(times).toContain(time);
          expect([...acceptedAtMs].sort((a, b) => a - b)).toEqual([...acceptedAtMs]);
        }
      }),
    );
  });

  test('that is handed on says the same, before and after the wire', () => {
    fc.assert(
      fc.property(fc.array(entry, { minLength: 1, maxLength: 5 }), (entries) => {
        const writer = new TrailWriter();
        for (const { batch, ...rest } of entries) writer.add(batch, rest);
        const trail = writer.take()!;
        const carried = new TrailWriter();
        carried.append(trailOf(asFields(decode(encode({ trail })), 'push'), 'push')!);
        carried.append(trail);
        const twice = [...new TrailReader(carried.take()!)];
        const once = [...new TrailReader(trail)];
        expect(twice).toEqual([...once, ...once]);
      }),
    );
  });

  test('of another shape is refused', () => {
    const writer = new TrailWriter();
    writer.add(5, { resolved: 1, acceptedAtMs: Float64Array.of(1.7e12), progress: {} });
    const trail = writer.take()!;
    const read = (change: object) => () => trailOf({ trail: { ...trail, ...change } }, 'push');
    expect(read({})()).toEqual(trail);
    for (const change of [
      { batches: new Float64Array(2) },
      { resolved: new Uint32Array(0) },
      { agesMs: new Uint32Array(trailTimes - 1) },
      { progress: [{}, {}] },
      { progress: [{ main: 'x' }] },
    ])
      expect(read(change)).toThrow(/push\.trail/);
    expect(trailOf({ trail: null }, 'push')).toBeUndefined();
  });

  test('is kept by one partition', () => {
    expect(keepsBooks(bookkeeper)).toBe(true);
    expect(keepsBooks(bookkeeper + 1)).toBe(false);
  });
});
