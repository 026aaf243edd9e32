import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import type { StarlingClient } from '../../client/client.js';
import { connectStarling } from '../../client/client.js';
import { codeOf } from '../../core/base/errors.js';
import { decode } from '../../messages/codec.js';
import type { NatsBus } from '../../runtime/nats/nats-bus.js';
import { leanConfig } from '../support/lean-config.js';
import { startMessageServer, type MessageServer } from '../support/message-server.js';
import { StarlingHost, jsonOf, starling, temporaryFolder } from '../support/starling-process.js';

const json = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const endMs = Date.now() + 60_000;
  while (!(await holds())) {
    if (Date.now() > endMs) throw new Error(`waited for ${what} in vain`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** A shop that is busy, and films that nobody has told anything, both from this machine. */
describe('two clusters of different names on one NATS server', () => {
  const temporary = temporaryFolder();
  const hosts: StarlingHost[] = [];
  let server: MessageServer;
  let bus: NatsBus;
  let shop: StarlingClient;
  let films: StarlingClient;

  const inFolder = (name: string): string => path.join(temporary.folder, name);

  function writeConfig(name: string): string {
    const file = inFolder(`${name}.json`);
    const actors = { ...leanConfig.actors, ranker: 1, 'ps-shard': 1 };
    writeFileSync(file, JSON.stringify({ ...leanConfig, name, actors }));
    return file;
  }

  async function start(name: string): Promise<StarlingClient> {
    const args = ['--nats', server.url, '--config', writeConfig(name)];
    const host = new StarlingHost(inFolder(name), ...args);
    hosts.push(host);
    await host.until(`${name} is ready`, (status) => status.name === name && status.ready, 90_000);
    return connectStarling({ urls: [server.url], name });
  }

  /** None while none is known. */
  const itemsOf = async (client: StarlingClient): Promise<string[]> => {
    try {
      return (await client.recommend({ user: 'u', k: 5 })).items.map(({ item }) => item);
    } catch (error) {
      if (codeOf(error) === 'NOT_READY') return [];
      throw error;
    }
  };

  const messagesIn = async (stream: string): Promise<number> =>
    (await bus.streamState(stream)).messages;

  beforeAll(async () => {
    server = await startMessageServer();
    bus = await server.connect();
    [shop, films] = (await Promise.all(['shop', 'films'].map(start))) as [
      StarlingClient,
      StarlingClient,
    ];
  }, 120_000);

  afterAll(async () => {
    await Promise.all([shop?.close(), films?.close()]);
    await Promise.all(hosts.map((host) => host.stop()));
    await server?.stop();
    temporary.remove();
  }, 90_000);

  test('each say who they are, and have actors and streams of their own', async () => {
    for (const [name, client] of Object.entries({ shop, films })) {
      const status = await client.status();
      expect(status).toMatchObject({ name, ready: true });
      expect(new Set(status.actors.map(({ address }) => address)).size).toBe(status.actors.length);
      for (const stream of ['JOIN', 'DELTAS', 'RAW_EAST', 'SNAPSHOTS_TRAIN'])
        expect(await bus.hasStream(`${name.toUpperCase()}_${stream}`)).toBe(true);
    }
    expect(await bus.hasStream('JOIN')).toBe(false);
  });

  test('what one is told, learns and recommends is nothing to the other', async () => {
    const items = Array.from({ length: 5 }, (_unused, i) => `tea-${i}`);
    await shop.ingestFeatures(items.map((id) => ({ entity: 'item', id, features: {} })));
    await until('the items of the shop', async () => {
      return (await itemsOf(shop)).length === items.length;
    });
    const begun = {
      shop: await messagesIn('SHOP_DELTAS'),
      films: await messagesIn('FILMS_DELTAS'),
    };
    const { requestId, items: shown } = await shop.recommend({ user: 'u', k: 5 });
    await shop.ingestActions(shown.map(({ item }) => ({ requestId, item, label: 1 })));
    await until('samples of the shop', async () => (await messagesIn('SHOP_SAMPLES')) > 0);
    await until('deltas of the shop', async () => (await messagesIn('SHOP_DELTAS')) > begun.shop);
    expect(shown.map(({ item }) => item).sort()).toEqual(items);

    expect(await itemsOf(films)).toEqual([]);
    for (const stream of ['RAW_TRAIN', 'RAW_EAST', 'JOIN', 'SAMPLES', 'FEATURES', 'DEAD_LETTER'])
      expect([stream, await messagesIn(`FILMS_${stream}`)]).toEqual([stream, 0]);
    expect(await messagesIn('FILMS_DELTAS')).toBe(begun.films);
    expect(await messagesIn('SHOP_DEAD_LETTER')).toBe(0);
  }, 120_000);

  test('are asked by their names, with the official client too', async () => {
    const asked = async (subject: string) =>
      decode(await bus.request(subject, json({ user: 'another', k: 3 }), { timeoutMs: 5_000 }));
    expect(((await asked('shop.recommend')) as { items: unknown[] }).items).toHaveLength(3);
    expect(await asked('films.recommend')).toMatchObject({ items: [] });
    await expect(asked('starling.recommend')).rejects.toMatchObject({ code: 'NO_RESPONDERS' });
  });

  test('are found by the command line by name, and one that is not there is called by it', async () => {
    const nats = ['--nats', server.url];
    for (const name of ['shop', 'films'])
      expect(jsonOf(await starling('status', ...nats, '--name', name, '--json'))).toMatchObject({
        name,
      });
    const nobody = await starling('status', ...nats);
    expect(nobody.code).toBe(3);
    expect(nobody.output).toContain('nobody answers for a cluster named "starling"');
    expect((await starling('status', ...nats, '--name', 'Shop')).output).toContain('lower-case');
    const folder = await starling('status', '--state', temporary.folder, '--name', 'shop');
    expect(folder).toMatchObject({ code: 2 });
  }, 60_000);

  test('a third that takes the name of one is refused with what can be done', async () => {
    const state = inFolder('again');
    const args = ['--nats', server.url, '--state', state, '--config', writeConfig('shop')];
    const { code, output } = await starling('up', ...args);
    expect(code).toBe(1);
    expect(output).toMatch(/"shop".*a name of its own \(`name` in its configuration\)/);
    expect(await shop.status()).toMatchObject({ name: 'shop', ready: true });
  }, 60_000);
});
