import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
// eslint-disable-next-line no-restricted-imports -- our own client never sends such a reply subject.
import { connect } from 'nats';
import { roles, type Role } from '../../messages/roles.js';
import { names, streamName, subject } from '../../messages/default-names.testkit.js';
import { mainModel } from '../../messages/model-name.js';
import { connectBus, type NatsBus } from '../../runtime/nats/nats-bus.js';
import {
  expectations,
  guests,
  publishCatalogue,
  type Expectation,
  subscribeCatalogue,
} from '../support/role-expectations.js';
import { startRoleServers, type RoleBus, type RoleServers } from '../support/role-servers.js';

let servers: RoleServers;
beforeAll(async () => {
  servers = await startRoleServers();
}, 60_000);
afterAll(async () => servers?.stop());

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const textOf = (value: Uint8Array): string => new TextDecoder().decode(value);

/** What the server refuses of `attempts`, in the words of `refused`; the last attempt is one that it surely refuses. */
async function refusalsOf({ bus, refused }: RoleBus, attempt: () => void): Promise<string[]> {
  refused.length = 0;
  attempt();
  bus.publish('the.end', bytes(''));
  while (refused.at(-1) !== 'publish the.end') {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return refused.slice(0, -1);
}

/** The subject of the first message that is given out. */
const work = async (bus: NatsBus, stream: string, durable: string): Promise<string> => {
  let taken: (subjectName: string) => void;
  const first = new Promise<string>((resolve) => (taken = resolve));
  const options = { stream, durable, ackWaitMs: 5_000, pendingMax: 8 };
  const consumer = await bus.work(options, (message) => {
    message.ack();
    taken(message.subject);
  });
  const name = await first;
  await consumer.stop();
  return name;
};

const limited = roles.filter((role) => role !== 'supervisor');

const cases: [Role, string, Expectation][] = [
  ...limited.map((role): [Role, string, Expectation] => [role, 'at home', expectations[role]]),
  ...Object.entries(guests).map(([role, at]): [Role, string, Expectation] => {
    return [role as Role, 'as a guest elsewhere', at];
  }),
];

describe.each(cases)('the role %s, %s,', (role, _where, { site, publishes, subscribes }) => {
  test('publishes what it needs, and is denied everything else', async () => {
    const own = await servers.connect(role, site);
    const refused = await refusalsOf(own, () => {
      for (const name of publishCatalogue) own.bus.publish(name, bytes('{}'));
    });
    // A refused event is named by the subject that the server maps it to.
    const named = refused.map((line) => line.replace(/^publish /, ''));
    const expected = publishCatalogue.filter((name) => !publishes.includes(name));
    expect([...new Set(named)].sort()).toEqual(
      [...new Set(expected.map(mappedFor(role, site)))].sort(),
    );
  });

  test('subscribes to what it serves and hears, and is denied everything else', async () => {
    const own = await servers.connect(role, site);
    const refused = await refusalsOf(own, () => {
      for (const name of subscribeCatalogue) own.bus.subscribe(name, () => undefined);
    });
    const expected = subscribeCatalogue.filter((name) => !subscribes.includes(name));
    expect(refused.map((line) => line.replace(/^subscribe /, '')).sort()).toEqual(expected.sort());
  });
});

/** The server maps first and judges second, but for clients, who are not where the mapping is. */
function mappedFor(role: Role, site: string): (name: string) => string {
  if (role === 'client') return (name) => name;
  return (name) => name.replace('starling.ingest.', `starling.raw.${site}.`);
}

test('the supervisor may publish and subscribe to anything', async () => {
  const { bus, refused } = await servers.connect('supervisor', 'train');
  for (const name of subscribeCatalogue) bus.subscribe(name, () => undefined);
  for (const name of ['starling.ps.push.0', 'starling.dead-letter.any', 'elsewhere']) {
    bus.publish(name, bytes('{}'));
  }
  await bus.flush();
  // Nobody of this account sees what servers say among themselves; to ask for it is not forbidden.
  expect(refused.filter((line) => !line.includes('$SYS'))).toEqual([]);
});

describe('what roles do with streams, keys and each other', () => {
  const tail = async (bus: NatsBus, stream: string): Promise<void> => {
    const following = await bus.tail({ stream }, () => undefined);
    await following.stop();
  };

  test.each<[Role, 'train' | 'east', string, (bus: NatsBus) => Promise<unknown>]>([
    ['joiner', 'train', 'appends samples', (bus) => bus.append(subject.samples(0), bytes('s'))],
    ['joiner', 'train', 'follows JOIN', (bus) => tail(bus, streamName.join)],
    ['trainer', 'train', 'works on SAMPLES', (bus) => work(bus, streamName.samples, 'trainer')],
    ['ranker', 'east', 'logs', (bus) => bus.append(subject.ingest('impression'), bytes('i'))],
    ['client', 'east', 'ingests', (bus) => bus.append(subject.ingest('action'), bytes('a'))],
    ['processor', 'train', 'works on RAW', (bus) => work(bus, 'RAW_EAST', 'processor')],
    ['processor', 'train', 'tells', (bus) => bus.append(subject.features('user'), bytes('f'))],
    ['feature-store', 'east', 'follows', (bus) => tail(bus, streamName.featuresAt('east'))],
    [
      'ps-shard',
      'train',
      'appends',
      (bus) => bus.append(subject.deltaWeights(mainModel, 0), bytes('w')),
    ],
    ['ps-shard', 'train', 'follows DELTAS', (bus) => tail(bus, streamName.deltas)],
    ['ps-shard', 'train', 'owns', (bus) => bus.bucketPut('CLUSTER', 'partition.0', bytes('{}'))],
    ['trainer', 'train', 'reads ownership', (bus) => bus.bucketEntry('CLUSTER', 'partition.0')],
    ['dense-shard', 'train', 'leases', (bus) => bus.bucketPut('CLUSTER', 'lease.d', bytes('{}'))],
    [
      'ps-shard',
      'train',
      'watches owners',
      async (bus) => (await bus.bucketWatch('CLUSTER', 'partition.*', () => undefined)).stop(),
    ],
    [
      'dense-shard',
      'train',
      'reads DENSE',
      (bus) => bus.lastMessage(streamName.dense, subject.denseState(mainModel)),
    ],
    ['serving-shard', 'east', 'follows', (bus) => tail(bus, 'DELTAS_EAST')],
    [
      'serving-shard',
      'east',
      'keeps snapshots',
      async (bus) => {
        const name = subject.snapshotObject('east', 's', 'o');
        await bus.append(name, bytes('chunk'));
        await tail(bus, 'SNAPSHOTS_TRAIN');
        return bus.subjects('SNAPSHOTS_EAST', '>');
      },
    ],
    [
      'feature-store',
      'east',
      'keeps snapshots',
      async (bus) => {
        const name = subject.featureObject('east', 's', 'o');
        const sequence = await bus.append(name, bytes('chunk'));
        await bus.messageAt('SNAPSHOTS_EAST', sequence);
        return bus.subjects('SNAPSHOTS_TRAIN', '>');
      },
    ],
    [
      'recommender',
      'east',
      'follows',
      async (bus) => {
        const stream = streamName.featuresAt('east');
        await bus.streamState(stream);
        await bus.messageAt(stream, 1);
        await bus.subjects('SNAPSHOTS_TRAIN', '>');
        await bus.messageAt('SNAPSHOTS_TRAIN', 1);
        await tail(bus, stream);
      },
    ],
    ['admin', 'east', 'measures', (bus) => bus.streamState(streamName.deadLetter)],
    ['admin', 'east', 'follows', (bus) => tail(bus, streamName.deltas)],
    ['admin', 'east', 'reads keys', (bus) => bus.bucketEntry('CLUSTER', 'shape')],
  ])('%s at %s %s', async (role, site, _what, use) => {
    const { bus, refused } = await servers.connect(role, site);
    await use(bus);
    expect(refused).toEqual([]);
  });

  test.each<[Role, 'train' | 'east']>([
    ['client', 'east'],
    ['client', 'train'],
    ['recommender', 'east'],
    ['admin', 'train'],
  ])('a %s at %s is answered by a ranker in east', async (role, site) => {
    const ranker = await servers.connect('ranker', 'east');
    const served = ranker.bus.serve(subject.rank, { queue: 'ranker' }, () => bytes('scores'));
    await ranker.bus.flush();
    const { bus } = await servers.connect(role, site);
    // Until the other data center knows of the ranker, the request reaches those above that subscribed and say nothing.
    const ask = (): Promise<string> =>
      bus.request(subject.rank, bytes('{}'), { timeoutMs: 500 }).then(textOf, String);
    let answer = await ask();
    for (let tries = 1; tries < 20 && answer !== 'scores'; tries++) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      answer = await ask();
    }
    expect(answer).toBe('scores');
    expect(ranker.refused).toEqual([]);
    await served.stop();
  });
});

