import { expect, test } from '@jest/globals';
import { storeConfig } from '../../cluster/config/config-versions.js';
import { nextConfig } from '../../cluster/config/next-config.js';
import { RolloutKeeper } from '../../cluster/config/rollout-keeper.js';
import { noteRunning, RunningConfigs } from '../../cluster/config/running-configs.js';
import type { ActorStatus } from '../../messages/actor-status.js';
import { parseClusterConfig } from '../../core/config/schema.js';
import { leanConfig } from '../support/lean-config.js';
import { memoryWorld } from '../support/memory-world.js';

test('a change that a former leader has begun, who took himself for the leader still, is brought to its end', async () => {
  const { time, connect } = memoryWorld(1);
  const config = parseClusterConfig(leanConfig);
  const bus = connect();
  await time.run(storeConfig(bus, config, { version: 1, note: 'first' }));
  await time.run(noteRunning(bus, config.dataCenters, 1));

  /** Of a host that sees the actors of all data centers ready, once they may run, and gone, once they may not. */
  const leaderOf = async (term: number, seesActors: boolean) => {
    const own = connect();
    const log = (): void => undefined;
    const started = { version: 1, config };
    const configs = await time.run(
      RunningConfigs.open({ bus: own, started, here: (each) => each, log }),
    );
    const view = {
      hosts: () => [],
      actors: () =>
        config.dataCenters.map(
          ({ name }) => ({ dataCenter: name, state: 'ready' }) as unknown as ActorStatus,
        ),
      until: async (holds: () => boolean) => {
        while (!seesActors) await new Promise<void>((resolve) => own.clock.after(1_000, resolve));
        return holds();
      },
      serves: () => true,
    };
    const keeper = new RolloutKeeper({
      ...{ bus: own, config, term, configs, view: view, log },
      drainer: { drain: async () => undefined, undrain: async () => undefined },
      drains: { isDrained: () => false, entries: new Map() },
      record: () => undefined,
    });
    return { keeper, configs };
  };
  const former = await leaderOf(2, false);
  const leader = await leaderOf(3, true);
  leader.keeper.resume();
  await time.pass(1_000);

  const { config: next, version } = nextConfig(
    config,
    { ...config, serving: { ...config.serving, hedgeMs: config.serving.hedgeMs + 1 } },
    [],
  );
  await time.run(storeConfig(bus, next, { version, note: 'applied' }));
  const begun = former.keeper.roll(() => undefined).catch(() => undefined);
  await time.pass(1_000);
  const training = config.dataCenters[0]!.name;
  expect(leader.configs.isStopped(training)).toBe(true);

  await time.pass(15_000);
  expect(leader.configs.isStopped(training)).toBe(false);
  for (const { name } of config.dataCenters) expect(leader.configs.versionIn(name)).toBe(version);
  await time.run(leader.keeper.stop());
  void begun;
});
