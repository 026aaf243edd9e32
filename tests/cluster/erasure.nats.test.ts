import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { featureSpecOf } from '../../core/features/feature-spec.js';
import { personKeysOf } from '../../core/features/person-keys.js';
import { declareStreams } from '../../messages/declared-streams.js';
import { names } from '../../messages/default-names.testkit.js';
import { connectAs, type NatsBus } from '../../runtime/nats/nats-bus.js';
import { replay } from '../../runtime/followers/follow.js';
import { LiveCluster } from '../support/live-cluster.js';
import { jsonOf, starling } from '../support/starling-process.js';

/** Somebody is forgotten by command, with all that he was, and looked for in the bytes of every stream and snapshot. */
let live: LiveCluster;
let admin: NatsBus;

const user = 'person-7f3a91';
const account = 'account-55c2d0';
const visitor = 'visitor-b81e44';
const other = 'somebody-else-0d';
const short = '20s';

beforeAll(async () => {
  live = await LiveCluster.start({
    features: {
      user: { entity: 'user', kind: 'id' },
      item: { entity: 'item', kind: 'id' },
      town: { entity: 'user', kind: 'id' },
      recent: { entity: 'user', kind: 'history', of: 'item', events: ['view'], length: 5 },
      views: { entity: 'user', kind: 'count', events: ['view'] },
    },
    events: { view: {} },
    logs: { raw: short, samples: short, activity: short, deadLetters: short },
    joining: { windowMs: 20_000, latenessMs: 1_000, logMs: 21_000 },
  });
  admin = await connectAs(live.cluster.access('train', 'admin'), { name: 'test' });
}, 180_000);
afterAll(async () => {
  await admin?.close();
  await live?.stop();
}, 60_000);

const cli = (...words: string[]) => starling(...words, '--state', live.cluster.stateDir);

const kindsOf = (output: string): string[] => {
  const lines = output.split('\n').filter((line) => line.startsWith('{'));
  return [...new Set(lines.map((line) => (JSON.parse(line) as { kind: string }).kind))];
};

/** Where a name, or the key of a row that is somebody's alone, stands in the bytes of whatever is kept. */
async function foundIn(people: readonly string[]): Promise<string[]> {
  const { config } = live.cluster;
  const declared = declareStreams(names, { dataCenters: config.dataCenters, ingestMapped: true });
  const streams = [...declared.map(({ name }) => name), `KV_${names.bucket}`];
  const texts = [user, account, visitor].map((text) => Buffer.from(text));
  const keys = people.flatMap((person) =>
    personKeysOf(featureSpecOf(config.features), person).map(({ low, high }) =>
      Buffer.from(Uint32Array.of(low, high).buffer),
    ),
  );
  expect(keys).toHaveLength(people.length);
  const found: string[] = [];
  for (const stream of streams)
    await replay(admin, { stream }, ({ bytes, subject, sequence }) => {
      const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      for (const sought of [...texts, ...keys])
        if (buffer.includes(sought) || subject.includes(sought.toString('latin1')))
          found.push(`${stream} #${sequence} ${subject}`);
    });
  return [...new Set(found)];
}

const everybody = [user, account, `visitor/${visitor}`];