/** The requests of `nats stream ls` and `nats stream view DEAD_LETTER`, as natscli 0.5.1 sends them. */
test('an administrator lists streams and pages through dead letters as the official command line does', async () => {
  const { bus: joiner } = await servers.connect('joiner', 'train');
  await joiner.append(subject.deadLetter('joiner'), bytes('a letter'));
  const { bus, refused } = await servers.connect('admin', 'east');
  const ask = async (verb: string, body: unknown = {}): Promise<Record<string, unknown>> => {
    const request = bytes(JSON.stringify(body));
    const reply = await bus.request(`$JS.API.${verb}`, request, { timeoutMs: 5_000 });
    return JSON.parse(textOf(reply)) as Record<string, unknown>;
  };
  expect((await ask('STREAM.NAMES'))['streams']).toContain(streamName.deadLetter);
  expect((await ask('STREAM.LIST'))['error']).toBeUndefined();
  expect(await work(bus, streamName.deadLetter, 'pager')).toMatch(/^starling\.dead-letter\./);
  expect((await ask('CONSUMER.NAMES.DEAD_LETTER'))['consumers']).toContain('pager');
  expect(await ask('CONSUMER.DELETE.DEAD_LETTER.pager')).toMatchObject({ success: true });
  expect(refused).toEqual([]);
});

