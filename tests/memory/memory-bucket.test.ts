import { expect, test } from '@jest/globals';
import { names } from '../../messages/default-names.testkit.js';
import { memoryWorld } from '../support/memory-world.js';

const { bucket } = names;

test('a copy that is behind answers with what was there then, and never with nothing where there was something', async () => {
  const { time, servers, connect } = memoryWorld(1);
  const bus = connect();
  const put = (text: string) =>
    time.run(bus.bucketPut(bucket, 'key', new TextEncoder().encode(text)));
  const { bucket: entries } = servers.bucket(bucket);
  const behind = (ms: number): string | undefined => {
    const found = entries.get('key', ms);
    return found && new TextDecoder().decode(found.bytes);
  };
  await put('a');
  await time.pass(60_000);
  await put('b');
  await time.pass(1_000);
  await put('c');
  expect([0, 500, 1_500, 30_000].map(behind)).toEqual(['c', 'b', 'a', 'a']);
  await time.pass(60_000);
  await put('d');
  expect([0, 500, 70_000].map(behind)).toEqual(['d', 'c', undefined]);
});
