import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { connectStarling, type StarlingClient } from '../../client/client.js';
import { actorsOf } from '../../messages/actor-status.js';
import type { ClusterStatus } from '../../messages/cluster-status.js';
import { readClusterAccess } from '../../runtime/cluster-file.js';
import { leanConfig } from '../support/lean-config.js';
import { StarlingUp, temporaryFolder } from '../support/starling-process.js';

let temporary: ReturnType<typeof temporaryFolder>;
let state: string;
let client: StarlingClient | undefined;
let pidsSeen: number[];
/** Whatever was started last. */
let next: StarlingUp | undefined;

/** The tests of a story go on where the one before has left the cluster: most of the time is that of starts. */
function story(): void {
  beforeAll(() => {
    temporary = temporaryFolder();
    state = path.join(temporary.folder, 'state');
    pidsSeen = [];
  });
  afterAll(async () => {
    await client?.close();
    client = undefined;
    await next?.stop();
    next = undefined;
    // What a failed test has left; nobody else supervises it.
    for (const pid of pidsSeen) if (isRunning(pid)) process.kill(pid, 'SIGKILL');
    temporary.remove();
  });
}

const isRunning = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false; // No such process: that is the answer.
  }
};

function configWith(changes: Record<string, unknown> = {}): string {
  const file = path.join(temporary.folder, `${randomUUID()}.json`);
  writeFileSync(file, JSON.stringify({ ...leanConfig, ...changes }));
  return file;
}

async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const endMs = Date.now() + 60_000;
  while (!(await holds())) {
    if (Date.now() > endMs) throw new Error(`not in time: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

const learning = ({ ready, actors }: ClusterStatus): boolean =>
  ready && actorsOf(actors, 'trainer').some(({ stats }) => Number(stats.samples) > 0);

/** Started, seen to learn, and killed with SIGKILL. */
async function killedCluster(config: string): Promise<ClusterStatus> {
  const up = new StarlingUp(state, '--config', config);
  const status = await up.until('learning', learning);
  client = await connectByUrl();
  noteProcesses(status);
  up.killSupervisor();
  await up.finished;
  return status;
}

function noteProcesses({ actors, natsServers }: ClusterStatus): void {
  pidsSeen.push(...[...actors, ...natsServers].map(({ pid }) => pid!));
}

/** The state folder says where the cluster is only while its supervisor runs; the servers stay where they are. */
async function connectByUrl(): Promise<StarlingClient> {
  const { dataCenters, user, password } = await readClusterAccess(state);
  const urls = dataCenters.filter(({ role }) => role === 'inference').map(({ url }) => url);
  return connectStarling({ urls, user, password });
}

/** Asks for recommendations until it is asked for the failures. */
function askOn(): { failures: () => Promise<unknown[]> } {
  let asking = true;
  const failures: unknown[] = [];
  const asks = (async () => {
    for (let user = 0; asking; user++) {
      await client!.recommend({ user, k: 5 }).catch((error: unknown) => failures.push(error));
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  })();
  return {
    failures: async () => {
      asking = false;
      await asks;
      return failures;
    },
  };
}

const expectedOfAdoption: ReadonlySet<string> = new Set(['lead', 'adopt', 'ready']);

const identities = ({ actors }: ClusterStatus) =>
  actors.map(({ address, pid, epoch }) => ({ address, pid, epoch }));

const serversOf = ({ natsServers }: ClusterStatus) =>
  natsServers.map(({ dataCenter, pid }) => ({ dataCenter, pid }));

const samplesOf = ({ actors }: ClusterStatus): number =>
  Number(actorsOf(actors, 'trainer')[0]!.stats.samples);

describe('when the supervisor is killed', () => {
  story();

  test('its actors answer on, and the next one takes them over as they are', async () => {
    const config = configWith();
    const before = await killedCluster(config);
    for (let user = 0; user < 50; user++) {
      const { items } = await client!.recommend({ user, k: 5 });
      expect(items.length).toBeGreaterThan(0);
    }
    next = new StarlingUp(state, '--config', config);
    const asking = askOn();
    const after = await next.until('ready again', ({ ready }) => ready);
    expect(await asking.failures()).toEqual([]);
    // Says, too, why one of them did not live on.
    expect(after.events.filter(({ type }) => !expectedOfAdoption.has(type))).toEqual([]);
    expect(identities(after)).toEqual(identities(before));
    expect(serversOf(after)).toEqual(serversOf(before));
    expect(after.actors.map(({ restarts }) => restarts)).toEqual(after.actors.map(() => 0));
    const adopted = after.events.filter(({ type }) => type === 'adopt');
    expect(adopted.map(({ address }) => address).sort()).toEqual(
      before.actors.map(({ address }) => address).sort(),
    );

    await next.until('learning goes on', (now) => samplesOf(now) > samplesOf(after) + 100);
    const victim = after.actors.find(({ kind }) => kind === 'ps-shard')!;
    process.kill(victim.pid!, 'SIGKILL');
    const healed = await next.until('the killed shard is back', ({ ready, actors }) => {
      const now = actors.find(({ address }) => address === victim.address)!;
      return ready && now.epoch === victim.epoch + 1;
    });
    noteProcesses(healed);
  }, 180_000);

  test('the next one starts actors anew that it wants otherwise, and ends all of them when it stops', async () => {
    const before = (await next!.status())!;
    next!.killSupervisor();
    await next!.finished;
    const changed = configWith({ training: { batchRowsMax: 512 } });
    next = new StarlingUp(state, '--config', changed);
    const after = await next.until('ready again', ({ ready }) => ready);
    noteProcesses(after);
    expect(serversOf(after)).toEqual(serversOf(before));
    expect(after.actors.map(({ epoch }) => epoch)).toEqual(
      before.actors.map(({ epoch }) => epoch + 1),
    );
    const actors = before.actors.map(({ pid }) => pid!);
    await until('the others have left', () => !actors.some(isRunning));
    expect((await next.stop()).code).toBe(0);
    await until('no process is left', () => !pidsSeen.some(isRunning));
  }, 180_000);
});

describe('when the supervisor is killed and nobody comes', () => {
  story();

  test('its actors leave, and a later start goes on from their state', async () => {
    const config = configWith({ supervision: { orphanMs: 1_000 } });
    const before = await killedCluster(config);
    const actors = before.actors.map(({ pid }) => pid!);
    await until('the actors have left', () => !actors.some(isRunning));
    const log = readFileSync(path.join(state, 'logs', 'train.process.0.log'), 'utf8');
    expect(log).toContain('no supervisor within 1000 ms');

    next = new StarlingUp(state, '--config', config);
    const after = await next.until('ready again', ({ ready }) => ready);
    noteProcesses(after);
    for (const { address, epoch } of before.actors)
      expect(after.actors.find((actor) => actor.address === address)).toMatchObject({
        epoch: epoch + 1,
      });
    const applied = ({ actors }: ClusterStatus): number =>
      Math.min(...actorsOf(actors, 'ps-shard').map(({ stats }) => Number(stats.appliedThrough)));
    expect(applied(after)).toBeGreaterThanOrEqual(applied(before));
  }, 180_000);

  test('two Ctrl-C in a row take all with it', async () => {
    next!.interrupt();
    // Signals that come at once may be seen as one.
    await new Promise((resolve) => setTimeout(resolve, 50));
    next!.interrupt();
    await next!.finished;
    await until('no process is left', () => !pidsSeen.some(isRunning));
  }, 180_000);
});
