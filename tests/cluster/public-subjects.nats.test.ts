import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { actorsOf } from '../../messages/actor-status.js';
import { decode } from '../../messages/codec.js';
import { parseDeadLetters } from '../../messages/dead-letters.js';
import { names, streamName } from '../../messages/default-names.testkit.js';
import { readClusterAccess } from '../../runtime/cluster-file.js';
import type { NatsBus } from '../../runtime/nats/nats-bus.js';
import { connectBus } from '../../runtime/nats/nats-bus.js';
import { leanConfig } from '../support/lean-config.js';
import { StarlingUp, starling, temporaryFolder } from '../support/starling-process.js';

const json = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));

describe('the public subjects of a running cluster', () => {
  let temporary: ReturnType<typeof temporaryFolder>;
  let config: string;
  let cluster: StarlingUp;
  let bus: NatsBus;

  beforeAll(async () => {
    temporary = temporaryFolder();
    config = path.join(temporary.folder, 'cluster.config.json');
    writeFileSync(config, JSON.stringify(leanConfig));
    cluster = new StarlingUp(path.join(temporary.folder, 'state'), '--config', config);
    await cluster.until(
      'recommending',
      ({ ready, actors }) =>
        ready && actorsOf(actors, 'trainer').some(({ stats }) => Number(stats.samples) > 0),
    );
    const access = await readClusterAccess(cluster.stateDir);
    const east = access.dataCenters.find(({ name }) => name === 'east')!;
    bus = await connectBus({
      cluster: names.cluster,
      urls: [east.url],
      // An administrator may do all that a client may, and look into the dead letters.
      ...access.admin,
      name: 'test',
    });
  }, 120_000);

  afterAll(async () => {
    await bus?.close();
    await cluster?.stop();
    temporary.remove();
  }, 60_000);

  const ask = async (subject: string, request: Uint8Array): Promise<Record<string, unknown>> =>
    decode(await bus.request(subject, request, { timeoutMs: 5_000 })) as Record<string, unknown>;

  const deadLetters = async (): Promise<number> =>
    (await bus.streamState(streamName.deadLetter)).lastSequence;

  async function until<T>(what: string, look: () => Promise<T | undefined>): Promise<T> {
    const endMs = Date.now() + 20_000;
    for (;;) {
      const seen = await look();
      if (seen !== undefined) return seen;
      if (Date.now() > endMs) throw new Error(`waited for ${what} in vain`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  const untilDeadLetter = async (before: number): Promise<{ code: string; message: string }> => {
    await until('a dead letter', async () => (await deadLetters()) > before || undefined);
    const last = await bus.lastMessage(streamName.deadLetter, 'starling.dead-letter.processor');
    return parseDeadLetters(decode(last!.bytes)).letters[0]!;
  };

  test('recommend answers JSON with k distinct items, best first, from the own data center', async () => {
    // Just after its start, on a busy host, a look-up or a log may be too slow to be waited for.
    const reply = await until('an answer with all that belongs to it', async () => {
      const answer = await ask('starling.recommend', json({ user: 'u1', k: 10 }));
      return answer['degraded'] === false ? answer : undefined;
    });
    const items = reply['items'] as { item: string; score: number }[];
    expect(new Set(items.map(({ item }) => item)).size).toBe(10);
    expect(reply).toMatchObject({ dataCenter: 'east' });
    expect(items.every(({ score }) => score > 0 && score < 1)).toBe(true);
  });

  test('an unknown user and a numeric id are served', async () => {
    for (const user of ['nobody ever heard of', 4711]) {
      expect((await ask('starling.recommend', json({ user, k: 3 })))['items']).toHaveLength(3);
    }
  });

  test('rank answers one score per candidate; excluded and filtered items are not recommended', async () => {
    const reply = await ask(
      'starling.rank',
      json({ user: 'u1', candidates: ['i1', 'i2', 'unknown'] }),
    );
    expect(reply['scores']).toHaveLength(3);
    const few = await ask(
      'starling.recommend',
      json({ user: 'u1', k: 5, candidates: ['i1', 'i2', 'i3'], exclude: ['i2'] }),
    );
    expect((few['items'] as { item: string }[]).map(({ item }) => item).sort()).toEqual([
      'i1',
      'i3',
    ]);
  });

  test.each([
    ['k of 0', 'starling.recommend', json({ user: 'u1', k: 0 }), 'BAD_REQUEST', 'recommend.k'],
    [
      'k of 10,000',
      'starling.recommend',
      json({ user: 'u1', k: 10_000 }),
      'BAD_REQUEST',
      'recommend.k',
    ],
    ['no user', 'starling.recommend', json({ k: 1 }), 'BAD_REQUEST', 'recommend.user'],
    [
      'broken JSON',
      'starling.recommend',
      new TextEncoder().encode('{"user":'),
      'BAD_MESSAGE',
      'JSON',
    ],
    [
      'text that is no JSON',
      'starling.recommend',
      new TextEncoder().encode('user=1'),
      'BAD_MESSAGE',
      'expected JSON such as {"user":"42","k":10}',
    ],
    [
      'random bytes',
      'starling.recommend',
      Uint8Array.from({ length: 64 }, (_unused, i) => (i * 37 + 200) % 256),
      'BAD_',
      '',
    ],
    [
      'no candidates',
      'starling.rank',
      json({ user: 'u1', candidates: [] }),
      'BAD_REQUEST',
      'candidates',
    ],
    [
      'an unknown context feature',
      'starling.rank',
      json({ user: 'u1', candidates: ['i1'], context: { mood: 1 } }),
      'UNKNOWN_FEATURE',
      'mood',
    ],
  ])('a request with %s gets a typed error', async (_name, subject, request, code, words) => {
    const { error } = (await ask(subject, request)) as { error: { code: string; message: string } };
    expect(error.code).toContain(code);
    expect(error.message).toContain(words);
  });

  test.each([
    ['without an item', 'action', { requestId: 'r', label: 1 }, 'BAD_EVENT', 'item'],
    ['with a label of 7', 'action', { requestId: 'r', item: 'i1', label: 7 }, 'BAD_EVENT', 'label'],
    [
      'with a time that is none',
      'action',
      { requestId: 'r', item: 'i1', timestamp: 'yesterday' },
      'BAD_EVENT',
      'ISO 8601',
    ],
    [
      'from the future',
      'impression',
      { requestId: 'r', user: 'u', item: 'i', timestamp: 3.9e9 },
      'BAD_EVENT',
      'future',
    ],
    [
      'with features of another item',
      'features',
      { entity: 'item', id: 'i1', features: { item: 'i2' } },
      'BAD_EVENT',
      'the attributes name "i2"',
    ],
    ['that is no JSON', 'action', '{"requestId":', 'BAD_MESSAGE', 'JSON'],
  ])(
    'an event %s becomes a dead letter with its reason, and the cluster goes on',
    async (_name, type, event, code, words) => {
      const before = await deadLetters();
      const bytes = typeof event === 'string' ? new TextEncoder().encode(event) : json(event);
      await bus.append(`starling.ingest.${type}`, bytes);
      const error = await untilDeadLetter(before);
      expect(error.code).toBe(code);
      expect(error.message).toContain(words);
      expect((await ask('starling.recommend', json({ user: 'u2', k: 1 })))['items']).toHaveLength(
        1,
      );
    },
  );

  test('an item with a title is kept, and its title is returned where that is asked', async () => {
    const lamp = {
      entity: 'item',
      id: 't1',
      features: { title: 'A lamp', url: '/t1', year: 1995 },
    };
    await bus.append('starling.ingest.features', json(lamp));
    const first = { user: 'u1', k: 1, candidates: ['t1'], attributes: ['title', 'url'] };
    const shown = await until('the item is known everywhere', async () => {
      const { items, degraded } = await ask('starling.recommend', json(first));
      const [found] = items as { attributes?: object }[];
      // The catalog of a recommender may have it a moment before the feature store has.
      const isKnown = Object.keys(found?.attributes ?? {}).length > 0;
      return found && isKnown && degraded === false ? found : undefined;
    });
    expect(shown.attributes).toEqual({ title: 'A lamp', url: '/t1' });
    await until('the name that nothing is declared of is told', async () => {
      const { actors } = (await cluster.status())!;
      const told = actorsOf(actors, 'processor').map(({ stats }) => stats.unknownAttributes);
      return told.some((names) => names?.includes('item.url')) || undefined;
    });
    const { code, output } = await starling(
      ...['recommend', '--user', 'u1', '--candidates', 't1', '--attributes', 'title'],
      ...['--state', cluster.stateDir],
    );
    expect([code, output]).toEqual([0, expect.stringMatching(/ t1 .*title: A lamp/)]);
  });

  test('an event on a subject that is misspelt is told of with the nearest', async () => {
    const before = await deadLetters();
    const { url } = (await readClusterAccess(cluster.stateDir)).dataCenters[0]!;
    const { user, password } = await readClusterAccess(cluster.stateDir);
    const client = await connectBus({
      ...{ cluster: names.cluster, urls: [url], user, password },
      name: 'test',
    });
    try {
      await client.append('starling.ingest.acton', json({ requestId: 'r', item: 'i1' }));
    } finally {
      await client.close();
    }
    const error = await untilDeadLetter(before);
    expect(error).toMatchObject({ code: 'BAD_EVENT' });
    expect(error.message).toContain('there is no event type "acton"; did you mean "action"?');
  });

  test('a payload over the limit is refused with a typed error, and the connection lives', async () => {
    const huge = new Uint8Array(9 * 2 ** 20);
    await expect(bus.append('starling.ingest.action', huge)).rejects.toMatchObject({
      code: 'PAYLOAD_TOO_LARGE',
    });
    expect((await ask('starling.recommend', json({ user: 'u2', k: 1 })))['items']).toHaveLength(1);
  });

  test('the command line recommends, ingests and reports status', async () => {
    const { stateDir } = cluster;
    const recommended = await starling(
      'recommend',
      '--user',
      'u1',
      '--k',
      '3',
      '--json',
      '--state',
      stateDir,
    );
    expect(recommended.code).toBe(0);
    const { items, requestId } = JSON.parse(recommended.output) as {
      items: { item: string }[];
      requestId: string;
    };
    expect(items).toHaveLength(3);
    const action = JSON.stringify({ requestId, item: items[0]!.item, label: 1 });
    expect(
      (await starling('ingest', 'action', action, '--json', '--state', stateDir)).output,
    ).toContain('"accepted": 1');
    const refused = await starling('ingest', 'action', '{"item":"i1"}', '--state', stateDir);
    expect(refused.code).not.toBe(0);
    expect(refused.output).toContain('requestId');
    expect((await starling('status', '--state', stateDir)).output).toContain('ps-shard');
  });

  test('Ctrl-C drains and ends with 0; no actor or server is left, and a second start resumes', async () => {
    const before = (await cluster.status())!;
    const pids = [
      ...before.actors.map(({ pid }) => pid),
      ...before.natsServers.map(({ pid }) => pid),
    ];
    await bus.close();
    cluster.interrupt();
    expect((await cluster.finished).code).toBe(0);
    for (const pid of pids) expect(() => process.kill(pid!, 0)).toThrow();
    const rowsOf = (status: typeof before): number =>
      actorsOf(status.actors, 'ps-shard').reduce((sum, { stats }) => sum + Number(stats.rows), 0);
    cluster = new StarlingUp(cluster.stateDir, '--config', config);
    const after = await cluster.until('ready again', ({ ready }) => ready);
    expect(rowsOf(after)).toBeGreaterThanOrEqual(rowsOf(before));
  }, 120_000);
});
