import { describe, expect, test } from '@jest/globals';
import { sleep } from '../../core/base/clock.js';
import { names } from '../../messages/default-names.testkit.js';
import { callLong } from '../../runtime/long-call.js';
import { toldOf } from '../../runtime/long-work.js';
import { ServedEndpoint } from '../../runtime/serve-endpoint.js';
import { memoryWorld } from '../support/memory-world.js';

const name = names.subject.shardControl('snapshot', 0);
const deadlineMs = 30 * 60_000;

/** Somebody who works for so long on what he is asked for, and who asks. */
function worldOf({ workMs }: { workMs: number }) {
  const { time, connect } = memoryWorld(5);
  const [worker, asker] = [connect(), connect()];
  const handle = async (): Promise<object> => {
    await sleep(worker.clock, workMs);
    return { v: 2, rows: 7 };
  };
  new ServedEndpoint(worker, {
    subject: name,
    inFlightMax: 1,
    deadlineMs,
    handle: toldOf(worker, handle),
  });
  const told: string[] = [];
  const ask = () =>
    callLong(asker, name, {}, { deadlineMs, progress: ({ text }) => told.push(text) });
  return { time, worker, ask, told };
}

describe('a call of something that takes long', () => {
  test('is waited for as long as it is worked on', async () => {
    const { time, ask, told } = worldOf({ workMs: 10 * 60_000 });
    await time.pass(100);
    await expect(time.run(ask())).resolves.toMatchObject({ rows: 7 });
    expect(time.nowMs).toBeGreaterThan(10 * 60_000);
    expect(told).toEqual(['begun']);
  });

  test('fails soon after who works on it has died', async () => {
    const { time, worker, ask } = worldOf({ workMs: 10 * 60_000 });
    await time.pass(100);
    const outcome = expect(ask()).rejects.toMatchObject({ code: 'TIMEOUT' });
    await time.pass(60_000);
    worker.process.kill();
    const diedMs = time.nowMs;
    await time.run(outcome);
    expect(time.nowMs - diedMs).toBeLessThan(20_000);
  });

  test('of somebody who is not there fails at once', async () => {
    const { time, worker, ask } = worldOf({ workMs: 1_000 });
    worker.process.kill();
    await expect(time.run(ask())).rejects.toMatchObject({ code: 'NO_RESPONDERS' });
    expect(time.nowMs).toBeLessThan(1_000);
  });
});
