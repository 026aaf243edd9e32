import { describe, expect, test } from '@jest/globals';
import { operate } from '../../client/operate.js';
import { runs } from '../../core/base/runs.testkit.js';
import { codeOf, messageOf } from '../../core/base/errors.js';
import { parseClusterConfig } from '../../core/config/schema.js';
import { actorsOf } from '../../messages/actor-status.js';
import { decodeRollout, rolloutKey } from '../../messages/rollouts.js';
import { QuietCheck } from '../checks/quiet-check.js';
import { SimulatedAudience } from './simulated-audience.js';
import { SimulatedCluster } from './simulated-cluster.js';
import { simulatedShape } from './simulated-config.js';

const hosts = { h1: ['train'], h2: ['train', 'east'], h3: ['east', 'west'], h4: ['west'] };

const others = Object.fromEntries(
  Object.entries(simulatedShape.features).filter(([name]) => name !== 'age'),
);
/** A feature less, two more, in another order, and one that is longer. */
const changed = {
  ...simulatedShape,
  features: {
    country: { entity: 'user', kind: 'id' },
    ...others,
    recent: { ...simulatedShape.features.recent, length: 5 },
    taps: { entity: 'user', kind: 'count' },
  },
};

/** As a file of it is bundled. */
const ownNetwork = (units: number): string => `
const { headParameters, inputParts, inputsOf, linearParameters, linearTerms, partsWidth, withOwn } = require('starling/config');
exports.default = {
  parameters: (spec) => [
    ...linearParameters(spec),
    ...headParameters(spec),
    { name: 'hidden', shape: [partsWidth(inputParts, spec), ${units}], initial: 'glorot', rows: inputParts },
    { name: 'out', shape: [${units}, spec.heads], initial: 'glorot', columns: 'heads' },
  ],
  forward: (blocks, inputs, p, spec) => {
    const hidden = blocks.sigmoid(blocks.denseLayer(inputsOf(blocks, inputs), p.matrix('hidden'), null, false));
    const own = blocks.denseLayer(hidden, p.matrix('out'), null, false);
    return withOwn(blocks, linearTerms(blocks, inputs, p), own, p, spec);
  },
};`;

/** Who runs it, who uses it, and what was told of failures. */
async function started(seed: number) {
  const failures: string[] = [];
  const config = parseClusterConfig(simulatedShape);
  const cluster = await SimulatedCluster.make({
    ...{ seed, config, hosts, changes: true },
    onFailed: (name, code, message) => failures.push(`${name}: ${code}: ${message}`),
  });
  for (const host of cluster.hosts) host.start();
  const stray = (error: unknown): never => {
    throw error;
  };
  const audiences = ['east', 'west'].map((dataCenter) => {
    const process = cluster.outsider(`people of ${dataCenter}`, stray);
    const client = cluster.client(process, dataCenter);
    return new SimulatedAudience({ process, client, users: 20, items: 30, everyMs: 1_000 });
  });
  const bus = cluster.connect(cluster.outsider('operator', stray), 'train');
  const members = () => cluster.hosts.flatMap(({ member }) => member ?? []);
  const status = () => (members().find((member) => member.leads()) ?? members()[0])!.view.status();
  await cluster.time.pass(20_000);
  expect(status().ready).toBe(true);
  return { cluster, audiences, bus, status, failures };
}

type Started = Awaited<ReturnType<typeof started>>;

function change({ bus }: Started, to: object | number, allowed: readonly string[] = []) {
  const state: { outcome?: string; told: string[] } = { told: [] };
  const wanted = typeof to === 'number' ? to : JSON.stringify(parseClusterConfig(to));
  operate(bus, 'config', { to: wanted, allowed }, ({ text }) => state.told.push(text)).then(
    () => (state.outcome = 'done'),
    (error: unknown) => (state.outcome = `${codeOf(error)}: ${messageOf(error)}`),
  );
  return state;
}

async function passUntil({ cluster }: Started, holds: () => boolean): Promise<void> {
  for (let looks = 0; looks < 150 && !holds(); looks++) await cluster.time.pass(1_000);
  expect(holds()).toBe(true);
}

/** All of it: what is learned balances, and all copies are equal. */
async function whatIsWrong({ cluster, bus, status }: Started): Promise<string | undefined> {
  let wrong: string | undefined | null = null;
  void new QuietCheck(bus, status, async () => undefined)
    .wrongAfter(60_000)
    .then((found) => (wrong = found));
  for (let looks = 0; looks < 70 && wrong === null; looks++) await cluster.time.pass(1_000);
  return wrong ?? (wrong === null ? 'the look does not end' : undefined);
}

async function rolloutOf({ bus, cluster }: Started) {
  let found: ReturnType<typeof decodeRollout> | undefined;
  void bus.bucketGet(bus.names.bucket, rolloutKey).then((bytes) => (found = decodeRollout(bytes!)));
  await cluster.time.pass(100);
  return found!;
}

const stepsOf = ({ status }: Started): number =>
  actorsOf(status().actors, 'trainer').reduce((sum, { stats }) => sum + (stats.steps ?? 0), 0);

