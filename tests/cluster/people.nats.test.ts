import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { leanConfig } from '../support/lean-config.js';
import { StarlingUpAlone, jsonOf, starling, temporaryFolder } from '../support/starling-process.js';

/** Somebody starts a cluster for users of his own, and has the audience try it. */
const { folder, remove } = temporaryFolder();
const state = path.join(folder, 'state');
const config = path.join(folder, 'shop.config.json');
writeFileSync(config, JSON.stringify({ ...leanConfig, name: 'shop' }));
const start = ['--config', config, '--state', state];
let cluster: StarlingUpAlone | undefined;
afterAll(async () => {
  await cluster?.stop();
  remove();
});

test('the audience lives in an empty cluster as a client, and nobody else does afterwards', async () => {
  cluster = new StarlingUpAlone(state, '--config', config);
  await cluster.until('ready', ({ ready }) => ready);
  const lived = await starling(
    'audience',
    '--state',
    state,
    '--for',
    '3s',
    '--rate',
    '20',
    '--json',
  );
  expect(lived.code).toBe(0);
  expect(jsonOf(lived)).toMatchObject({ introduced: true, requests: expect.any(Number) });
  const { code, output } = await cluster.stop();
  expect(code).toBe(0);
  const access = path.join(state, 'cluster.json');
  const told = [
    `URL {7}(nats://127\\.0\\.0\\.1:\\d+,?)+ {2}as user client, whose password is in ${access}`,
    `state {5}${state}`,
    `config {4}${config}`,
    'subjects {2}shop\\.> {2}such as shop\\.recommend, shop\\.ingest\\.event, shop\\.status',
    `next {6}.* recommend --user u1 --log false --state ${state}`,
  ];
  expect(output).toMatch(new RegExp(`^${told.join('\n')}$`, 'm'));

  const own = await starling('up', ...start, '--for', '1s');
  expect(own.code).toBe(1);
  expect(own.output).toContain('AUDIENCE_MIXED: the simulated audience has lived in this cluster');
  const again = await starling('up', ...start, '--for', '1s', '--audience');
  expect(again).toMatchObject({ code: 0 });
}, 240_000);
