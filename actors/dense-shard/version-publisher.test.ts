import { beforeEach, expect, test } from '@jest/globals';
import { VersionPublisher, checkpointIntervalMs } from './version-publisher.js';

let version: number;
let nowMs: number;
let said: string[];
let publisher: VersionPublisher;

beforeEach(() => {
  version = 1;
  nowMs = 0;
  said = [];
  publisher = new VersionPublisher({
    version: () => version,
    publish: async () => void said.push(`version ${version}`),
    checkpoint: async () => void said.push(`checkpoint ${version}`),
    nowMs: () => nowMs,
  });
});

test('each version is told once', async () => {
  await publisher.publish();
  await publisher.publish();
  expect(publisher.servedVersion).toBe(1);
  expect(said).toEqual(['version 1', 'checkpoint 1']);
});

test('one now and then is kept beside the rows, and the one after an exchange always', async () => {
  for (version = 1; version <= 3; version++) {
    await publisher.publish();
    nowMs += checkpointIntervalMs / 2;
  }
  publisher.checkpointNext();
  await publisher.publish();
  expect(said.filter((each) => each.startsWith('checkpoint'))).toEqual([
    ...['checkpoint 1', 'checkpoint 3', 'checkpoint 4'],
  ]);
});
