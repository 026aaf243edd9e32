import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { pino } from 'pino';
import base from '../../cluster.config.js';
import { parseClusterConfig } from '../../core/config/schema.js';
import type { ActorKind } from '../../messages/actor-kinds.js';
import { subject } from '../../messages/default-names.testkit.js';
import { ActorLife } from '../../runtime/actor-life.js';
import type { CreateActor } from '../../runtime/actor.js';
import type { Bus } from '../../runtime/bus/bus.js';
import { call } from '../../runtime/idempotent-call.js';
import { Neighbourhood } from '../../runtime/neighbours/neighbourhood.js';
import { ServedEndpoint } from '../../runtime/serve-endpoint.js';
import type { ActorStores } from '../../runtime/stores/actor-stores.js';
import { system } from '../../runtime/system.js';
import { until } from '../support/joiner-world.js';
import { startRoleServers, type RoleServers } from '../support/role-servers.js';

let servers: RoleServers;
beforeAll(async () => {
  servers = await startRoleServers();
}, 60_000);
afterAll(async () => servers?.stop());

/** Answers one subject, and counts. */
function answering(subjectName: string, queue: string) {
  const handled: unknown[] = [];
  const create: CreateActor = ({ bus }) => {
    let endpoint: ServedEndpoint | undefined;
    return {
      async start() {
        endpoint = new ServedEndpoint(bus, {
          ...{ subject: subjectName, queue, inFlightMax: 8, deadlineMs: 2_000 },
          handle: async (request) => {
            handled.push(request);
            return { rows: Float32Array.of(1, 2, 3) };
          },
        });
      },
      stop: async () => endpoint?.stop(),
      stats: () => undefined,
    };
  };
  return { create, handled };
}

/** Actors of one process, each with its connection in the role of its kind, on a real server. */
function oneProcess() {
  const neighbours = new Neighbourhood();
  return async (kind: ActorKind, create: CreateActor): Promise<ActorLife> => {
    const address = `east.${kind}.0`;
    const life = new ActorLife({
      ...system,
      identity: { address, kind, dataCenter: 'east', index: 0, epoch: 1, partitions: [] },
      config: parseClusterConfig(base),
      serving: true,
      log: pino({ level: 'silent' }),
      load: async () => create,
      stores: () => ({}) as ActorStores,
      connect: async () => (await servers.connect(kind, 'east')).bus,
      neighbours,
      tell: () => undefined,
      usage: () => ({ rssBytes: 0, cpuMs: 0 }),
      exit: ({ bus }) => void bus?.close(),
    });
    life.run();
    await until(() => life.state === 'ready');
    return life;
  };
}

describe('actors of one process, in their roles', () => {
  test('reach each other without the server, and only as far as it would let them', async () => {
    const start = oneProcess();
    const rows = answering(subject.lookup(0), 'serving-shard');
    const weights = answering(subject.push(0), 'ps-shard');
    const shard = await start('serving-shard', rows.create);
    const pushed = await start('ps-shard', weights.create);
    let bus!: Bus;
    const asking: CreateActor = (context) => {
      bus = context.bus;
      return { start: async () => undefined, stop: async () => undefined, stats: () => undefined };
    };
    const ranker = await start('ranker', asking);
    const lookUp = () => call(bus, subject.lookup(0), { fids: 3 }, { deadlineMs: 5_000 });
    // The first ones wait until the server knows who answers, and may go over it.
    await until(async () => {
      await lookUp();
      return bus.calls!.direct > 0;
    });
    const before = bus.calls!;
    expect(await lookUp()).toEqual({ rows: Float32Array.of(1, 2, 3) });
    expect(bus.calls).toEqual({ ...before, direct: before.direct + 1 });

    const push = call(bus, subject.push(0), {}, { deadlineMs: 2_000, retry: 'none' });
    await expect(push).rejects.toMatchObject({ code: 'FORBIDDEN' });
    expect(weights.handled).toEqual([]);

    shard.stop();
    await until(() => shard.state === 'stopped');
    const late = call(bus, subject.lookup(0), {}, { deadlineMs: 500, retry: 'none' });
    await expect(late).rejects.toMatchObject({ code: 'NO_RESPONDERS' });
    for (const each of [pushed, ranker]) each.stop();
    await until(() => [pushed, ranker].every(({ state }) => state === 'stopped'));
  }, 60_000);
});
