import { createActor, type Actor } from 'xstate';
import type { HostRecord } from '../../messages/hosts.js';
import { decodeHost, encodeRecord, hostKey, hostKeys, hostOfKey } from '../../messages/hosts.js';
import type { RecordBus, RecordKind } from '../../replication/fenced-record.js';
import { FencedRecords } from '../../replication/fenced-record.js';
import type { Stoppable } from '../../runtime/stoppable.js';
import { machineClock } from '../../runtime/machine-clock.js';
import { LeaseWatch, type LeaseBus } from '../leadership/lease-watch.js';
import type { PlacementHost } from '../placement/assign-hosts.js';
import { hostMachine } from './host.machine.js';

export interface RegistryOptions {
  readonly bus: LeaseBus & RecordBus;
  readonly leaseMs: number;
  readonly calmMs: number;
}

export type HostState = 'joining' | 'steady' | 'lost' | 'left';
type Listener = (host: string, state: HostState) => void;

/** Each host writes a key of its own, so there is nobody to fence. */
const hostRecords: RecordKind<string, HostRecord> = {
  pattern: hostKeys,
  keyOf: hostKey,
  idOf: hostOfKey,
  encode: encodeRecord,
  decode: decodeHost,
  termOf: () => 0,
  overText: (host) => `${host} is not written by others.`,
};

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
  readonly #records: FencedRecords<string, HostRecord>;

  private constructor(options: RegistryOptions) {
    this.#options = options;
    this.#records = new FencedRecords(options.bus, hostRecords);
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
    // What a watch that was interrupted tells once more is no renewal: it has the revision it had.
    registry.#records.onChange((_host, record) => registry.#observe(record));
    await registry.#records.watch(options.bus);
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
    await this.#records.stop();
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

  #observe(record: HostRecord): void {
    const known = this.#hosts.get(record.name) ?? this.#meet(record);
    known.record = record;
    if (record.left) this.#leases.forget(hostKey(record.name));
    known.machine.send({ type: record.left ? 'LEFT' : 'RENEWED' });
  }

  #meet(record: HostRecord): Known {
    const { bus, calmMs } = this.#options;
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
      { input: { calmMs }, clock: machineClock(bus.clock) },
    );
    const known = { record, machine };
    this.#hosts.set(record.name, known);
    machine.start();
    return known;
  }
}