describe('a role that oversteps', () => {
  test('is told FORBIDDEN with its name and the subject, at once', async () => {
    const { bus } = await servers.connect('ranker', 'east');
    const push = bus.request(subject.push(0), bytes(''), { timeoutMs: 30_000 });
    await expect(push).rejects.toMatchObject({
      code: 'FORBIDDEN',
      message: 'user "ranker" may not publish to starling.ps.push.0.',
      details: { user: 'ranker', operation: 'publish', subject: 'starling.ps.push.0' },
    });
    await expect(bus.append(subject.deltaWeights(mainModel, 0), bytes(''))).rejects.toMatchObject({
      code: 'FORBIDDEN',
    });
    await expect(bus.bucketPut('CLUSTER', 'partition.0', bytes(''))).rejects.toMatchObject({
      code: 'FORBIDDEN',
    });
    await expect(bus.tail({ stream: streamName.samples }, () => undefined)).rejects.toMatchObject({
      code: 'FORBIDDEN',
    });
  });

  test('with a wrong password is not let in', async () => {
    const urls = [servers.url('east')];
    const attempt = connectBus({
      cluster: names.cluster,
      urls,
      user: 'client',
      password: 'wrong',
      name: 'test',
    });
    await expect(attempt).rejects.toMatchObject({ code: 'FORBIDDEN', details: { user: 'client' } });
    await expect(
      connectBus({ cluster: names.cluster, urls, name: 'nobody' }),
    ).rejects.toMatchObject({ code: 'FORBIDDEN' });
  });

  test('can not have an answer or an acknowledgement published where it may not itself', async () => {
    const { bus: observer } = await servers.connect('supervisor', 'train');
    const deltas = await observer.streamState(streamName.deltas);
    const ranker = await servers.connect('ranker', 'east');
    ranker.bus.serve(subject.rank, { queue: 'ranker' }, () => bytes('forged'));
    await ranker.bus.flush();
    const pass = servers.credentials.passwords.client;
    const client = await connect({ servers: servers.url('east'), user: 'client', pass });
    for (const name of [subject.rank, subject.ingest('action')]) {
      client.publish(name, bytes('{}'), { reply: subject.deltaWeights(mainModel, 0) });
    }
    await client.request(subject.rank, bytes('{}'));
    await client.close();
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(await observer.streamState(streamName.deltas)).toEqual(deltas);
  });
});
