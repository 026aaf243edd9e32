import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { fileURLToPath } from 'node:url';
import base from '../../cluster.config.js';
import { parseClusterConfig } from '../../core/config/schema.js';
import { inboxPrefixOf } from '../../messages/permissions.js';
import { names, subject } from '../../messages/default-names.testkit.js';
import { ServedEndpoint } from '../../runtime/serve-endpoint.js';
import { system } from '../../runtime/system.js';
import { MemoryEpochStore } from '../../supervisor/epochs.testkit.js';
import { haveLeft } from '../../cluster/drains/data-center-health.js';
import { ActorLauncher } from '../../supervisor/actor-launcher.js';
import { HostSupervisor } from '../../supervisor/host-supervisor.js';
import { startRoleServers, type RoleServers, type Site } from '../support/role-servers.js';
import { SteadyRequests, until } from '../support/steady-requests.js';

/** Two data centers with a server each; the client is in east, and asks recommenders that only say where they are. */
const entry = fileURLToPath(new URL('../support/greeting-actor.js', import.meta.url));

let servers: RoleServers;
let requests: SteadyRequests;
const endpoints: ServedEndpoint[] = [];

beforeAll(async () => {
  servers = await startRoleServers();
}, 60_000);
afterAll(async () => servers?.stop());
afterEach(async () => {
  await requests.stop();
  await Promise.all(endpoints.splice(0).map((endpoint) => endpoint.stop()));
});

/** @param workMs how long an answer takes: with it there are always some in flight. */
async function replicaAt(site: Site, workMs = 0): Promise<ServedEndpoint> {
  const { bus } = await servers.connect('recommender', site);
  const endpoint = new ServedEndpoint(bus, {
    subject: subject.recommend,
    queue: 'recommender',
    inFlightMax: 64,
    deadlineMs: 10_000,
    handle: async () => {
      await new Promise((resolve) => setTimeout(resolve, workMs));
      return { dataCenter: site };
    },
  });
  await bus.flush();
  endpoints.push(endpoint);
  return endpoint;
}

async function askFromEast(): Promise<void> {
  const { bus } = await servers.connect('client', 'east');
  requests = new SteadyRequests(bus);
}

async function dataCentersOf(count: number): Promise<string[]> {
  const answers = await requests.next(count);
  return [...new Set(answers.map(({ dataCenter }) => dataCenter))];
}

describe('a replica that leaves its queue group', () => {
  test('costs no request: the other data center answers, until it is back', async () => {
    await replicaAt('train', 5);
    const local = await replicaAt('east', 5);
    await askFromEast();
    expect(await dataCentersOf(50)).toEqual(['east']);

    for (let round = 0; round < 5; round++) {
      await local.suspend();
      expect(local.stats().inFlight).toBe(0);
      const { requests: answered } = local.stats();
      expect(await dataCentersOf(50)).toEqual(['train']);
      expect(local.stats().requests).toBe(answered);

      await local.resume();
      expect(await dataCentersOf(50)).toEqual(['east']);
    }
    expect(requests.failures).toEqual([]);
  }, 60_000);

  test('answers what it was given before', async () => {
    await replicaAt('train');
    const local = await replicaAt('east', 150);
    await askFromEast();
    await until('requests are in flight', () => local.stats().inFlight > 0);
    const answered = requests.since(0).length;
    const { inFlight } = local.stats();
    await local.suspend();
    await until('they are answered', () => {
      const late = requests.since(0).slice(answered);
      return late.filter(({ dataCenter }) => dataCenter === 'east').length >= inFlight;
    });
    expect(requests.failures).toEqual([]);
  }, 60_000);

  test('may be told to leave and to come back in any order; the last word stands', async () => {
    await replicaAt('train');
    const local = await replicaAt('east', 20);
    await askFromEast();
    await requests.next(10);
    await Promise.all([local.suspend(), local.resume(), local.suspend(), local.resume()]);
    expect(await dataCentersOf(30)).toEqual(['east']);
    await Promise.all([local.resume(), local.suspend(), local.suspend()]);
    expect(await dataCentersOf(30)).toEqual(['train']);
    await local.stop();
    await local.resume();
    expect(await dataCentersOf(30)).toEqual(['train']);
    expect(requests.failures).toEqual([]);
  }, 60_000);
});

test('an actor of a drained data center that is killed comes back, and stays out', async () => {
  await replicaAt('train');
  const address = 'east.recommender.0';
  const supervisor = new HostSupervisor({
    ...system,
    launcher: new ActorLauncher({
      entry,
      stateDir: servers.folder,
      configIn: () => parseClusterConfig(base),
      natsOf: () => ({
        cluster: names.cluster,
        url: [servers.url('east')],
        user: 'recommender',
        password: servers.credentials.passwords.recommender,
        inboxPrefix: inboxPrefixOf('recommender', names),
      }),
    }),
    epochs: new MemoryEpochStore(),
    record: () => undefined,
    policy: { backoffMsMin: 10, backoffMsMax: 20 },
  });
  const identity = { address, kind: 'recommender', dataCenter: 'east', index: 0 } as const;
  supervisor.start([{ ...identity, tier: 2 }]);
  try {
    await supervisor.waitUntilReady(30_000);
    await askFromEast();
    expect(await dataCentersOf(20)).toEqual(['east']);

    supervisor.setServing('east', false);
    await until('east is drained', () => haveLeft(supervisor.snapshot()));
    expect(await dataCentersOf(20)).toEqual(['train']);

    process.kill(supervisor.snapshot()[0]!.pid!, 'SIGKILL');
    await until('it is back', () => {
      const [{ state, epoch, stats }] = supervisor.snapshot() as [
        ReturnType<HostSupervisor['snapshot']>[0],
      ];
      return state === 'ready' && epoch === 2 && stats.serving === false;
    });
    expect(await dataCentersOf(50)).toEqual(['train']);
    expect(haveLeft(supervisor.snapshot())).toBe(true);

    supervisor.setServing('east', true);
    await until('it says that it serves', () => supervisor.snapshot()[0]!.stats.serving === true);
    expect(await requests.next(20)).toEqual(Array(20).fill({ dataCenter: 'east', epoch: 2 }));
    expect(requests.failures).toEqual([]);
  } finally {
    await supervisor.stopAll(2_000);
  }
}, 60_000);
