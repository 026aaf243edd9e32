import { fileURLToPath } from 'node:url';
import { system } from '../../runtime/system.js';
import { FileEpochStore } from '../epochs.js';
import { ActorLauncher } from '../actor-launcher.js';
import { HostSupervisor } from '../host-supervisor.js';
import type { ActorSpec } from '../../messages/actor-spec.js';
import type { FixtureConfig } from '../fixture-actor.testkit.js';
import { Adoption } from './adoption.js';

/**
 * A supervisor in a process of its own, for tests that kill it. Its argument says what to supervise; it writes the
 * status of its actors, once all are ready, and goes on.
 */
export interface FixtureSupervision {
  readonly stateDir: string;
  readonly specs: readonly ActorSpec[];
  readonly config: FixtureConfig;
  /** Whether the actors of a data center share a process. */
  readonly together: boolean;
}

const { stateDir, specs, config, together } = JSON.parse(process.argv[2]!) as FixtureSupervision;
const supervisor = new HostSupervisor({
  ...system,
  launcher: new ActorLauncher({
    entry: fileURLToPath(new URL('../fixture-actor.testkit.js', import.meta.url)),
    stateDir,
    processOf: ({ dataCenter, address }) => (together ? `${dataCenter}.process.0` : address),
    configIn: () => config,
    natsOf: (dataCenter, kind) => ({
      cluster: 'starling',
      url: [],
      user: `${dataCenter}-${kind}`,
      password: 'secret',
    }),
    adoption: await Adoption.open({ stateDir }),
  }),
  epochs: await FileEpochStore.open(stateDir),
  record: () => undefined,
});
supervisor.start(specs);
await supervisor.waitUntilReady(30_000);
process.stdout.write(JSON.stringify(supervisor.snapshot()));
