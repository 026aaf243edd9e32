import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { runs } from '../core/base/runs.testkit.js';
import { clusterNamesReserved, isClusterName } from '../core/config/cluster-name.js';
import { namesOf } from './cluster-names.js';
import { declareBucket, declareStreams } from './declared-streams.js';
import { inboxPrefixOf, overlap, permissionsOf } from './permissions.js';
import { roles } from './roles.js';
import type { StreamRow } from './streams.js';
import { streamTable } from './streams.js';
import type { SubjectKey } from './subjects.js';
import { subjectTable } from './subjects.js';

const rows = Object.keys(subjectTable) as SubjectKey[];
const dataCenters = [
  { name: 'train', role: 'training' },
  { name: 'east', role: 'inference' },
  { name: 'raw-x', role: 'inference' },
] as const;
const everywhere = dataCenters.map(({ name }) => name);
const topology = { dataCenters, ingestMapped: true };

const token = fc.stringMatching(/^[A-Za-z0-9_-]{1,12}$/);
const clusterName = fc
  .oneof(
    fc.stringMatching(/^[a-z][a-z0-9-]{0,11}$/),
    fc.constantFrom('starling', 'shop', 'shop-raw', 'join', 'train', 'dead', 'snapshots-x'),
  )
  .filter(isClusterName);
const differentNames = fc.tuple(clusterName, clusterName).filter(([one, other]) => one !== other);

/** The subject of a row with these values in its brackets, as the builder has it. */
function build(cluster: string, row: SubjectKey, values: readonly string[]): string {
  const builder = namesOf(cluster).subject[row] as string | ((...all: string[]) => string);
  return typeof builder === 'string' ? builder : builder(...values);
}

const parametersOf = (row: SubjectKey): string[] =>
  [...subjectTable[row].template.matchAll(/<([^>]+)>/g)].map(([, name]) => name!);

describe.each(rows)('the row %s', (row) => {
  const values = fc.array(token, { minLength: 4, maxLength: 4 });

  test('is built as its template says, and matches its own pattern and no other row', () => {
    fc.assert(
      fc.property(clusterName, values, (cluster, given) => {
        const names = namesOf(cluster);
        const subject = build(cluster, row, given);
        let next = 0;
        const expected = subjectTable[row].template.replace(/<[^>]+>/g, () => given[next++]!);
        expect(subject).toBe(`${cluster}.${expected}`);
        expect(rows.filter((each) => names.isOf(each, subject))).toEqual([row]);
        const known = Object.fromEntries(parametersOf(row).map((name, i) => [name, given[i]!]));
        expect(names.pattern(row, known)).toBe(subject);
      }),
      { numRuns: runs(20) },
    );
  });

  test('is taken by the stream that it names, and by no other', () => {
    const names = namesOf('shop');
    const dc = 'east';
    const known = parametersOf(row).includes('dc') ? { dc } : {};
    const takers = declareStreams(names, topology)
      .filter(({ subjects = [] }) =>
        subjects.some((each) => overlap(each, names.pattern(row, known))),
      )
      .map(({ name }) => name);
    const { stream } = subjectTable[row];
    expect(takers).toEqual(stream === undefined ? [] : [names.streamIn(stream, dc)]);
  });

  test('may be used by those who send and handle it only under the name of their cluster', () => {
    const [shop, films] = [namesOf('shop'), namesOf('films')];
    const place = { names: shop, dataCenter: 'east', dataCenters: everywhere };
    for (const role of roles.filter((each) => each !== 'supervisor')) {
      const { publish, subscribe } = permissionsOf(role, place);
      const all = [...publish, ...subscribe];
      expect(all.some((each) => overlap(each, films.pattern(row)))).toBe(false);
    }
  });
});

describe('clusters of different names', () => {
  test('share no stream, no bucket, no subject, no inbox and no folder', () => {
    fc.assert(
      fc.property(differentNames, (both) => {
        const [one, other] = both.map((cluster): Record<string, string[]> => {
          const names = namesOf(cluster);
          const streams = declareStreams(names, topology);
          const { name: bucket } = declareBucket(names, topology);
          return {
            stored: [...streams.map(({ name }) => name), `KV_${bucket}`],
            patterns: rows.map((row) => names.pattern(row)),
            inboxes: roles
              .filter((role) => role !== 'client')
              .map((role) => `${inboxPrefixOf(role, names)}.>`),
            folders: everywhere.map(names.folder),
          };
        });
        expect(one!['stored']!.filter((each) => other!['stored']!.includes(each))).toEqual([]);
        expect(one!['folders']!.filter((each) => other!['folders']!.includes(each))).toEqual([]);
        for (const kind of ['patterns', 'inboxes'])
          for (const each of one![kind]!)
            expect(other![kind]!.filter((another) => overlap(each, another))).toEqual([]);
      }),
      { numRuns: runs(20) },
    );
  });

  test('are told apart whatever their data centers are called', () => {
    const streamsOf = (cluster: string, dataCenter: string): string[] =>
      (Object.keys(streamTable) as (keyof typeof streamTable)[]).map((key) =>
        namesOf(cluster).streamIn(key, dataCenter),
      );
    const place = fc.stringMatching(/^[a-z][a-z0-9-]{0,9}$/);
    const places = fc.tuple(place, fc.oneof(place, fc.constantFrom('join', 'samples', 'raw-x')));
    fc.assert(
      fc.property(differentNames, places, ([one, other], [here, there]) => {
        const shared = streamsOf(one, here).filter((each) =>
          streamsOf(other, there).includes(each),
        );
        expect(shared).toEqual([]);
      }),
      { numRuns: runs(30) },
    );
  });

  test('are not called by what begins the name of a stream', () => {
    const prefixes = Object.values<StreamRow>(streamTable)
      .filter(({ place }) => place !== 'training')
      .map(({ name }) => name.toLowerCase());
    expect(clusterNamesReserved).toEqual(expect.arrayContaining(prefixes));
    for (const name of ['Shop', 'SHOP', 'shop_raw', 'a.b', '', '1shop', 'kv', 'x'.repeat(65)])
      expect([name, isClusterName(name)]).toEqual([name, false]);
  });
});

test('the default name is on subjects alone', () => {
  const names = namesOf('starling');
  expect(names.subject.recommend).toBe('starling.recommend');
  expect(names.subject.ingest('action')).toBe('starling.ingest.action');
  expect(names.stream.join).toBe('JOIN');
  expect(names.stream.raw('us-east')).toBe('RAW_US_EAST');
  expect(names.bucket).toBe('CLUSTER');
  const shop = namesOf('my-shop');
  expect(shop.subject.rank).toBe('my-shop.rank');
  expect(shop.stream.raw('us-east')).toBe('MY-SHOP_RAW_US_EAST');
  expect(shop.bucket).toBe('MY-SHOP_CLUSTER');
});
