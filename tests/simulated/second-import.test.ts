import { expect, test } from '@jest/globals';
import { mix32 } from '../../core/base/hash.js';
import { parseClusterConfig } from '../../core/config/schema.js';
import { featureSpecOf } from '../../core/features/feature-spec.js';
import { decode } from '../../messages/codec.js';
import { parseImport } from '../../messages/import-records.js';
import { asMessage } from '../../messages/checks.js';
import { sourceOf, type WrittenEvent } from '../../operations/import/import-source.testkit.js';
import { runImport } from '../../operations/import/run-import.js';
import { follow } from '../../runtime/followers/follow.js';
import { simulatedShape } from '../../simulation/cluster/simulated-config.js';
import { SimulatedWorld } from '../support/simulated-world.js';

const seed = Number(process.env['SEED'] ?? 1);
const joining = { partitions: 3 };
const config = parseClusterConfig({
  ...simulatedShape,
  joining: { ...simulatedShape.joining, ...joining },
});
const spec = featureSpecOf(config.features);
const sinceMs = 1e12;
const items = Array.from({ length: 30 }, (_unused, i) => ({ id: `i${i}`, attributes: {} }));

/** Customers, visitors and those who log in, over some minutes. */
const rows = Array.from({ length: 600 }, (_unused, i) => {
  const chance = mix32(i + seed);
  const timestamp = sinceMs + i * 700;
  const visitor = `v${chance % 13}`;
  if (i % 20 === 19) return { visitor, user: `u${chance % 11}`, timestamp };
  const who = chance % 3 === 0 ? { visitor } : { user: `u${chance % 17}` };
  const event: WrittenEvent = {
    ...{ ...who, id: `e${i}`, item: `i${mix32(chance) % 29}`, timestamp },
    type: i % 5 === 4 ? 'purchase' : 'click',
  };
  return event;
});
const half = rows.length / 2;

function begin(world: SimulatedWorld, id: string, of: typeof rows, at = Infinity) {
  const whole = sourceOf({ id, items, rows: of, page: 25 });
  const source = {
    ...whole,
    async *happenings(after: number) {
      for await (const batch of whole.happenings(after)) {
        if (batch[0]!.position <= at && at <= batch.at(-1)!.position) process.kill();
        yield batch;
      }
    },
  };
  const process = world.cluster.outsider(`${id} ${at}`, () => undefined);
  const bus = world.cluster.connect(process, 'train');
  return { process, done: runImport({ bus, config, source }) };
}

/** By event, what it was sent with: of itself, and not of what was drawn beside it. */
async function sentIn(world: SimulatedWorld): Promise<Map<string, unknown>> {
  const process = world.cluster.outsider('who reads JOIN', () => undefined);
  const bus = world.cluster.connect(process, 'train');
  const sent = new Map<string, unknown>();
  const stream = bus.names.stream.join;
  const hear = ({ bytes }: { readonly bytes: Uint8Array }): void => {
    const message = decode(bytes);
    if (asMessage(message, 'record')['kind'] !== 'import') return;
    const { actions } = parseImport(message, spec);
    const { moment, facts } = actions ?? {};
    if (!moment || !facts) return;
    const { offsets, fids, dense, slotCount, denseCount, marks } = moment.examples;
    facts.ids.forEach((id, i) => {
      const row = i === 0 ? 0 : moment.ends[i - 1]!;
      if (row === moment.ends[i]) return;
      const [from, to] = [offsets[row * slotCount]!, offsets[(row + 1) * slotCount]!];
      sent.set(id, {
        fids: [...fids.subarray(2 * from, 2 * to)],
        ages: [...(marks?.agesSeconds.subarray(from, to) ?? [])],
        dense: [...dense.subarray(row * denseCount, (row + 1) * denseCount)],
      });
    });
  };
  const fail = (error: unknown): void => {
    throw error;
  };
  await world.run(
    follow(bus, { stream, fromSequence: 1 }, hear, fail).then(async (tail) => {
      await tail.caughtUp;
      await tail.stop();
    }),
  );
  return sent;
}

/** As after a month: the log does not reach back to its beginning. */
async function forgetActivity(world: SimulatedWorld): Promise<void> {
  const bus = world.cluster.connect(
    world.cluster.outsider('a month', () => undefined),
    'train',
  );
  const { activity } = bus.names.stream;
  const { lastSequence } = await bus.streamState(activity);
  await bus.purge(activity, { beforeSequence: lastSequence });
}

test('a second import knows what the first one told, also where it is killed and goes on', async () => {
  const quiet = await SimulatedWorld.start({ seed, joining, everyMs: Infinity });
  await quiet.run(begin(quiet, 'all', rows).done);
  const all = await sentIn(quiet);

  const world = await SimulatedWorld.start({ seed, joining, everyMs: Infinity });
  expect(await world.run(begin(world, 'first', rows.slice(0, half)).done)).toMatchObject({
    unseen: 0,
  });
  await world.operate('snapshot', {});
  await world.run(forgetActivity(world));
  const killed = begin(world, 'second', rows.slice(half), 100);
  killed.done.catch(() => undefined);
  await world.pass(20_000);
  // This one is of too late a moment for who goes on.
  await world.operate('snapshot', {});
  const second = await world.run(begin(world, 'second', rows.slice(half)).done);
  expect(second).toMatchObject({ wentOn: true, unseen: 0 });
  const parts = await sentIn(world);
  expect(parts.size).toBe(all.size);
  for (const [id, features] of all) expect([id, parts.get(id)]).toEqual([id, features]);

  // Of a time that has been told of: features of then know nothing of later.
  const before = rows
    .slice(0, 50)
    .map((row) => ('item' in row ? { ...row, id: `${row.id}b` } : row));
  const third = await world.run(begin(world, 'third', before).done);
  expect(third.unseen).toBeGreaterThan(500);
}, 240_000);

test('an import knows what was told of its own time, too, each at its moment', async () => {
  // Who was somebody by then is told by the second one alone.
  const first = rows.filter((row, i) => i % 2 === 0 && 'item' in row);
  const others = rows.filter((_row, i) => i % 2 === 1);
  const quiet = await SimulatedWorld.start({ seed, joining, everyMs: Infinity });
  await quiet.run(begin(quiet, 'all', rows).done);
  const all = await sentIn(quiet);

  const world = await SimulatedWorld.start({ seed, joining, everyMs: Infinity });
  await world.run(begin(world, 'first', first).done);
  // It does not say when what it has was.
  await world.operate('snapshot', {});
  // One of the events is in both, and counts once.
  const again = [...others, first[40]!].sort((a, b) => a.timestamp - b.timestamp);
  const killed = begin(world, 'second', again, 100);
  killed.done.catch(() => undefined);
  await world.pass(20_000);
  await world.operate('snapshot', {});
  const second = await world.run(begin(world, 'second', again).done);
  expect(second).toMatchObject({ wentOn: true, unseen: 0 });
  const parts = await sentIn(world);
  for (const row of others) {
    const { id = '' } = 'item' in row ? row : {};
    expect([id, parts.get(id)]).toEqual([id, all.get(id)]);
  }
}, 240_000);
