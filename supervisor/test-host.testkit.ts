import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ActorSpec } from '../messages/actor-spec.js';
import type { ActorStatus } from '../messages/actor-status.js';
import type { SupervisionEvent } from '../messages/supervision-events.js';
import { system } from '../runtime/system.js';
import { ActorLauncher } from './actor-launcher.js';
import { FileEpochStore } from './epochs.js';
import type { FixtureManner } from './fixture-actor.testkit.js';
import { HostSupervisor, type Escalation, type HostSupervisorOptions } from './host-supervisor.js';

const entry = fileURLToPath(new URL('./fixture-actor.testkit.js', import.meta.url));

/** Whatever a test waits for. */
export const waitMs = 30_000;

/** A supervisor of actors that do nothing, in real processes, and what it has put on record. */
export class TestHost {
  stateDir = '';
  events: SupervisionEvent[] = [];
  escalations: Escalation[] = [];
  readyAddresses: string[] = [];
  #supervisor: HostSupervisor | undefined;

  get supervisor(): HostSupervisor {
    if (this.#supervisor === undefined) throw new Error('start it first');
    return this.#supervisor;
  }

  open = async (): Promise<void> => {
    this.stateDir = await mkdtemp(join(tmpdir(), 'starling-supervisor-'));
    this.events = [];
    this.escalations = [];
    this.readyAddresses = [];
  };

  close = async (): Promise<void> => {
    const pids = this.supervisor.snapshot().flatMap(({ pid }) => pid ?? []);
    this.supervisor.killAll();
    await this.until('no process is left', () => !pids.some(isAlive));
    // An epoch that is being written when its actor is called off may still land.
    await rm(this.stateDir, { recursive: true, force: true, maxRetries: 5 });
  };

  start = async (
    placed: readonly ActorSpec[],
    manners: Readonly<Record<string, FixtureManner>> = {},
    overrides: Partial<HostSupervisorOptions> = {},
    processOf: (spec: ActorSpec) => string = ({ address }) => address,
  ): Promise<void> => {
    const { stateDir, events, escalations, readyAddresses } = this;
    this.#supervisor = new HostSupervisor({
      ...system,
      launcher: new ActorLauncher({
        entry,
        processOf,
        stateDir,
        configIn: () => ({ manners }),
        natsOf: (dataCenter, kind) => ({
          ...{ cluster: 'starling', url: [], password: 'secret' },
          user: `${dataCenter}-${kind}`,
        }),
      }),
      epochs: await FileEpochStore.open(stateDir),
      record: (event) => {
        events.push(event);
        if (event.type === 'ready') readyAddresses.push(event.address);
      },
      onEscalate: (escalation) => escalations.push(escalation),
      policy: {
        restartsMax: 3,
        backoffMsMin: 10,
        backoffMsMax: 20,
        heartbeatSilenceMs: 1_000,
        suspectGraceMs: 300,
        drainMs: 3_000,
        coolDownMs: 500,
      },
      host: 'here',
      ...overrides,
    });
    this.#supervisor.start(placed);
  };

  statusOf = (address: string): ActorStatus => {
    const status = this.supervisor.snapshot().find((row) => row.address === address);
    if (status === undefined) throw new Error(`${address} is not supervised`);
    return status;
  };

  /** Types of the events of one address, in order. */
  storyOf = (address: string): string[] =>
    this.events.filter((event) => event.address === address).map(({ type }) => type);

  until = async (what: string, condition: () => boolean): Promise<void> => {
    const deadlineMs = Date.now() + waitMs;
    while (!condition()) {
      if (Date.now() > deadlineMs) {
        const events = JSON.stringify(this.events, null, 1);
        throw new Error(`waited in vain until ${what}; events:\n${events}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  };
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    // No such process: that is the answer.
    return false;
  }
}
