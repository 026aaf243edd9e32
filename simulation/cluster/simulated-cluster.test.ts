import { describe, expect, test } from '@jest/globals';
import { actorsOf } from '../../messages/actor-status.js';
import { SimulatedAudience } from './simulated-audience.js';
import { SimulatedCluster } from './simulated-cluster.js';
import { simulatedConfig } from './simulated-config.js';

const hosts = { h1: ['train'], h2: ['train'], h3: ['east'], h4: ['west'] };

async function started(seed: number) {
  const cluster = await SimulatedCluster.make({ seed, config: simulatedConfig, hosts });
  for (const host of cluster.hosts) host.start();
  const audiences = ['east', 'west'].map((dataCenter) => {
    const process = cluster.outsider(`people of ${dataCenter}`, (error) => {
      throw error;
    });
    const client = cluster.client(process, dataCenter);
    return new SimulatedAudience({ process, client, users: 20, items: 30, everyMs: 1_000 });
  });
  const status = () => cluster.hosts.find(({ member }) => member)!.member!.view.status();
  return { cluster, audiences, status };
}

describe('a simulated cluster', () => {
  test('answers its people and learns from them', async () => {
    const { cluster, audiences, status } = await started(1);
    await cluster.time.pass(30_000);
    expect(status().ready).toBe(true);
    for (const { answered, told, degraded, refusals } of audiences) {
      expect(answered).toBeGreaterThan(20);
      // Some only look, and some do more than they are offered.
      expect(told.size).toBeGreaterThan(2 * answered);
      expect({ degraded, refused: refusals.size }).toEqual({ degraded: 0, refused: 0 });
    }
    const { actors } = status();
    const steps = actorsOf(actors, 'trainer').map(({ stats }) => stats.steps);
    expect(Math.min(...steps.map((count) => count ?? 0))).toBeGreaterThan(0);
  });

  test('goes on when a host is lost, also where it led', async () => {
    const { cluster, audiences, status } = await started(3);
    await cluster.time.pass(15_000);
    const { leader } = status();
    cluster.host(leader).crash();
    await cluster.time.pass(45_000);
    expect(status().ready).toBe(true);
    const asked = audiences.map(({ answered }) => answered);
    await cluster.time.pass(10_000);
    audiences.forEach(({ answered }, i) => expect(answered - asked[i]!).toBeGreaterThanOrEqual(9));
  });
});
