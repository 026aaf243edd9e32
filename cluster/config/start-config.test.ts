import { beforeEach, describe, expect, test } from '@jest/globals';
import { StarlingError } from '../../core/base/errors.js';
import { ManualClock } from '../../core/base/manual-clock.testkit.js';
import { blueprintOf } from '../../core/blueprint/blueprint.js';
import type { ClusterConfigInput } from '../../core/config/schema.js';
import { parseClusterConfig } from '../../core/config/schema.js';
import { decodeShape, shapeKey } from '../../messages/cluster-shape.js';
import { names } from '../../messages/default-names.testkit.js';
import { requireSameShape } from '../../site/cluster-shape.js';
import { configVersions, newestConfig, storeConfig } from './config-versions.js';
import { configToStart, firstConfig } from './start-config.js';

const base: ClusterConfigInput = {
  features: {
    user: { entity: 'user', kind: 'id' },
    item: { entity: 'item', kind: 'id' },
    genres: { entity: 'item', kind: 'ids' },
  },
};
const country = { entity: 'user', kind: 'id' } as const;
const more = { ...base, features: { ...base.features, country } };

let keys: Map<string, { bytes: Uint8Array; revision: number }>;
let lines: string[];
const clock = new ManualClock();
const bus = {
  ...{ names, clock },
  bucketGet: async (_bucket: string, key: string) => keys.get(key)?.bytes,
  bucketEntry: async (_bucket: string, key: string) => keys.get(key),
  bucketPut: async (_bucket: string, key: string, bytes: Uint8Array) => {
    keys.set(key, { bytes, revision: (keys.get(key)?.revision ?? 0) + 1 });
  },
  bucketUpdate: async (_bucket: string, key: string, bytes: Uint8Array, revision: number) => {
    if ((keys.get(key)?.revision ?? 0) !== revision)
      throw new StarlingError('CONFLICT', 'somebody was quicker');
    keys.set(key, { bytes, revision: revision + 1 });
    return revision + 1;
  },
};

function start(
  input: ClusterConfigInput,
  { allowed = [] as string[], others = false, isNew = false } = {},
) {
  return configToStart(parseClusterConfig(input), {
    ...{ bus, allowed, log: (line) => lines.push(line) },
    hasBucket: async () => !isNew,
    runsElsewhere: async () => others,
  });
}

beforeEach(async () => {
  keys = new Map();
  lines = [];
  await requireSameShape(bus, parseClusterConfig(base));
  await firstConfig(bus, parseClusterConfig(base));
});

describe('a cluster that starts', () => {
  test('with what it has goes on with it, and says nothing', async () => {
    const started = await start(base);
    expect(started).toMatchObject({ version: 1, config: parseClusterConfig(base) });
    expect(lines).toEqual([]);
  });

  test('with a feature more makes a version of it, and its state is of it', async () => {
    const started = (await start(more))!;
    expect(started.version).toBe(2);
    expect(started.config.lineage?.earlier).toHaveLength(1);
    expect(lines.join('\n')).toMatch(
      /starts cold +features\.country.*\n.*\nconfiguration: version 2/,
    );
    expect(decodeShape(keys.get(shapeKey)!.bytes).model).toBe(blueprintOf(started.config).hash);
    await requireSameShape(bus, started.config);
    // The next start is of that version.
    expect(await start(more)).toEqual(started);
    expect((await configVersions(bus)).map(({ version }) => version)).toEqual([1, 2]);
  });

  test('without a feature is refused until it is allowed by name', async () => {
    await start(more);
    await expect(start(base)).rejects.toMatchObject({
      code: 'CHANGE_REFUSED',
      message: expect.stringContaining('--allow forget:country'),
    });
    await expect(start(base, { allowed: ['genres'] })).rejects.toMatchObject({
      details: { fields: ['features.country'], forgets: ['country'] },
    });
    expect((await configVersions(bus)).length).toBe(2);
    expect(await start(base, { allowed: ['country'] })).toMatchObject({ version: 3 });
  });

  test('with what is impossible is refused with what to do', async () => {
    await expect(
      start({ ...base, partitions: 4 }, { allowed: ['partitions'] }),
    ).rejects.toMatchObject({
      code: 'CHANGE_REFUSED',
      message: expect.stringMatching(/partitions: .*starling restore --into/),
    });
  });

  test('that others run already is joined as it is', async () => {
    const started = await start(more, { others: true });
    expect(started).toMatchObject({ version: 1, config: parseClusterConfig(base) });
    expect(lines.join()).toContain('starling config plan');
  });

  test('anew, or after a release that kept no versions, has that of its file', async () => {
    expect(await start(more, { isNew: true })).toBeUndefined();
    keys.delete('config');
    expect(await start(more)).toBeUndefined();
    // Which is refused then where it is of another shape.
    await expect(requireSameShape(bus, parseClusterConfig(more))).rejects.toMatchObject({
      code: 'SPEC_MISMATCH',
    });
  });

  test('notes the shape of a version whose host died before it could', async () => {
    const before = keys.get(shapeKey)!;
    const { config } = (await start(more))!;
    keys.set(shapeKey, before);
    await start(more);
    await requireSameShape(bus, config);
  });
});

describe('versions of a configuration', () => {
  test('of hosts that begin at once are one', async () => {
    const second = await firstConfig(bus, parseClusterConfig(more));
    expect(second).toMatchObject({ version: 1, config: parseClusterConfig(base) });
  });

  test('are written one behind the other, and none over another', async () => {
    const config = parseClusterConfig(more);
    await expect(storeConfig(bus, config, { version: 1, note: '' })).rejects.toMatchObject({
      code: 'CONFLICT',
    });
    await expect(storeConfig(bus, config, { version: 3, note: '' })).rejects.toMatchObject({
      code: 'CONFLICT',
    });
    await storeConfig(bus, config, { version: 2, note: 'x' });
    expect(await newestConfig(bus)).toMatchObject({ version: 2, note: 'x', config });
  });

  test('that are listed and not there are no configuration', async () => {
    const hash = (await configVersions(bus))[0]?.hash;
    keys.delete(`config.${hash}`);
    await expect(newestConfig(bus)).rejects.toMatchObject({ code: 'STATE_INVALID' });
  });
});
