import { describe, expect, test } from '@jest/globals';
import { names } from '../../messages/default-names.testkit.js';
import { decode, encode, protocolVersion } from '../../messages/codec.js';
import { ServedEndpoint } from '../../runtime/serve-endpoint.js';
import { MemoryBus } from '../../simulation/nats/memory-bus.js';
import { MemoryServers } from '../../simulation/nats/memory-servers.js';
import { Network } from '../../simulation/nats/network.js';
import { SeededRandom } from '../../simulation/time/seeded-random.js';
import { SimulatedProcess } from '../../simulation/time/simulated-process.js';
import { VirtualTime } from '../../simulation/time/virtual-time.js';

const home = 'east';

/** Somebody who answers, and somebody who asks. */
function pair(seed: number) {
  const time = new VirtualTime();
  const random = new SeededRandom(seed);
  const network = new Network(time, random.child(1));
  const servers = new MemoryServers({
    ...{ time, network, random: random.child(2) },
    dataCenters: [home],
  });
  const connect = (name: string) => {
    const onCrash = (error: unknown): never => {
      throw error;
    };
    const process = new SimulatedProcess(time, { name, random: random.child(3), onCrash });
    return { process, bus: new MemoryBus({ servers, process, names, dataCenters: [home] }) };
  };
  const responder = connect('responder');
  const handled: unknown[] = [];
  new ServedEndpoint(responder.bus, {
    subject: 'ask',
    inFlightMax: 10,
    deadlineMs: 5_000,
    handle: async (request) => {
      handled.push((request as { who: string }).who);
      return { outcome: 'done' };
    },
  });
  const asker = connect('asker').bus;
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
    expect(await time.run(late)).toBe('UNAVAILABLE');
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
