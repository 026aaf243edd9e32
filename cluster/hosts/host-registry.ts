import { createActor, type Actor } from 'xstate';
import type { HostRecord } from '../../messages/hosts.js';
import { decodeHost, hostKeys, hostOfKey } from '../../messages/hosts.js';
import { clusterBucket } from '../../messages/streams.js';
import type { Stoppable } from '../../runtime/bus.js';
import { LeaseWatch, type LeaseBus } from '../leadership/lease-watch.js';
import type { PlacementHost } from '../placement/assign-hosts.js';
import { hostMachine } from './host.machine.js';

export interface RegistryOptions {
  readonly bus: LeaseBus;
  readonly leaseMs: number;
  readonly calmMs: number;
}

export type HostState = 'joining' | 'steady' | 'lost' | 'left';
type Listener = (host: string, state: HostState) => void;

interface Known {
  record: HostRecord;
  readonly machine: Actor<typeof hostMachine>;
}

/** The hosts there are. Everybody who may lead watches them, so that a new leader need not wait who is still there. */
export class HostRegistry implements Stoppable {
  readonly #options: RegistryOptions;
  readonly #hosts = new Map<string, Known>();
  readonly #leases: LeaseWatch;
  readonly #listeners = new Set<Listener>();
  #watch: Stoppable | undefined;

  private constructor(options: RegistryOptions) {
    this.#options = options;
    this.#leases = new LeaseWatch(options.bus, {
      keys: hostKeys,
      leaseMs: options.leaseMs,
      presumeHeld: true,
      onExpired: (key) => this.#hosts.get(hostOfKey(key)!)?.machine.send({ type: 'EXPIRED' }),
    });
  }

  /** Resolves when the hosts that have a key are known. */
  static async open(options: RegistryOptions): Promise<HostRegistry> {
    const registry = new HostRegistry(options);
    await registry.#leases.start();
    registry.#watch = await options.bus.bucketWatch(clusterBucket, hostKeys, (key, { bytes }) => {
      registry.#observe(key, decodeHost(bytes));
    });
    return registry;
  }

  /** Hears of every host whose use for actors has changed. */
  onChange(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async stop(): Promise<void> {
    this.#listeners.clear();
    for (const { machine } of this.#hosts.values()) machine.stop();
    await this.#watch?.stop();
    await this.#leases.stop();
  }

  /** Those that may run actors. */
  get hosts(): PlacementHost[] {
    return [...this.#hosts.values()].flatMap(({ record, machine }) => {
      const state = machine.getSnapshot().value;
      if (state === 'lost' || state === 'left') return [];
      const { name, dataCenters, capacity } = record;
      return [{ name, dataCenters, capacity, steady: state === 'steady' }];
    });
  }

  #observe(key: string, record: HostRecord): void {
    const known = this.#hosts.get(record.name) ?? this.#meet(record);
    known.record = record;
    if (record.left) this.#leases.forget(key);
    known.machine.send({ type: record.left ? 'LEFT' : 'RENEWED' });
  }

  #meet(record: HostRecord): Known {
    const { calmMs } = this.#options;
    const machine = createActor(
      hostMachine.provide({
        actions: {
          // Effects run before the machine has its new state.
          changed: () =>
            queueMicrotask(() => {
              const state = machine.getSnapshot().value;
              for (const listener of this.#listeners) listener(record.name, state);
            }),
        },
      }),
      { input: { calmMs } },
    );
    const known = { record, machine };
    this.#hosts.set(record.name, known);
    machine.start();
    return known;
  }
}
