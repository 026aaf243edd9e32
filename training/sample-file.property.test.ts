import { mkdtempSync, rmSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { codeOf } from '../core/base/errors.js';
import { runs } from '../core/base/runs.testkit.js';
import { partOf, SampleFileReader, SampleFileWriter, type SampleBlock } from './sample-file.js';

const shape = { slotCount: 2, denseCount: 3, heads: 2 };
let folder = '';
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'starling-samples-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const block = fc
  .record({
    counts: fc
      .array(fc.integer({ min: 0, max: 3 }), { maxLength: 12 })
      .map((all) => (all.length % 2 === 0 ? all : all.slice(1))),
    hasMarks: fc.boolean(),
    said: fc.integer({ min: 0, max: 3 }),
    salt: fc.nat(),
  })
  .map(({ counts, hasMarks, said, salt }): SampleBlock => {
    const rowCount = counts.length / shape.slotCount;
    const offsets = new Uint32Array(counts.length + 1);
    counts.forEach((count, i) => (offsets[i + 1] = offsets[i]! + count));
    const fidCount = offsets.at(-1)!;
    const floats = (length: number) => Float32Array.from({ length }, (_unused, i) => i + salt / 7);
    const marks = {
      eventTypes: Uint8Array.from({ length: fidCount }, (_unused, i) => i + salt),
      agesSeconds: floats(fidCount),
    };
    return {
      examples: {
        ...{ rowCount, slotCount: shape.slotCount, denseCount: shape.denseCount, offsets },
        fids: Uint32Array.from({ length: 2 * fidCount }, (_unused, i) => i * salt),
        dense: floats(rowCount * shape.denseCount),
        ...(hasMarks ? { marks } : {}),
      },
      labels: floats(rowCount * shape.heads),
      weights: floats(rowCount * shape.heads),
      shown: Uint8Array.from({ length: rowCount }, (_unused, i) => (i + salt) % 2),
      ...{ said: floats(said), atSeconds: salt % 1_000 },
    };
  });

test('blocks are read as they were written, in any order', () => {
  fc.assert(
    fc.property(fc.array(block, { minLength: 1, maxLength: 5 }), (blocks) => {
      const writer = new SampleFileWriter(path.join(folder, 'file'), shape);
      for (const each of blocks) writer.add(each);
      const index = writer.close();
      expect(index.rows).toBe(blocks.reduce((sum, each) => sum + each.examples.rowCount, 0));
      const reader = new SampleFileReader(index);
      for (const i of [...blocks.keys()].reverse()) expect(reader.read(i)).toEqual(blocks[i]);
      reader.close();
    }),
    { numRuns: runs(60) },
  );
});

test('parts of a block have its rows, once each', () => {
  fc.assert(
    fc.property(block, fc.integer({ min: 1, max: 4 }), (whole, parts) => {
      const { rowCount } = whole.examples;
      const bounds = Array.from({ length: parts + 1 }, (_unused, i) =>
        Math.floor((i * rowCount) / parts),
      );
      const all = bounds.slice(1).map((end, i) => partOf(whole, bounds[i]!, end, shape.heads));
      const joined = (of: (part: SampleBlock) => ArrayLike<number>): number[] =>
        all.flatMap((part) => Array.from(of(part)));
      expect(joined((part) => part.examples.fids)).toEqual([...whole.examples.fids]);
      expect(joined((part) => part.examples.dense)).toEqual([...whole.examples.dense]);
      expect(joined((part) => part.labels)).toEqual([...whole.labels]);
      expect(joined((part) => part.shown)).toEqual([...whole.shown]);
      for (const { examples } of all)
        expect(examples.offsets[examples.rowCount * shape.slotCount]).toBe(
          examples.fids.length / 2,
        );
    }),
    { numRuns: runs(60) },
  );
});

test('a file that ends too soon is not read on', () => {
  const writer = new SampleFileWriter(path.join(folder, 'short'), shape);
  writer.add(fc.sample(block, { numRuns: 1, seed: 1 })[0]!);
  const index = writer.close();
  truncateSync(index.path, 8);
  const reader = new SampleFileReader(index);
  let code = 'went on';
  try {
    reader.read(0);
  } catch (error) {
    code = codeOf(error);
  }
  reader.close();
  expect(code).toBe('CORRUPT');
});