describe('a person', () => {
  test('is exported, erased with all that he was, and gone from every log and snapshot by the time that is said', async () => {
    const { client } = live;
    await client.ingestItems(
      ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'].map((item) => ({ item, title: `Tea ${item}` })),
    );
    for (const each of [user, account, other])
      await client.ingestUsers([{ user: each, town: 'Kiel', nick: each }]);
    const slate = async (who: string) => {
      const answer = await client.recommend({ user: who, k: 3 });
      return answer.items.length === 3 ? answer : undefined;
    };
    await live.until('items are recommended', async () => {
      return (await slate(user).catch(() => undefined)) !== undefined;
    });
    let actedMs = 0;
    const act = async () => {
      actedMs = Date.now();
      // What he did something with is not offered again.
      const shown = await slate(user).catch(() => undefined);
      const { item = 'a' } = shown?.items[0] ?? {};
      const of = shown ? { requestId: shown.requestId } : {};
      await client.ingestEvents([{ type: 'view', user, item, ...of }]);
      // What nothing can be made of is a dead letter, which names him too.
      await admin.append(names.subject.ingest('event'), Buffer.from(JSON.stringify({ user })));
    };
    /** On a busy machine the logs, which are short, may have lost what he did before all was looked at: so he does it again. */
    const actNow = async () => {
      if (Date.now() - actedMs > 8_000) await act();
    };
    await client.ingestEvents([
      { type: 'view', visitor, item: 'b' },
      { type: 'view', user: account, item: 'c' },
      { type: 'view', user: other, item: 'd' },
    ]);
    await client.ingestAliases([{ visitor, user }]);
    await client.ingestMerges([{ from: account, to: user }]);
    await live.until('all is known of him', async () => {
      await actNow();
      const { output } = await cli('users', 'export', user);
      const kinds = kindsOf(output);
      return ['name', 'attributes', 'history', 'impression', 'row', 'record'].every((kind) =>
        kinds.includes(kind),
      );
    });
    expect((await cli('snapshot')).code).toBe(0);
    const logs = ['RAW_EAST', 'JOIN', 'ACTIVITY', 'SAMPLES', 'FEATURES', 'DELTAS'];
    let before: string[] = [];
    const isEverywhere = async () => {
      before = await foundIn(everybody);
      if (logs.every((stream) => before.join().includes(stream))) return true;
      await actNow();
      return false;
    };
    await live.until('he is in every log', isEverywhere).catch(() => undefined);
    for (const stream of logs) expect(before.join()).toContain(stream);
    expect(before.join()).toContain('SNAPSHOTS_TRAIN');
    expect(before.join()).toContain('SNAPSHOTS_EAST');
    expect((await cli('audit', '--user', user)).code).toBe(1);

    const erased = jsonOf(await cli('users', 'erase', user, '--json')) as {
      wasKnown: boolean;
      names: string[];
      inUse: unknown[];
      logs: { stream: string; goneBy: string | null }[];
    };
    expect(erased).toMatchObject({ wasKnown: true, inUse: [] });
    expect(erased.names.sort()).toEqual([...everybody].sort());
    // Whatever still names him says until when.
    expect(erased.logs.filter(({ goneBy }) => goneBy === null)).toEqual([]);
    const asked = await cli('users', 'get', user);
    expect(asked.code).toBe(1);
    expect(asked.output).toMatch(/was erased at 2/);
    expect((await cli('audit', '--user', user)).code).toBe(0);
    expect((await cli('users', 'get', other)).output).toContain('Kiel');

    // That a row is removed is said by its key, which is the newest of its partition until others change there.
    const isRemoval = (found: string): boolean => / starling\.deltas\.(rows|weights)\./.test(found);
    let left: string[] = [];
    const isGone = async () => {
      left = (await foundIn(everybody)).filter((found) => !isRemoval(found));
      return left.length === 0;
    };
    await live.until('no bytes of his are anywhere', isGone, 90_000).catch(() => undefined);
    expect(left).toEqual([]);
  }, 240_000);

  test('who was never known is said to be so, and who comes back is somebody new', async () => {
    const unknown = jsonOf(await cli('users', 'erase', 'nobody-3d', '--json'));
    expect(unknown).toMatchObject({ wasKnown: false, inUse: [] });
    const { client } = live;
    const longAgo = new Date(Date.now() - 3_600_000).toISOString();
    await client.ingestEvents([{ type: 'view', user, item: 'a', timestamp: longAgo }]);
    await client.ingestEvents([{ type: 'view', user, item: 'b' }]);
    await live.until('he is known anew, by what is new', async () => {
      const { output } = await cli('users', 'export', user);
      const history = output.split('\n').find((line) => line.startsWith('{"kind":"history"'));
      return history !== undefined && history.includes('"b"') && !history.includes('"a"');
    });
  }, 150_000);
});
