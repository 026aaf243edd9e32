import type { ActorSpec } from '../../messages/actor-spec.js';

/** A host that may run actors now. */
export interface PlacementHost {
  readonly name: string;
  readonly dataCenters: readonly string[];
  /** Most actors it takes. */
  readonly capacity: number;
  /** It has been there for a while, so actors may be moved to it for balance. */
  readonly steady: boolean;
}

/** By address: the name of a host. */
export type Assignment = Readonly<Record<string, string>>;

export interface Move {
  readonly address: string;
  readonly from: string;
  readonly to: string;
}

/**
 * Where each actor should run: pure functions, so that every leader who knows the hosts plans the same.
 *
 * An actor stays where it is while its host is there and has room. One that has none goes to a host of its data center
 * with room: first to where the fewest of its own kind are, so that the loss of a host never takes all replicas while
 * another could have had one, then to the one with the smallest share of its capacity in use. If there is none, it stays
 * with a host that is lost: that may only be cut off from here, and its actors at work.
 *
 * @returns without those that no host can take, nor has had.
 */
export function assign(
  specs: readonly ActorSpec[],
  hosts: readonly PlacementHost[],
  current: Assignment,
): Record<string, string> {
  const usage = new Usage(hosts);
  const placed: Record<string, string> = {};
  for (const spec of specs) {
    const host = usage.host(current[spec.address]);
    if (!host?.dataCenters.includes(spec.dataCenter)) continue;
    if (usage.count(host.name) >= host.capacity) continue;
    placed[spec.address] = host.name;
    usage.add(host.name, spec);
  }
  for (const spec of specs) {
    if (placed[spec.address] !== undefined) continue;
    const [best] = hosts
      .filter(({ dataCenters }) => dataCenters.includes(spec.dataCenter))
      .filter((host) => usage.count(host.name) < host.capacity)
      .sort(
        (a, b) =>
          usage.peers(a.name, spec) - usage.peers(b.name, spec) ||
          usage.share(a) - usage.share(b) ||
          (a.name < b.name ? -1 : 1),
      );
    const was = current[spec.address];
    if (best) {
      placed[spec.address] = best.name;
      usage.add(best.name, spec);
    } else if (was !== undefined && !usage.host(was)) placed[spec.address] = was;
  }
  return placed;
}

/**
 * The move that balances most, or none where all is balanced. Each one costs a restart, so a difference of one actor is
 * left alone: two hosts would pass it to and fro for ever.
 */
export function improve(
  specs: readonly ActorSpec[],
  hosts: readonly PlacementHost[],
  current: Assignment,
): Move | undefined {
  const usage = new Usage(hosts);
  for (const spec of specs) {
    const host = usage.host(current[spec.address]);
    if (host) usage.add(host.name, spec);
  }
  let best: (Move & { readonly gain: number }) | undefined;
  for (const spec of specs) {
    const from = usage.host(current[spec.address]);
    if (!from) continue;
    for (const to of hosts) {
      if (!to.steady || to === from || !to.dataCenters.includes(spec.dataCenter)) continue;
      if (usage.count(to.name) >= to.capacity) continue;
      const gain = gainOf(usage, spec, from, to);
      if (gain > (best?.gain ?? 0)) {
        best = { address: spec.address, from: from.name, to: to.name, gain };
      }
    }
  }
  return best && { address: best.address, from: best.from, to: best.to };
}

/** Spreading replicas counts for more than any difference of load. */
const spreadGain = 1_000;

function gainOf(usage: Usage, spec: ActorSpec, from: PlacementHost, to: PlacementHost): number {
  const spread = usage.peers(from.name, spec) - usage.peers(to.name, spec);
  if (spread >= 2) return spreadGain * spread;
  // For load alone replicas must not come together.
  if (spread < 1) return 0;
  const after = (usage.count(to.name) + 1) / to.capacity;
  const before = (usage.count(from.name) - 1) / from.capacity;
  return Math.max(0, before - after);
}

/** What is on each host, so far. */
class Usage {
  readonly #hosts: ReadonlyMap<string, PlacementHost>;
  readonly #counts = new Map<string, number>();
  readonly #peers = new Map<string, number>();

  constructor(hosts: readonly PlacementHost[]) {
    this.#hosts = new Map(hosts.map((host) => [host.name, host]));
  }

  host(name: string | undefined): PlacementHost | undefined {
    return name === undefined ? undefined : this.#hosts.get(name);
  }

  add(host: string, spec: ActorSpec): void {
    this.#counts.set(host, this.count(host) + 1);
    this.#peers.set(peerKey(host, spec), this.peers(host, spec) + 1);
  }

  count(host: string): number {
    return this.#counts.get(host) ?? 0;
  }

  /** Actors of the same kind, data center and model. */
  peers(host: string, spec: ActorSpec): number {
    return this.#peers.get(peerKey(host, spec)) ?? 0;
  }

  share({ name, capacity }: PlacementHost): number {
    return this.count(name) / capacity;
  }
}

function peerKey(host: string, { dataCenter, kind, model }: ActorSpec): string {
  return `${host} ${dataCenter} ${kind} ${model?.identity.name ?? ''}`;
}
