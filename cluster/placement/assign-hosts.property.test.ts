import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { placeActors } from './actor-placement.js';
import type { PlacementHost } from './assign-hosts.js';
import { assign, improve } from './assign-hosts.js';

const dataCenters = [
  { name: 'train', role: 'training' },
  { name: 'east', role: 'inference' },
  { name: 'west', role: 'inference' },
] as const;

const count = fc.integer({ min: 1, max: 5 });
const specs = fc
  .record({ 'ps-shard': count, ranker: count, recommender: count, trainer: count, joiner: count })
  .map((actors) => placeActors({ dataCenters, actors, partitions: 8 }));

const hostsWith = (capacity: fc.Arbitrary<number>) =>
  fc.uniqueArray(
    fc.record({
      name: fc.constantFrom('h1', 'h2', 'h3', 'h4', 'h5', 'h6'),
      dataCenters: fc.subarray(['train', 'east', 'west'], { minLength: 1 }),
      capacity,
      steady: fc.boolean(),
    }),
    { selector: ({ name }) => name, maxLength: 6 },
  );
const hosts = hostsWith(fc.integer({ min: 1, max: 40 }));
const roomy = hostsWith(fc.constant(100));

function usedBy(placed: Readonly<Record<string, string>>, host: PlacementHost): number {
  return Object.values(placed).filter((name) => name === host.name).length;
}

describe('an assignment', () => {
  test('respects data centers and capacities, and leaves out only what nobody can take', () => {
    fc.assert(
      fc.property(specs, hosts, (wanted, there) => {
        const placed = assign(wanted, there, {});
        for (const host of there) expect(usedBy(placed, host)).toBeLessThanOrEqual(host.capacity);
        for (const { address, dataCenter } of wanted) {
          const host = there.find(({ name }) => name === placed[address]);
          if (host) expect(host.dataCenters).toContain(dataCenter);
          else
            for (const each of there.filter((one) => one.dataCenters.includes(dataCenter)))
              expect(usedBy(placed, each)).toBe(each.capacity);
        }
      }),
    );
  });

  test('leaves with a lost host just what no other can take', () => {
    fc.assert(
      fc.property(specs, hosts, hosts, (wanted, before, after) => {
        const first = assign(wanted, before, {});
        const second = assign(wanted, after, first);
        const isThere = (name: string | undefined) => after.some((host) => host.name === name);
        for (const { address, dataCenter } of wanted) {
          if (isThere(second[address])) continue;
          expect(second[address]).toBe(isThere(first[address]) ? undefined : first[address]);
          for (const host of after.filter((one) => one.dataCenters.includes(dataCenter)))
            expect(usedBy(second, host)).toBe(host.capacity);
        }
      }),
    );
  });

  test('moves nothing whose host is still there', () => {
    fc.assert(
      fc.property(specs, roomy, roomy, (wanted, before, after) => {
        const first = assign(wanted, before, {});
        const second = assign(wanted, after, first);
        for (const { address, dataCenter } of wanted) {
          const kept = after.find(
            (host) => host.name === first[address] && host.dataCenters.includes(dataCenter),
          );
          if (kept) expect(second[address]).toBe(kept.name);
        }
      }),
    );
  });

  test('spreads replicas over hosts that are alike', () => {
    fc.assert(
      fc.property(specs, fc.integer({ min: 2, max: 5 }), (wanted, hostCount) => {
        const there = Array.from({ length: hostCount }, (_unused, i) => ({
          name: `h${i}`,
          dataCenters: ['train', 'east', 'west'],
          capacity: 100,
          steady: true,
        }));
        const placed = assign(wanted, there, {});
        const peers = new Map<string, number>();
        for (const { address, dataCenter, kind } of wanted) {
          const key = `${dataCenter} ${kind} ${placed[address]}`;
          peers.set(key, (peers.get(key) ?? 0) + 1);
        }
        for (const [key, number] of peers) {
          const [dataCenter, kind] = key.split(' ');
          const all = wanted.filter(
            (spec) => spec.dataCenter === dataCenter && spec.kind === kind,
          ).length;
          expect(number).toBeLessThanOrEqual(Math.ceil(all / hostCount));
        }
      }),
    );
  });

  test('comes to rest: every improvement is the end of a finite way', () => {
    fc.assert(
      fc.property(specs, hosts, hosts, (wanted, before, after) => {
        let placed = assign(wanted, after, assign(wanted, before, {}));
        let moves = 0;
        for (;;) {
          const move = improve(wanted, after, placed);
          if (!move) break;
          expect(placed[move.address]).toBe(move.from);
          expect(after.find(({ name }) => name === move.to)!.steady).toBe(true);
          placed = { ...placed, [move.address]: move.to };
          expect(++moves).toBeLessThan(200);
        }
        for (const host of after) expect(usedBy(placed, host)).toBeLessThanOrEqual(host.capacity);
      }),
    );
  });
});

describe('a host that came back', () => {
  const steady = { dataCenters: ['train', 'east', 'west'], capacity: 100, steady: true };
  const wanted = placeActors({
    dataCenters,
    actors: { 'ps-shard': 2, ranker: 2, recommender: 2 },
    partitions: 8,
  });

  test('gets its share again once it is steady', () => {
    let placed = assign(wanted, [{ ...steady, name: 'h1' }], {});
    const joining = [
      { ...steady, name: 'h1' },
      { ...steady, name: 'h2', steady: false },
    ];
    expect(improve(wanted, joining, placed)).toBeUndefined();
    const both = joining.map((host) => ({ ...host, steady: true }));
    for (let move = improve(wanted, both, placed); move; move = improve(wanted, both, placed))
      placed = { ...placed, [move.address]: move.to };
    expect(usedBy(placed, both[1]!)).toBe(wanted.length / 2);
    for (const kind of ['ps-shard', 'ranker']) {
      const pair = wanted.filter((spec) => spec.kind === kind && spec.dataCenter !== 'west');
      expect(new Set(pair.map(({ address }) => placed[address])).size).toBe(2);
    }
  });
});
