import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { actorKinds, kindTable } from '../../messages/actor-kinds.js';
import { audit, type Audit } from '../../operations/audit/audit.js';
import { connectAs, type NatsBus } from '../../runtime/nats/nats-bus.js';
import { LiveCluster } from '../support/live-cluster.js';

/** Standbys, and rows that serving keeps in another form: an owner must know what they are there. */
let live: LiveCluster;
let admin: NatsBus;

beforeAll(async () => {
  live = await LiveCluster.start({
    standby: 1,
    model: { rows: { serving: 'int8' } },
    actors: { 'ps-shard': 2 },
  });
  admin = await connectAs(live.cluster.access('train', 'admin'), { name: 'audit' });
}, 120_000);
afterAll(async () => {
  await admin?.close();
  await live?.stop();
}, 60_000);

const look = (settleMs: number): Promise<Audit> =>
  audit(admin, async () => live.cluster.status(), settleMs);
const broken = ({ laws }: Audit) => laws.filter(({ verdict }) => verdict === 'violated');

describe('the audit of a cluster', () => {
  test('compares every copy of its rows with the owner, in whatever form it is kept', async () => {
    await live.feed(1_500);
    await live.settled();
    const result = await look(20_000);
    expect(broken(result)).toEqual([]);
    expect(result.verdict).toBe('holds');
    const partitions = live.cluster.config.partitions;
    const same = { copies: partitions, equal: partitions };
    const equal = { ...same, differing: [], silent: [], coming: [] };
    expect(result.findings.copies).toEqual([
      { name: 'rows of standbys', ...equal },
      { name: 'rows served in east', ...equal },
    ]);
  }, 120_000);

  test('finds no difference while it is used', async () => {
    const feeding = live.feedOn();
    try {
      for (let looks = 0; looks < 3; looks++)
        expect(broken(await look(10_000)).map(({ name, remark }) => [name, remark])).toEqual([]);
    } finally {
      await feeding.stop();
    }
  }, 120_000);
});

test('every actor says all the figures of its kind', async () => {
  await live.until('all were heard', () => {
    const { actors } = live.cluster.status();
    return actors.every(({ stats }) => stats.rssBytes !== undefined);
  });
  const { actors } = live.cluster.status();
  for (const kind of actorKinds) {
    const [actor] = actors.filter((each) => each.kind === kind);
    const heard = Object.keys(actor!.stats);
    expect([kind, heard]).toEqual([
      kind,
      expect.arrayContaining(Object.keys(kindTable[kind].figures)),
    ]);
  }
});