describe('a configuration that changes while the cluster runs', () => {
  test('loses no event and no answer, and what was learned goes on', async () => {
    const world = await started(11);
    const refused = change(world, changed);
    await passUntil(world, () => refused.outcome !== undefined);
    expect(refused.outcome).toMatch(/^CHANGE_REFUSED: .*--allow forget:age/s);

    const done = change(world, changed, ['age']);
    await passUntil(world, () => done.outcome !== undefined);
    expect(done).toMatchObject({ outcome: 'done' });
    expect(done.told.filter((text) => text.includes('runs version'))).toEqual([
      'east runs version 2',
      'west runs version 2',
      'train runs version 2',
    ]);
    expect(await rolloutOf(world)).toMatchObject({
      versions: { train: 2, east: 2, west: 2 },
      ...{ stopped: [], drained: [] },
    });

    const before = stepsOf(world);
    await world.cluster.time.pass(20_000);
    expect(stepsOf(world)).toBeGreaterThan(before);
    expect(await whatIsWrong(world)).toBeUndefined();
    for (const audience of world.audiences)
      expect({ refused: [...audience.refusals] }).toEqual({ refused: [] });
    expect(world.failures).toEqual([]);
  });

  test('and goes back, with what came since forgotten', async () => {
    const world = await started(12);
    const there = change(world, changed, ['age']);
    await passUntil(world, () => there.outcome !== undefined);
    const back = change(world, 1, ['country', 'taps']);
    await passUntil(world, () => back.outcome !== undefined);
    expect([there.outcome, back.outcome]).toEqual(['done', 'done']);
    expect((await rolloutOf(world)).versions).toEqual({ train: 3, east: 3, west: 3 });
    expect(await whatIsWrong(world)).toBeUndefined();
    expect(world.failures).toEqual([]);
  });

  test('may begin all rows and the network anew, and keeps what is known of people', async () => {
    const world = await started(14);
    const wider = {
      ...simulatedShape,
      model: { ...simulatedShape.model, factorDim: 6, hidden: [5, 3] },
    };
    const done = change(world, wider, ['model.rows', 'model.network']);
    await passUntil(world, () => done.outcome !== undefined);
    expect(done.outcome).toBe('done');
    await world.cluster.time.pass(10_000);
    expect(await whatIsWrong(world)).toBeUndefined();
    expect(world.failures).toEqual([]);
  });

  test('may be to a network of one’s own, to another code of it, and to one that looks at histories', async () => {
    const world = await started(16);
    const to = async (model: object, allowed: readonly string[] = []) => {
      const shape = { ...simulatedShape, model: { ...simulatedShape.model, ...model } };
      const done = change(world, shape, allowed);
      await passUntil(world, () => done.outcome !== undefined);
      expect(done).toMatchObject({ outcome: 'done' });
      const before = stepsOf(world);
      await world.cluster.time.pass(10_000);
      expect(stepsOf(world)).toBeGreaterThan(before);
      expect(await whatIsWrong(world)).toBeUndefined();
    };
    const network = './mine.ts';
    await to({ network, networkCode: ownNetwork(4) }, ['model.network']);
    await to({ network, networkCode: ownNetwork(5) });
    await to({ network: 'transformer' }, ['model.network']);
    for (const audience of world.audiences)
      expect({ refused: [...audience.refusals] }).toEqual({ refused: [] });
    expect(world.failures).toEqual([]);
  });

  test('leaves a data center out of service that somebody has taken out', async () => {
    const world = await started(15);
    const { bus, cluster, status } = world;
    let drained = false;
    void operate(bus, 'drain', { dataCenter: 'west' }, () => undefined).then(
      () => (drained = true),
    );
    await passUntil(world, () => drained);
    const done = change(world, changed, ['age']);
    await passUntil(world, () => done.outcome !== undefined);
    expect(done.outcome).toBe('done');
    expect(done.told.filter((text) => text.includes('runs version'))).toEqual([
      'west runs version 2',
      'east runs version 2',
      'train runs version 2',
    ]);
    await cluster.time.pass(10_000);
    const states = Object.fromEntries(status().dataCenters.map(({ name, state }) => [name, state]));
    expect(states).toEqual({ train: 'healthy', east: 'healthy', west: 'drained' });
    expect(world.failures).toEqual([]);
  });

  test('is followed by a host that was away', async () => {
    const world = await started(13);
    const { cluster } = world;
    const away = cluster.host('h4');
    away.crash(true);
    await cluster.time.pass(15_000);
    const done = change(world, changed, ['age']);
    await passUntil(world, () => done.outcome !== undefined);
    expect(done.outcome).toBe('done');
    away.start();
    await passUntil(world, () => away.actors.length > 0);
    expect(await whatIsWrong(world)).toBeUndefined();
    expect(world.failures).toEqual([]);
  });

  // At one of three steps, or at each with STARLING_RUNS=3; seeds of `starling simulate` do so at any moment.
  const lost = Array.from({ length: Math.min(3, runs(1)) }, (_unused, i) => 22 - i);
  test.each(lost)('goes on when its leader is lost meanwhile (seed %d)', async (seed) => {
    const world = await started(seed);
    const done = change(world, changed, ['age']);
    await passUntil(world, () => done.told.length > seed % 3);
    const { cluster, status } = world;
    cluster.host(status().leader).crash();
    const versions = async () => Object.values((await rolloutOf(world)).versions);
    for (let looks = 0; looks < 60; looks++) {
      await cluster.time.pass(2_000);
      if ((await versions()).every((each) => each === 2) && status().ready) break;
    }
    expect(await rolloutOf(world)).toMatchObject({
      versions: { train: 2, east: 2, west: 2 },
      ...{ stopped: [], drained: [] },
    });
    expect(await whatIsWrong(world)).toBeUndefined();
    expect(status().dataCenters.map(({ state }) => state)).toEqual([
      'healthy',
      'healthy',
      'healthy',
    ]);
  });
});
