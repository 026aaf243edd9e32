import type { PartitionDigest } from '../../messages/ownership.js';

/** A shard that was asked for the digests of its partitions. */
export interface Holder {
  readonly address: string;
  /** Undefined: it trains. Else the data center it serves rows in. */
  readonly servesIn?: string;
}

/** What came of the copies of one sort. */
export interface CopyFindings {
  readonly name: string;
  readonly copies: number;
  /** Equal to their owner where both were last seen at the same record of the log. */
  readonly equal: number;
  /** Which differ, in words. */
  readonly differing: readonly string[];
  /** Who did not answer, and which partitions nobody has, in words. */
  readonly silent: readonly string[];
  /** Who is not there yet, in words. */
  readonly coming: readonly string[];
}

interface OwnerSeen {
  readonly address: string;
  readonly digest: string;
  readonly served: string | undefined;
}

interface Copy {
  readonly group: string;
  readonly partition: number;
  readonly address: string;
  /** Digest by record, the newest observation last. */
  readonly seen: Map<string, string>;
  verdict: Verdict | undefined;
}

type Verdict = { readonly equal: true } | { readonly equal: false; readonly text: string };

const standbys = 'rows of standbys';
const servedIn = (dataCenter: string): string => `rows served in ${dataCenter}`;

/**
 * Whether all copies of the rows are what their owner has. Digests can be compared where owner and copy stand at the same
 * record of the log (epoch and number of the delta). On a cluster that is used they are seldom asked at the same one, so
 * what each said of a record is kept, and compared when the other one has said it too. The last comparison counts: a copy
 * that begins again from a snapshot is a mixture of records until it has caught up.
 */
export class CopyLedger {
  readonly #owners = new Map<number, Map<string, OwnerSeen>>();
  readonly #copies = new Map<string, Copy>();
  /** Partitions whose owner has answered in this look. */
  #owned = new Set<number>();
  #silent = new Map<string, string[]>();
  #coming = new Map<string, string[]>();

  /**
   * Another look begins: who does not answer in this one is silent, and who is not there any more has no copies.
   * @param addresses of all that are there.
   */
  begin(addresses: readonly string[]): void {
    const present = new Set(addresses);
    for (const [key, { address }] of this.#copies)
      if (!present.has(address)) this.#copies.delete(key);
    this.#owned = new Set();
    this.#silent = new Map();
    this.#coming = new Map();
  }

  /** @param digests of all that the holder has. */
  heard(holder: Holder, digests: readonly PartitionDigest[]): void {
    const { address } = holder;
    const copied = digests.filter(({ owned }) => !owned);
    const kept = new Set(copied.map(({ partition }) => keyOf(address, partition)));
    for (const [key, copy] of this.#copies)
      if (copy.address === address && !kept.has(key)) this.#copies.delete(key);
    for (const found of digests) {
      if (found.owned) this.#ownerSaid(address, found);
      else this.#copied(holder, found);
    }
    for (const copy of this.#copies.values()) this.#compare(copy);
  }

  /** All copies there are were compared, and are equal. */
  get isWhole(): boolean {
    const copies = [...this.#copies.values()];
    const isHeard = copies.length > 0 && this.#silent.size + this.#coming.size === 0;
    return isHeard && copies.every(({ verdict }) => verdict?.equal === true);
  }

  #ownerSaid(address: string, found: PartitionDigest): void {
    const { partition, digest, served, settled } = found;
    this.#owned.add(partition);
    const records = this.#owners.get(partition) ?? new Map<string, OwnerSeen>();
    this.#owners.set(partition, records);
    if (settled) records.set(recordOf(found), { address, digest, served });
  }

  #copied({ address, servesIn }: Holder, found: PartitionDigest): void {
    const { partition, settled, digest } = found;
    const group = servesIn === undefined ? standbys : servedIn(servesIn);
    const copy = this.#copyOf({ group, partition, address });
    if (!settled) return;
    copy.seen.delete(recordOf(found));
    copy.seen.set(recordOf(found), digest);
  }

  /** It does not answer. */
  silent(holder: Holder, why: string): void {
    note(this.#silent, holder, why);
  }

  /** It is not there yet. */
  coming(holder: Holder, why: string): void {
    note(this.#coming, holder, why);
  }

  /** @param dataCenters that serve rows. */
  findings(dataCenters: readonly string[]): CopyFindings[] {
    const groups = [...new Set([standbys, ...dataCenters.map(servedIn)])];
    return groups.flatMap((name) => {
      const copies = [...this.#copies.values()].filter(({ group }) => group === name);
      const silent = [...(this.#silent.get(name) ?? []), ...this.#unserved(name, copies)];
      const coming = [...(this.#coming.get(name) ?? []), ...this.#unowned(copies)];
      // A cluster without standbys has nothing to compare there.
      if (name === standbys && copies.length + silent.length + coming.length === 0) return [];
      const equal = copies.filter(({ verdict }) => verdict?.equal === true).length;
      const differing = copies.flatMap(({ verdict }) =>
        verdict?.equal === false ? [verdict.text] : [],
      );
      return [{ name, copies: copies.length, equal, differing, silent, coming }];
    });
  }

  /** Partitions with copies that there is nothing to compare with, as nobody answers as their owner. */
  #unowned(copies: readonly Copy[]): string[] {
    const waiting = copies.filter(
      ({ partition, verdict }) => !verdict && !this.#owned.has(partition),
    );
    return [...new Set(waiting.map(({ partition }) => `nobody owns partition ${partition}`))];
  }

  /** Partitions that have an owner and no copy where they should be served. */
  #unserved(name: string, copies: readonly Copy[]): string[] {
    if (name === standbys || this.#silent.has(name) || this.#coming.has(name)) return [];
    const served = new Set(copies.map(({ partition }) => partition));
    const missing = [...this.#owners.keys()].filter((partition) => !served.has(partition));
    return missing.map((partition) => `nobody has partition ${partition}`);
  }

  #copyOf(who: Pick<Copy, 'group' | 'partition' | 'address'>): Copy {
    const key = keyOf(who.address, who.partition);
    const known = this.#copies.get(key) ?? { ...who, seen: new Map(), verdict: undefined };
    this.#copies.set(key, known);
    return known;
  }

  #compare(copy: Copy): void {
    const { partition, address, group, seen } = copy;
    const owners = this.#owners.get(partition);
    if (!owners) return;
    for (const [record, digest] of seen) {
      const owner = owners.get(record);
      if (!owner) continue;
      const expected = group === standbys ? owner.digest : owner.served;
      if (expected === undefined) continue;
      const text = `partition ${partition} of ${address} has ${digest} at ${record}, its owner ${owner.address} ${expected}`;
      copy.verdict = digest === expected ? { equal: true } : { equal: false, text };
    }
  }
}

function note(words: Map<string, string[]>, { address, servesIn }: Holder, why: string): void {
  const group = servesIn === undefined ? standbys : servedIn(servesIn);
  words.set(group, [...(words.get(group) ?? []), `${address}: ${why}`]);
}

function keyOf(address: string, partition: number): string {
  return `${address} ${partition}`;
}

function recordOf({ epoch, deltaNumber }: PartitionDigest): string {
  return `epoch ${epoch} delta ${deltaNumber}`;
}
