import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { StarlingError } from '../../core/base/errors.js';
import { parseClusterConfig } from '../../core/config/schema.js';
import { clusterBucket, streamName, subject } from '../../messages/default-names.testkit.js';
import type { NatsBus } from '../../runtime/nats/nats-bus.js';
import { ClusterStreams } from '../../site/cluster-streams.js';
import { hasOpenssl, makeCertificates } from '../support/certificates.js';
import { startDeployment, type DeploymentServers } from '../support/deployment-servers.js';
import { temporaryFolder } from '../support/starling-process.js';

const config = parseClusterConfig({
  features: { user: { entity: 'user', kind: 'id' }, item: { entity: 'item', kind: 'id' } },
  dataCenters: [
    { name: 'train', role: 'training', servers: 3 },
    { name: 'east', role: 'inference' },
  ],
});

const describeWithOpenssl = hasOpenssl ? describe : describe.skip;

describeWithOpenssl('servers from the files of nats-config (skipped without openssl)', () => {
  let temporary: ReturnType<typeof temporaryFolder>;
  let servers: DeploymentServers;
  let supervisor: NatsBus;

  beforeAll(async () => {
    temporary = temporaryFolder();
    const certificates = path.join(temporary.folder, 'tls');
    mkdirSync(certificates);
    servers = await startDeployment(config, temporary.folder, makeCertificates(certificates));
    const places = ['train', 'train', 'east'];
    const hosts = await Promise.all(places.map((each) => servers.connect('supervisor', each)));
    supervisor = hosts[0]!;
    // Hosts of a new cluster all find that there are no streams.
    await Promise.all(
      hosts.map((bus) => new ClusterStreams({ bus, config, placed: true }).prepare()),
    );
  }, 120_000);
  afterAll(async () => {
    await servers?.stop();
    temporary.remove();
  });

  test('hold three copies of each stream and of the keys where there are three, else one', async () => {
    const samples = await placeOf(supervisor, streamName.samples);
    expect(samples).toEqual({ cluster: 'train', replicas: 3, others: 2 });
    expect(await placeOf(supervisor, `KV_${clusterBucket}`)).toEqual(samples);
    const raw = { cluster: 'east', replicas: 1, others: 0 };
    expect(await placeOf(supervisor, streamName.raw('east'))).toEqual(raw);
  });

  test('copy what is there when a data center gets more servers', async () => {
    const declaration = {
      name: 'GROWS',
      cluster: 'train',
      subjects: ['grows'],
      maxAgeMs: 0,
      discard: 'new',
      duplicateWindowMs: 120_000,
    } as const;
    await supervisor.declareStream(declaration, true);
    await supervisor.append('grows', new Uint8Array(8));
    const single = { cluster: 'train', replicas: 1, others: 0 };
    expect(await placeOf(supervisor, 'GROWS')).toEqual(single);
    await supervisor.declareStream({ ...declaration, replicas: 3 }, true);
    expect((await placeOf(supervisor, 'GROWS')).replicas).toBe(3);
    // While the group forms, more are counted than there are.
    while ((await placeOf(supervisor, 'GROWS')).others !== 2) await sleep(50);
    expect(await untilDone(() => supervisor.append('grows', new Uint8Array(8)))).toBe(2);
  });

  test('keep their copies when ingest is closed and opened again', async () => {
    for (const open of [false, true]) {
      await new ClusterStreams({ bus: supervisor, config, placed: true }).setIngest(open);
      expect((await placeOf(supervisor, streamName.raw('train'))).replicas).toBe(3);
    }
  });

  test('let every role in, and hold it to its subjects', async () => {
    const ranker = await servers.connect('ranker', 'east');
    ranker.serve(subject.rank, { queue: 'ranker' }, (bytes) => bytes);
    await ranker.flush();
    const client = await servers.connect('client', 'train');
    const question = new Uint8Array([1, 2, 3]);
    expect(await client.request(subject.rank, question, { timeoutMs: 10_000 })).toEqual(question);
    await client.append('starling.ingest.action', question);
    expect((await supervisor.streamState(streamName.raw('train'))).messages).toBe(1);
  });

  test('go on when the one of three is killed to which everybody was connected', async () => {
    const append = (i: number) =>
      untilDone(() =>
        supervisor.append('starling.samples.0', new Uint8Array(8), {
          messageId: `sample-${i}`,
          timeoutMs: 2_000,
        }),
      );
    expect(await append(0)).toBe(1);
    await servers.kill('train-1');
    for (let i = 1; i <= 20; i++) expect(await append(i)).toBe(i + 1);
    await untilDone(() => supervisor.bucketPut(clusterBucket, 'lease.test', new Uint8Array(1)));
    expect((await supervisor.streamState(streamName.samples)).messages).toBe(21);
  }, 120_000);
});

async function placeOf(bus: NatsBus, stream: string) {
  const reply = await bus.request(`$JS.API.STREAM.INFO.${stream}`, new Uint8Array(), {
    timeoutMs: 10_000,
  });
  const { config: declared, cluster } = JSON.parse(Buffer.from(reply).toString()) as {
    config: { num_replicas: number };
    cluster: { name: string; replicas?: unknown[] };
  };
  const others = cluster.replicas?.length ?? 0;
  return { cluster: cluster.name, replicas: declared.num_replicas, others };
}

/** The vote for a new leader takes some seconds; until then, nothing is acknowledged. */
async function untilDone<T>(act: () => Promise<T>): Promise<T> {
  const endMs = Date.now() + 60_000;
  for (;;) {
    try {
      return await act();
    } catch (error) {
      if (Date.now() > endMs || !(error as StarlingError).retryable) throw error;
      await sleep(100);
    }
  }
}
