import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { arrangeFirstVote, termSeenBy } from './first-vote.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'starling-vote-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const stores = (): string[] => ['train', 'east', 'west'].map((name) => path.join(folder, name));
const terms = () => Promise.all(stores().map((store) => termSeenBy(store)));

test('every server of a new cluster begins in a term of its own, the first in the latest, and has voted for nobody', async () => {
  await arrangeFirstVote(stores());
  expect(await terms()).toEqual([3, 2, 1]);
  const file = path.join(stores()[0]!, 'jetstream', '$SYS', '_js_', '_meta_', 'tav.idx');
  expect([...(await readFile(file))]).toEqual([3, 0, 0, 0, 0, 0, 0, 0]);
});

test('where one of them has run, nothing is touched', async () => {
  await mkdir(stores()[1]!);
  await arrangeFirstVote(stores());
  expect(await terms()).toEqual([undefined, undefined, undefined]);
});
