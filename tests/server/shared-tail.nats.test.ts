import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { subject } from '../../messages/default-names.testkit.js';
import { mainModel } from '../../messages/model-name.js';
import type { Following } from '../../runtime/followers/follow.js';
import { SharedTail } from '../../runtime/followers/shared-tail.js';
import type { NatsBus } from '../../runtime/nats/nats-bus.js';
import type { MessageServer } from '../support/message-server.js';
import { declareOnly, startMessageServer } from '../support/message-server.js';

const stream = 'DELTAS';
let server: MessageServer;
let bus: NatsBus;
const followings: Following[] = [];
const errors: unknown[] = [];

beforeAll(async () => {
  server = await startMessageServer();
  bus = await server.connect();
  await declareOnly(bus, [stream]);
});
afterAll(() => server.stop());
afterEach(async () => {
  for (const following of followings.splice(0)) await following.stop();
  errors.splice(0);
  const { lastSequence } = await bus.streamState(stream);
  await bus.purge(stream, { beforeSequence: lastSequence + 1 });
});

const write = (partition: number) =>
  bus.append(subject.deltaWeights(mainModel, partition), Uint8Array.of(partition));

const gather = (members: number) =>
  new SharedTail(bus, { stream, members, onError: (error) => errors.push(error) });

/** A member, and the sequences that it was given. */
function join(shared: SharedTail, partition: number, fromSequence?: number) {
  const heard: number[] = [];
  const following = shared.follow(
    {
      stream,
      filter: subject.deltaWeights(mainModel, partition),
      ...(fromSequence ? { fromSequence } : {}),
    },
    ({ sequence }) => void heard.push(sequence),
  );
  void following.then((each) => followings.push(each));
  return { heard, following };
}

async function eventually(holds: () => boolean): Promise<void> {
  for (let tries = 0; tries < 500 && !holds(); tries++)
    await new Promise((resolve) => setTimeout(resolve, 10));
  expect(holds()).toBe(true);
}

describe('a shared tail', () => {
  test('gives each member what is its own, from where it begins, and goes on', async () => {
    const sequences: number[] = [];
    for (const partition of [0, 1, 2, 0, 1, 2, 0]) sequences.push(await write(partition));
    const [, b, c, d, , f, g] = sequences;
    const shared = gather(3);
    const first = join(shared, 0, d);
    const second = join(shared, 1, g! + 1);
    const third = join(shared, 2, b);
    await (
      await third.following
    ).caughtUp;
    expect(first.heard).toEqual([d, g]);
    expect(second.heard).toEqual([]);
    expect(third.heard).toEqual([c, f]);
    const late = await write(1);
    await eventually(() => second.heard.length === 1);
    expect(second.heard).toEqual([late]);
  });

  test('begins when the last member has come, and not before', async () => {
    await write(0);
    const shared = gather(2);
    const early = join(shared, 0);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(early.heard).toEqual([]);
    expect(shared.isGathering).toBe(true);
    const late = join(shared, 1);
    expect(shared.isGathering).toBe(false);
    await (
      await late.following
    ).caughtUp;
    expect(early.heard).toHaveLength(1);
  });

  test('has caught up at once with an empty log', async () => {
    const shared = gather(1);
    const { following, heard } = join(shared, 0);
    await (
      await following
    ).caughtUp;
    expect(heard).toEqual([]);
  });

  test('a member that fails or leaves is no matter to the others', async () => {
    const shared = gather(3);
    const broken = shared.follow({ stream, filter: subject.deltaWeights(mainModel, 0) }, () => {
      throw new Error('it can not be applied');
    });
    const leaving = join(shared, 1);
    const staying = join(shared, 2);
    followings.push(await broken);
    await (await leaving.following).stop();
    for (const partition of [0, 1, 2]) await write(partition);
    await eventually(() => staying.heard.length === 1);
    expect(leaving.heard).toEqual([]);
    expect(errors).toHaveLength(1);
    expect(String(errors[0])).toMatch(/deltas\.weights\.main\.0 #\d+: it can not be applied/);
  });
});
