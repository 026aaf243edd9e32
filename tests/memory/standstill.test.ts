import { describe, expect, test } from '@jest/globals';
import { decode, encode, protocolVersion } from '../../messages/codec.js';
import { ServedEndpoint } from '../../runtime/serve-endpoint.js';
import { memoryWorld } from '../support/memory-world.js';

/** Somebody who answers, and somebody who asks. */
function pair(seed: number) {
  const { time, connect } = memoryWorld(seed);
  const responder = connect();
  const handled: unknown[] = [];
  new ServedEndpoint(responder, {
    subject: 'ask',
    inFlightMax: 10,
    deadlineMs: 5_000,
    handle: async (request) => {
      handled.push((request as { who: string }).who);
      return { outcome: 'done' };
    },
  });
  const asker = connect();
  const ask = async (who: string, timeoutMs: number): Promise<unknown> => {
    const answer = decode(
      await asker.request('ask', encode({ v: protocolVersion, who }), { timeoutMs }),
    );
    const { error, outcome } = answer as { error?: { code: string }; outcome?: string };
    return error?.code ?? outcome;
  };
  return { time, responder: responder.process, handled, ask };
}

describe.each([1, 2, 3])('who stood still, seed %i', (seed) => {
  test('does nothing for who waits no more, and all for the others', async () => {
    const { time, responder, handled, ask } = pair(seed);
    await time.pass(1_000);
    responder.pause();
    const gone = ask('gone', 2_000).catch((error: { code: string }) => error.code);
    const patient = ask('patient', 9_000);
    await time.pass(3_000);
    responder.resume();
    expect(await time.run(Promise.all([gone, patient]))).toEqual(['TIMEOUT', 'done']);
    await time.pass(1_000);
    expect(handled).toEqual(['patient']);
  });

  test('sends back what may be as old as it stood still, and takes what comes once it has caught up', async () => {
    const { time, responder, handled, ask } = pair(seed);
    await time.pass(1_000);
    responder.pause();
    await time.pass(2_900);
    const late = ask('late', 2_000);
    await time.pass(100);
    responder.resume();
    expect(await time.run(late)).toBe('TIMEOUT');
    expect(await time.run(ask('again', 2_000))).toBe('done');
    expect(handled).toEqual(['again']);
  });

  test('takes all as long as it only was busy for a moment', async () => {
    const { time, responder, ask } = pair(seed);
    await time.pass(1_000);
    responder.pause();
    const asked = ask('soon', 300);
    await time.pass(200);
    responder.resume();
    expect(await time.run(asked)).toBe('done');
  });
});
