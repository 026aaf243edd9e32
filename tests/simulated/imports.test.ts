import { expect, test } from '@jest/globals';
import { parseClusterConfig } from '../../core/config/schema.js';
import { mix32 } from '../../core/base/hash.js';
import { actorsOf } from '../../messages/actor-status.js';
import type { ImportReport } from '../../operations/import/import-report.js';
import { isBalanced } from '../../operations/import/import-report.js';
import { sourceOf, type WrittenEvent } from '../../operations/import/import-source.testkit.js';
import { runImport } from '../../operations/import/run-import.js';
import { simulatedShape } from '../../simulation/cluster/simulated-config.js';
import { SimulatedWorld } from '../support/simulated-world.js';

const seed = Number(process.env['SEED'] ?? 1);
const joining = { partitions: 3 };
const config = parseClusterConfig({
  ...simulatedShape,
  joining: { ...simulatedShape.joining, ...joining },
});
/** Months before anything of the run. */
const sinceMs = 1e12;
const apartMs = 700;
const rowCount = 1_200;
const types = ['click', 'purchase', 'click', 'dismiss'];

/** Customers, visitors and those who log in, over some hours. */
function rowsOf(count: number) {
  return Array.from({ length: count }, (_unused, i) => {
    const chance = mix32(i + seed);
    const timestamp = sinceMs + i * apartMs;
    const visitor = `v${chance % 23}`;
    if (i % 40 === 39) return { visitor, user: `u${chance % 11}`, timestamp };
    const who = chance % 3 === 0 ? { visitor } : { user: `u${chance % 17}` };
    const event: WrittenEvent = {
      ...who,
      item: `i${mix32(chance) % 29}`,
      type: types[i % 4]!,
      timestamp,
    };
    return event;
  });
}

function importOf(count: number) {
  const items = Array.from({ length: 30 }, (_unused, i) => ({ id: `i${i}`, attributes: {} }));
  const users = Array.from({ length: 17 }, (_unused, i) => ({
    id: `u${i}`,
    attributes: { age: 20 + i },
  }));
  return sourceOf({ items, users, rows: rowsOf(count), page: 25 });
}

function importedIn(world: SimulatedWorld): Readonly<Record<string, number>> {
  const lanes = actorsOf(world.status().actors, 'joiner').map(
    ({ stats }) => stats.lanes?.['import'],
  );
  const sum = (name: string) => lanes.reduce((all, lane) => all + (lane?.[name] ?? 0), 0);
  return { learned: sum('organicActions'), not: sum('historyActions'), again: sum('duplicates') };
}

/** @param at a place in the source, and what happens there. */
function begin(
  world: SimulatedWorld,
  name: string,
  at = Infinity,
  happens = () => undefined as void,
) {
  const whole = importOf(rowCount);
  const source = {
    ...whole,
    async *happenings(after: number) {
      for await (const batch of whole.happenings(after)) {
        if (batch[0]!.position <= at && at <= batch.at(-1)!.position) happens();
        yield batch;
      }
    },
  };
  let failed: unknown;
  const process = world.cluster.outsider(name, (error) => void (failed = error));
  const bus = world.cluster.connect(process, 'train');
  const notes: string[] = [];
  const done = runImport({ bus, config, source, note: (text) => void notes.push(text) });
  return { process, done, notes, failed: () => failed };
}

function tableOf({ rows, learned, notLearned, known }: ImportReport) {
  return { events: rows.events, learned, known, not: notLearned.map(({ events }) => events) };
}

test('an import comes in once, beside what is live, however often it or a joiner is killed, and twice is once', async () => {
  const quiet = await SimulatedWorld.start({ seed, joining, everyMs: Infinity });
  const straight = await quiet.run(begin(quiet, 'importer').done);
  expect(isBalanced(straight)).toBe(true);
  const table = tableOf(straight);
  expect(table).toMatchObject({ events: 1_170, known: 0 });
  expect(table.learned + table.not[0]!).toBe(1_170);

  const world = await SimulatedWorld.start({ seed, joining });
  const dies = () => first.process.kill();
  const first = begin(world, 'importer', 500, dies);
  first.done.catch(() => undefined);
  await world.until('some of it is learned', () => importedIn(world)['learned']! > 50);
  const joiner = () => world.process('train.joiner.0').kill();
  const report = await world.run(begin(world, 'importer again', 800, joiner).done);
  expect(report).toMatchObject({ wentOn: true, wasThere: false });
  expect(tableOf(report)).toEqual(table);
  await world.pass(10_000);
  expect(importedIn(world)).toEqual({ learned: table.learned, not: table.not[0], again: 0 });

  const third = await world.run(begin(world, 'importer, once more').done);
  expect(third).toMatchObject({ wasThere: true, learned: 0, known: 1_170 });
  expect(isBalanced(third)).toBe(true);
  expect(await world.wrongAfter(60_000)).toBeUndefined();
  expect(importedIn(world)).toEqual({ learned: table.learned, not: table.not[0], again: 0 });
  for (const { refused } of world.troubles) expect(refused).toEqual([]);
}, 240_000);
