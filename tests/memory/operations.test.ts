import { expect, test } from '@jest/globals';
import { operate } from '../../client/operate.js';
import { Operations, type OperationsOptions } from '../../cluster/operations/operations.js';
import { sleep } from '../../core/base/clock.js';
import { parseClusterConfig } from '../../core/config/schema.js';
import { names } from '../../messages/default-names.testkit.js';
import { windowPersonReply } from '../../messages/person.js';
import { ServedEndpoint } from '../../runtime/serve-endpoint.js';
import { memoryWorld } from '../support/memory-world.js';

const joinerMs = 20_000;

test('who is looked for is found while another is erased, one is erased at a time, and no stop waits for it', async () => {
  const { time, connect } = memoryWorld(1);
  const bus = connect();
  const config = parseClusterConfig({
    features: { item: { entity: 'item', kind: 'id' } },
    dataCenters: [{ name: 'train', role: 'all' }],
    joining: { partitions: 1 },
  });
  const joiner = new ServedEndpoint(connect(), {
    subject: names.subject.joinPerson(0),
    inFlightMax: 9,
    deadlineMs: joinerMs,
    handle: async (value) => {
      // Of the one who is erased this takes so long that it is given up.
      if (JSON.stringify(value).includes('leaver')) await sleep(bus.clock, joinerMs);
      return windowPersonReply({
        ...{ owner: null, names: [], forgottenUntilMs: null },
        ...{ rows: [], events: [] },
      });
    },
  });
  const operations = new Operations({
    ...{ bus, config, configNow: () => config, term: 1, confirm: () => Promise.resolve() },
    directory: { partitions: [], ownerOf: () => undefined },
  } as unknown as OperationsOptions);
  const ask = (person: string, act: string): Promise<unknown> =>
    operate(connect(), 'person', { person, act }, () => undefined);

  const erasure = ask('leaver', 'erase').catch((error: unknown) => error);
  await time.run(sleep(bus.clock, 100));
  await expect(time.run(ask('who stays', 'find'))).resolves.toMatchObject({
    found: [{ name: 'who stays' }],
  });
  await expect(time.run(ask('another', 'erase'))).rejects.toMatchObject({ code: 'OVERLOADED' });
  // After it failed the next one's turn is come.
  expect(await time.run(erasure)).toMatchObject({ code: 'TIMEOUT' });
  const next = ask('leaver', 'erase').catch((error: unknown) => error);
  await time.run(sleep(bus.clock, 100));
  // Who leads stops, and waits for it no longer than for anything.
  const askedMs = bus.clock.nowMs();
  await time.run(operations.stop());
  expect(bus.clock.nowMs() - askedMs).toBeLessThan(5_000);
  expect(await time.run(next)).toMatchObject({ code: 'UNAVAILABLE' });
  await time.run(joiner.stop());
});
