import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, test } from '@jest/globals';
import base from '../../cluster.config.js';
import { codeOf, messageOf } from '../../core/base/errors.js';
import { protocolVersion } from '../../messages/codec.js';
import { subject } from '../../messages/default-names.testkit.js';
import { readClusterAccess } from '../../runtime/cluster-file.js';
import { call } from '../../runtime/idempotent-call.js';
import { connectAs, type NatsBus } from '../../runtime/nats/nats-bus.js';
import { StarlingUp, temporaryFolder } from '../support/starling-process.js';

/** All three data centers, with as few actors as do everything there, and people who ask by themselves. */
const config = {
  ...base,
  actors: { ...base.actors, 'ps-shard': 1, ranker: 1 },
  // The audience gives up after two seconds, which a machine with other work may need for any answer: it only brings the
  // cluster what there is to learn.
  simulation: { users: 200, items: 100, requestsPerSecond: 2 },
  // What is asked too early gets no answer, however long it waits; what is slow here is a machine with other work.
  serving: { deadlineMs: 15_000 },
};
/** Whoever asks once, as the `nats` command line does: what a client would get by trying again counts as failed. */
const once = { deadlineMs: 30_000, retry: 'none' } as const;
const askedMs = 4_000;
const pauseMs = 200;

const temporary = temporaryFolder();
let cluster: StarlingUp | undefined;

afterAll(async () => {
  await cluster?.stop();
  temporary.remove();
});

interface Site {
  readonly dataCenter: string;
  readonly bus: NatsBus;
}

/** As a client of each data center. */
async function connectEverywhere(stateDir: string): Promise<Site[]> {
  const { name: cluster, dataCenters, user, password } = await readClusterAccess(stateDir);
  return Promise.all(
    dataCenters.map(async ({ name, url }) => {
      const bus = await connectAs({ cluster, url: [url], user, password }, { name: 'test' });
      return { dataCenter: name, bus };
    }),
  );
}

/** Every public request, in one data center after the other, again and again. */
async function askEverywhere(sites: readonly Site[]) {
  const failures: string[] = [];
  const asked: Promise<unknown>[] = [];
  const ask = ({ dataCenter, bus }: Site, name: string, request: unknown): void => {
    const answer = call(bus, name, request, once).catch((error: unknown) =>
      failures.push(`${dataCenter} ${name}: ${codeOf(error)}: ${messageOf(error)}`),
    );
    asked.push(answer);
  };
  for (let i = 0; i * pauseMs < askedMs; i++) {
    const site = sites[i % sites.length]!;
    ask(site, subject.recommend, { user: `u${i}`, k: 5 });
    ask(site, subject.rank, { user: `u${i}`, candidates: ['i1', 'i2'] });
    ask(site, subject.status, { v: protocolVersion });
    await sleep(pauseMs);
  }
  await Promise.all(asked);
  return { count: asked.length, failures };
}

describe('after the first ready', () => {
  // The second start has what the first has learned, and replays it.
  test.each(['a new cluster', 'one that has been there'])(
    'no request to %s fails, in any data center',
    async () => {
      const file = path.join(temporary.folder, 'cluster.json');
      writeFileSync(file, JSON.stringify(config));
      cluster = new StarlingUp(path.join(temporary.folder, 'state'), '--config', file);
      await cluster.until('ready', ({ ready }) => ready, 90_000);
      const sites = await connectEverywhere(cluster.stateDir);
      const { count, failures } = await askEverywhere(sites);
      await Promise.all(sites.map(({ bus }) => bus.close()));
      const { code } = await cluster.stop();
      expect(failures).toEqual([]);
      expect(count).toBeGreaterThan(50);
      expect(code).toBe(0);
    },
    180_000,
  );
});
