import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
// eslint-disable-next-line no-restricted-imports -- takes away a consumer and its place, which our own client never does.
import { AckPolicy, connect, type NatsConnection } from 'nats';
import { connectBus, type NatsBus } from '../../runtime/nats/nats-bus.js';
import { until } from '../support/data-centers.js';
import { startMessageServer, type MessageServer } from '../support/message-server.js';

/**
 * A stream that refuses a new consumer, as one does whose server is gone, with an error that ends the client's own
 * attempts: it has room for one consumer only, and that room is taken.
 */
let server: MessageServer;
let manager: NatsConnection;
let bus: NatsBus;
const interruptions: string[] = [];

beforeAll(async () => {
  server = await startMessageServer();
  manager = await connect({ servers: server.url });
  bus = await connectBus({
    cluster: 'starling',
    urls: [server.url],
    name: 'follower',
    onInterrupted: ({ message }) => interruptions.push(message),
  });
});
afterAll(async () => {
  await bus?.close();
  await manager?.close();
  await server?.stop();
});

async function streamForOne(name: string, subjects: string[]): Promise<void> {
  const { streams } = await manager.jetstreamManager();
  const limits = { max_consumers: 1, max_msgs_per_subject: 1, allow_direct: true };
  await streams.add({ name, subjects, ...limits });
}

/** Ends the only consumer and takes its place, until it is given back. */
async function takePlace(stream: string): Promise<() => Promise<unknown>> {
  const { consumers } = await manager.jetstreamManager();
  const [only] = await consumers.list(stream).next();
  await consumers.delete(stream, only!.name);
  await consumers.add(stream, { durable_name: 'taker', ack_policy: AckPolicy.Explicit });
  return () => consumers.delete(stream, 'taker');
}

const interrupted = (): Promise<void> => {
  interruptions.length = 0;
  return until('interrupted', () => interruptions.length > 1);
};

describe('where a stream refuses a consumer for a while', () => {
  test('a tail goes on after the last message it had', async () => {
    await streamForOne('LOG', ['log.*']);
    const seen: number[] = [];
    const tell = (n: number): Promise<number> => bus.append(`log.${n}`, new Uint8Array([n]));
    const tail = await bus.tail({ stream: 'LOG' }, ({ bytes }) => void seen.push(bytes[0]!));
    await tell(1);
    await until('the first', () => seen.length === 1);
    const giveBack = await takePlace('LOG');
    await tell(2);
    await interrupted();
    expect(seen).toEqual([1]);
    await giveBack();
    await tell(3);
    await until('the rest', () => seen.length === 3);
    await tail.stop();
    expect(seen).toEqual([1, 2, 3]);
  }, 60_000);

  test('a tail that is stopped meanwhile ends', async () => {
    await streamForOne('ENDED', ['ended.*']);
    const tail = await bus.tail({ stream: 'ENDED' }, () => undefined);
    await takePlace('ENDED');
    await interrupted();
    await tail.stop();
  }, 60_000);

  test('a watch of keys begins anew, with all there is', async () => {
    await streamForOne('KV_KEYS', ['$KV.KEYS.>']);
    const seen: string[] = [];
    const put = (key: string, n: number): Promise<void> =>
      bus.bucketPut('KEYS', key, new Uint8Array([n]));
    await put('a', 1);
    const watch = await bus.bucketWatch('KEYS', '*', (key, { bytes }) => {
      seen.push(`${key}${bytes[0]}`);
    });
    expect(seen).toEqual(['a1']);
    const giveBack = await takePlace('KV_KEYS');
    await put('a', 2);
    await put('b', 1);
    await until('interrupted', () => interruptions.some((text) => text.includes('KEYS')));
    await giveBack();
    await until('what is new', () => seen.includes('a2') && seen.includes('b1'));
    await watch.stop();
  }, 60_000);
});
