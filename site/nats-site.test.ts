import { describe, expect, test } from '@jest/globals';
import base from '../cluster.config.js';
import { parseClusterConfig } from '../core/config/schema.js';
import { externalSite } from './nats-site.js';

const config = parseClusterConfig(base);

describe("somebody else's servers", () => {
  test('are all kept, in the order given, for every data center', async () => {
    const site = await externalSite(config, 'nats://me:p%40ss@one:4222, two:4223');
    const access = site.access('east', 'ranker');
    expect(access.url).toEqual(['nats://one:4222', 'nats://two:4223']);
    expect([access.user, access.password]).toEqual(['me', 'p@ss']);
    expect(site.access('train', 'client')).toEqual(access);
    expect(site.servers().map(({ url }) => url)).toEqual(
      config.dataCenters.map(() => 'nats://one:4222,nats://two:4223'),
    );
  });

  test('are refused when one of them is no URL', async () => {
    await expect(externalSite(config, 'nats://one:4222,nats://:x')).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
    });
  });
});
