import { isDeepStrictEqual } from 'node:util';
import { every, type Cancel } from '../../core/base/clock.js';
import { codeOf, messageOf } from '../../core/base/errors.js';
import type { TimeAndChance } from '../../core/base/random.js';
import type { ClusterConfig } from '../../core/config/schema.js';
import type { ModelRecord } from '../../messages/models.js';
import type { ActorStatus } from '../../messages/actor-status.js';
import type { SupervisionEvent } from '../../messages/supervision-events.js';
import type { Stoppable } from '../../runtime/stoppable.js';
import type { RetryPolicy } from '../../runtime/retry.js';
import { retry } from '../../runtime/retry.js';
import type { Move } from './assign-hosts.js';
import { assign, improve } from './assign-hosts.js';
import type { ClusterView } from '../hosts/cluster-view.js';
import type { HostRegistry } from '../hosts/host-registry.js';
import { specsOf } from './actor-placement.js';
import type { PlacementStore } from './placement-store.js';
import type { ActorSpec } from '../../messages/actor-spec.js';
import type { ActorCounts } from '../operations/scale.js';

/** Between two looks whether a move would balance hosts. Each moves one actor at most. */
const balanceMs = 2_000;
const placePolicy: RetryPolicy = {
  baseMs: 500,
  capMs: 2_000,
  worth: (error) => codeOf(error) !== 'FENCED',
};
/** For so long an actor is not tried again on a host that has given it up, while there is another. */
const failedMs = 10 * 60_000;

export interface PlacementKeeperOptions extends TimeAndChance {
  readonly config: ClusterConfig;
  readonly term: number;
  readonly store: PlacementStore;
  readonly registry: HostRegistry;
  readonly view: ClusterView;
  readonly counts: ActorCounts;
  /** Beside `main`. */
  readonly models: () => readonly ModelRecord[];
  readonly record: (event: Omit<SupervisionEvent, 'atMs'>) => void;
  /** What can't be done, for instance because a newer leader has done something. */
  readonly failed: (error: unknown) => void;
}

/** Decides which host runs which actor, whenever hosts come and go or the numbers of actors change. */
export class PlacementKeeper implements Stoppable {
  readonly #options: PlacementKeeperOptions;
  readonly #cancel: Cancel;
  #counts: ActorCounts;
  #hosts: Record<string, string>;
  #writing: Promise<void> = Promise.resolve();
  readonly #stopping = new AbortController();
  /** By address and host: when it failed there for good. */
  readonly #failures = new Map<string, Map<string, number>>();

  constructor(options: PlacementKeeperOptions) {
    this.#options = options;
    this.#counts = options.counts;
    this.#hosts = { ...options.store.record?.hosts };
    this.#cancel = every(options.clock, balanceMs, () => this.#balance());
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#cancel();
    await this.#writing.catch(() => undefined); // Told to who asked.
  }

  /** Of the plan, written or not. */
  hostOf(address: string): string | undefined {
    return this.#hosts[address];
  }

  /** Plans without writing: what must be prepared before actors start can look at it. */
  plan(): void {
    const { config, registry } = this.#options;
    const specs = specsOf(config, this.#record());
    this.#hosts = assign(specs, registry.hosts, this.#hosts);
  }

  /** @throws StarlingError FENCED when this leader's time is over. */
  place(counts: ActorCounts = this.#counts): Promise<void> {
    this.#counts = counts;
    const placed = this.#writing
      .catch(() => undefined)
      .then(async () => {
        this.plan();
        await this.#write();
      });
    this.#writing = placed;
    return placed;
  }

  /** As `place`, tried again until it is written or somebody else leads. */
  placeSoon(): void {
    const { signal } = this.#stopping;
    if (signal.aborted) return;
    const { failed } = this.#options;
    retry(this.#options, placePolicy, () => this.place(), { failed, signal }).catch(failed);
  }

  async #write(): Promise<void> {
    const { store, record, config } = this.#options;
    const before = store.record;
    const next = this.#record();
    if (before && before.term === next.term && same(before, next)) return store.confirm(next.term);
    await store.write(next);
    for (const { address } of specsOf(config, next)) {
      const host = next.hosts[address];
      const was = before?.hosts[address];
      if (host === was) continue;
      const detail = host === undefined ? `no host can take it` : `to ${host}`;
      record({
        address,
        type: 'place',
        detail: was === undefined ? detail : `${detail}, was on ${was}`,
        epoch: 0,
      });
    }
  }

  /** One actor at a time, while all others are well: each move is a restart. */
  #balance(): void {
    const { view, registry, config } = this.#options;
    if (this.#stopping.signal.aborted) return;
    const specs = specsOf(config, this.#record());
    const move = view.ready
      ? improve(specs, registry.hosts, this.#hosts)
      : this.#wayOut(view.actors(), specs);
    if (!move) return;
    this.#hosts = { ...this.#hosts, [move.address]: move.to };
    this.placeSoon();
  }

  /** An actor that its host has given up may do better on another, where it has not failed lately. */
  #wayOut(actors: readonly ActorStatus[], specs: readonly ActorSpec[]): Move | undefined {
    const nowMs = this.#options.clock.nowMs();
    for (const { address, state, host } of actors) {
      const spec = specs.find((each) => each.address === address);
      if (state !== 'failed' || !spec || this.#hosts[address] !== host) continue;
      const failures = this.#failures.get(address) ?? new Map<string, number>();
      this.#failures.set(address, failures.set(host, nowMs));
      const fresh = this.#options.registry.hosts.filter(
        ({ name }) => nowMs - (failures.get(name) ?? -Infinity) > failedMs,
      );
      const to = assign([spec], fresh, {})[address];
      if (to !== undefined) return { address, from: host, to };
    }
    return undefined;
  }

  #record() {
    const { term, models: all } = this.#options;
    const models = all();
    const listed = models.length > 0 ? { models } : {};
    return { term, counts: this.#counts, hosts: this.#hosts, ...listed };
  }
}

type Written = { readonly counts: object; readonly hosts: object; readonly models?: unknown };

function same(one: Written, other: Written): boolean {
  return (
    sameMap(one.counts, other.counts) &&
    sameMap(one.hosts, other.hosts) &&
    isDeepStrictEqual(one.models, other.models)
  );
}

function sameMap(one: object, other: object): boolean {
  const [a, b] = [Object.entries(one), new Map(Object.entries(other))];
  return a.length === b.size && a.every(([key, value]) => b.get(key) === value);
}

/** One line for the log of the host. */
export function placementFailure(error: unknown): string {
  return `actors can't be placed now: ${codeOf(error)}: ${messageOf(error)}`;
}
