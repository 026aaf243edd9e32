import { expect, test } from '@jest/globals';
import { decode } from '../../messages/codec.js';
import { parseRows } from '../../messages/deltas.js';
import { subject } from '../../messages/default-names.testkit.js';
import { mainModel } from '../../messages/model-name.js';
import { parseRowsReply, rowsCommand } from '../../messages/person.js';
import { oneSlot } from '../../replication/trained-rows.testkit.js';
import { ShardCommands } from './shard-commands.js';
import { pushTo, ShardWorld, turn } from './shard-world.testkit.js';

/** Time passes until it is done. */
async function passing<T>({ clock }: ShardWorld, work: Promise<T>): Promise<T> {
  let isOver = false;
  const outcome = Promise.allSettled([work]).finally(() => (isOver = true));
  for (let i = 0; i < 1_000 && !isOver; i++) {
    await clock.advance(1);
    await turn();
  }
  await outcome;
  return work;
}

test('rows of a person are told, and removed through the log, by the word of the leader of now', async () => {
  const world = new ShardWorld();
  await world.name({ owner: 0, epoch: 0, followers: [] });
  const { held, directory } = await world.shard(0);
  await held.start(directory);
  const none = {
    store: world.store,
    first: world.store,
    shape: oneSlot,
    servingTables: [],
    bytesPerSecondMax: 1,
  };
  const rebuild = () => Promise.reject(new Error('nobody asks'));
  const { handlers } = new ShardCommands({
    ...{ clock: world.clock, directory, held, ...none, rebuild },
  });
  const found = held.get(0);
  await passing(world, pushTo(found, 1, { key: 1 }));
  await passing(world, pushTo(found, 2, { key: 2 }));
  const { slot } = oneSlot.tables[0]!;
  const ask = async (keys: number[], forget: boolean, term = 1) => {
    const command = { keys: keys.map((low) => ({ slot, low, high: 0 })), forget, term };
    return parseRowsReply(await passing(world, handlers.rows(rowsCommand(command))));
  };
  expect(await ask([1, 3], false)).toMatchObject([{ slot, low: 1, updates: 1, updatedAt: 5 }]);
  await expect(ask([1], true, 0)).rejects.toMatchObject({ code: 'FENCED' });
  expect(await ask([1, 3], true)).toHaveLength(1);
  const last = world.log.of(subject.deltaRows(mainModel, 0)).at(-1)!;
  expect([...parseRows(decode(last.bytes), oneSlot.tables).evicted]).toEqual([1, 0]);
  expect(await ask([1], true)).toEqual([]);
  expect(await ask([2], false)).toHaveLength(1);
});
