import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { nextCommand, programName, startLines } from './start-lines.js';

const status = {
  name: 'shop',
  natsServers: [
    { dataCenter: 'train', pid: 1, url: 'nats://127.0.0.1:1' },
    { dataCenter: 'east', pid: 2, url: 'nats://127.0.0.1:2,nats://127.0.0.1:1' },
  ],
};

test('a start is told in five lines, of which each can be copied', () => {
  const facts = {
    status,
    user: 'client',
    stateDir: '/s',
    config: '/c/shop.ts',
    program: 'npx starling',
  };
  expect(startLines(facts)).toEqual([
    'URL       nats://127.0.0.1:1,nats://127.0.0.1:2  as user client, whose password is in /s/cluster.json',
    'state     /s',
    'config    /c/shop.ts',
    'subjects  shop.>  such as shop.recommend, shop.ingest.event, shop.status',
    'next      npx starling recommend --user u1 --log false --state /s',
  ]);
  const bare = startLines({ ...facts, user: undefined, config: undefined });
  expect(bare[0]).toBe('URL       nats://127.0.0.1:1,nats://127.0.0.1:2');
  expect(bare[2]).toMatch(/^config {4}the default one/);
});

test('the next command is one word for a shell where the folder is not', () => {
  expect(nextCommand('starling', '.starling')).toBe('starling recommend --user u1 --log false');
  expect(nextCommand('starling', "a shop's $HOME")).toBe(
    "starling recommend --user u1 --log false --state 'a shop'\\''s $HOME'",
  );
});

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'starling-name-'));
  for (const each of ['empty', 'bin', 'shop/node_modules/.bin', 'checkout', 'broken'])
    mkdirSync(path.join(folder, each), { recursive: true });
  writeFileSync(path.join(folder, 'bin/starling'), '');
  writeFileSync(path.join(folder, 'shop/node_modules/.bin/starling'), '');
  writeFileSync(
    path.join(folder, 'checkout/package.json'),
    '{"name":"starling","bin":{"starling":"x"}}',
  );
  writeFileSync(path.join(folder, 'broken/package.json'), '{');
});
afterAll(() => rmSync(folder, { recursive: true }));

test.each([
  ['shop', '', 'npx starling'],
  ['checkout', '', 'npx starling'],
  ['empty', 'bin', 'starling'],
  // Here npx would fetch a stranger of that name.
  ['empty', 'empty', "node '/opt/a b/starling.js'"],
  ['broken', '', "node '/opt/a b/starling.js'"],
])('in %s, with PATH %s, it is called %s', (here, searched, name) => {
  const [cwd, bin] = [path.join(folder, here), searched === '' ? '' : path.join(folder, searched)];
  expect(programName('/opt/a b/starling.js', cwd, bin)).toBe(name);
});
