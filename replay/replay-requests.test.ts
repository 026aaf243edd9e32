import { expect, test } from '@jest/globals';
import { noFacts } from '../core/joining/event-facts.js';
import { names } from '../messages/default-names.testkit.js';
import { decode, encode } from '../messages/codec.js';
import type { RankBatch } from '../messages/ranking.js';
import { rankBatchReply } from '../messages/ranking.js';
import type { Bus } from '../runtime/bus/bus.js';
import { system } from '../runtime/system.js';
import { ReplayRequests } from './replay-requests.js';

const batch: RankBatch = {
  requestIds: ['r'],
  users: ['u'],
  items: ['i'],
  atMs: new Float64Array(1),
  contexts: [],
  log: 'required',
  facts: noFacts,
};

/** Sites that are all answered by rankers of `dataCenter`. */
function replayAnsweredBy(dataCenter: string) {
  const asked: unknown[] = [];
  const request: Bus['request'] = async (_subject, bytes) => {
    asked.push(decode(bytes));
    const sound = { denseVersion: 1, through: 0, degraded: false, rerouted: false };
    return encode(rankBatchReply({ ...sound, scores: new Float32Array(1), dataCenter }));
  };
  const bus = { ...system, names, request } as unknown as Bus;
  const sites = ['east', 'west'].map((name) => ({ dataCenter: name, bus }));
  return { requests: new ReplayRequests(sites, 1_000), asked };
}

test("a request says where its user lives, and is rerouted when it isn't answered there", async () => {
  const { requests, asked } = replayAnsweredBy('west');
  await requests.rank(1, batch);
  expect(requests.rerouted).toBe(0);
  await requests.rank(0, batch);
  expect(requests.rerouted).toBe(1);
  expect(asked).toMatchObject([{ from: 'west' }, { from: 'east' }]);
});
