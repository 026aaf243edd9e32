import { describe, expect, test } from '@jest/globals';
import { StarlingError } from '../../core/base/errors.js';
import { ManualClock } from '../../core/base/manual-clock.testkit.js';
import { parseClusterConfig } from '../../core/config/schema.js';
import { encodeConfigVersions } from '../../messages/config-versions.js';
import { names } from '../../messages/default-names.testkit.js';
import { requireCurrent, type ConfiguredContext } from './current-configuration.js';

const config = parseClusterConfig({
  features: { user: { entity: 'user', kind: 'id' }, item: { entity: 'item', kind: 'id' } },
});

/** A process of version 1, in a cluster whose configuration has had so many; 0: it keeps none. */
function running(versions: number): ConfiguredContext {
  const listed = Array.from({ length: versions }, (_unused, i) => ({
    ...{ version: i + 1, hash: `${i}`, atMs: i, note: '' },
  }));
  return {
    config,
    bus: {
      names,
      clock: new ManualClock(),
      random: { next: () => 0.5, id: () => 'id' },
      bucketWatch: async (_bucket, key, handler) => {
        if (versions > 0) handler(key, { bytes: encodeConfigVersions(listed), revision: 1 });
        return { stop: async () => undefined };
      },
    },
  };
}

const mismatch = new StarlingError('SPEC_MISMATCH', 'impressions: made with another one.');

describe('what is of another specification', () => {
  test.each([0, 1])(
    'is put aside by a process of the newest configuration, of %d',
    async (versions) => {
      await expect(requireCurrent(running(versions), mismatch)).resolves.toBeUndefined();
    },
  );

  test('is left to the next process where there is a newer one, which is told with both versions', async () => {
    await expect(requireCurrent(running(2), mismatch)).rejects.toMatchObject({
      code: 'SPEC_MISMATCH',
      details: { version: 1, newest: 2 },
      message: expect.stringContaining('another one. It runs version 1 of the configuration'),
    });
  });
});

test('what is wrong by itself is put aside whatever there is', async () => {
  const damaged = new StarlingError('BAD_MESSAGE', 'damaged');
  await expect(requireCurrent(running(2), damaged)).resolves.toBeUndefined();
});
