import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { runs } from '../base/runs.testkit.js';
import { actionsOf, impressionsOf, oneOutcome } from './join-events.testkit.js';
import { JoinWindow } from './join-window.js';
import { PaperJoiner } from './paper-joiner.testkit.js';
import { World, options, runOf, saidBy, saidIn, steps } from './person-world.testkit.js';
import { WindowJoiner } from './window-joiner.testkit.js';

const paper = (partition: number) => new PaperJoiner(partition, options);
const real = (memoryOpenMax: number) => (partition: number) =>
  new WindowJoiner(partition, options, memoryOpenMax);
const memory = fc.constantFrom(0, 1, 3, 1_000);

describe('the window of what people do', () => {
  test('says what is said on paper', () => {
    fc.assert(
      fc.property(steps, memory, (script, memoryOpenMax) => {
        const [written, made] = [
          runOf(paper, script, false),
          runOf(real(memoryOpenMax), script, false),
        ];
        expect(saidBy(made)).toEqual(saidBy(written));
      }),
      { numRuns: runs(150) },
    );
  });

  test('says the same from its store after any crash, and from the beginning of its log', () => {
    fc.assert(
      fc.property(steps, memory, (script, memoryOpenMax) => {
        const join = real(memoryOpenMax);
        const straight = runOf(join, script, false);
        const crashed = runOf(join, script, true);
        expect(saidBy(crashed)).toEqual(saidBy(straight));
        for (const [partition, log] of crashed.logs.entries()) {
          const anew = join(partition);
          expect(log.map((record) => saidIn(anew.take(record)))).toEqual(
            crashed.outputs[partition],
          );
        }
      }),
      { numRuns: runs(100) },
    );
  });

  test('has nothing open or waiting of anybody, and nobody is anybody, once all are erased', () => {
    fc.assert(
      fc.property(steps, memory, (script, memoryOpenMax) => {
        const world = new World(real(memoryOpenMax), true);
        world.runAndErase(script);
        for (const { counters, identities, settledRows } of world.joins as WindowJoiner[]) {
          expect([counters.open, settledRows]).toEqual([0, []]);
          expect(identities.filter(({ kind }) => kind !== 'erased')).toEqual([]);
        }
        const said = saidBy(world);
        world.end();
        expect(saidBy(world)).toEqual(said);
      }),
      { numRuns: runs(100) },
    );
  });

  test('learns copies of an impression once, as far apart as copies may be and however late they come', () => {
    const copy = fc.record({
      id: fc.integer({ min: 0, max: 5 }),
      apartMs: fc.integer({ min: 0, max: 20 }),
      waitsMs: fc.integer({ min: 0, max: 200 }),
      clicked: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(copy, { minLength: 2, maxLength: 40 }), (copies) => {
        const timing = { latenessMs: 10, copiesMs: 20, negativeRate: 1 };
        const window = new JoinWindow({ ...oneOutcome(30), ...timing });
        const arrivals = copies
          .map(({ id, apartMs, waitsMs, clicked }) => {
            const atMs = 1000 + 20 * id + apartMs;
            return { requestId: `r${id}`, item: 'x', atMs, clicked, comesAtMs: atMs + waitsMs };
          })
          .sort((a, b) => a.comesAtMs - b.comesAtMs);
        const learned: string[] = [];
        for (const { comesAtMs, clicked, ...row } of arrivals) {
          window.advance(comesAtMs - timing.latenessMs);
          window.observeImpressions(impressionsOf([row]));
          if (clicked) window.observeActions(actionsOf([row]));
          learned.push(...window.drain().samples.requestIds);
        }
        window.closeAll();
        learned.push(...window.drain().samples.requestIds);
        expect(learned).toHaveLength(new Set(learned).size);
      }),
      { numRuns: runs(300) },
    );
  });
});
