import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Bus } from '../../runtime/bus/bus.js';
import { busContract } from '../../runtime/bus/bus-contract.testkit.js';
import { Neighbourhood } from '../../runtime/neighbours/neighbourhood.js';
import {
  anything,
  neighboursContract,
  type NeighboursWorld,
} from '../../runtime/neighbours/neighbours-contract.testkit.js';
import type { Permits } from '../../runtime/neighbours/permits.js';
import type { NatsBus } from '../../runtime/nats/nats-bus.js';
import { startMessageServer, type MessageServer } from '../support/message-server.js';

const limits = { maxAgeMs: 0, discard: 'new', duplicateWindowMs: 120_000 } as const;

async function serverWorld(areNeighbours: boolean): Promise<NeighboursWorld> {
  const server = await startMessageServer();
  // One that was there while the server was killed may ask it what is never answered.
  const asAdmin = async (act: (admin: NatsBus) => Promise<void>): Promise<void> => {
    const admin = await server.connect('admin');
    await act(admin);
    await admin.close();
  };
  const hood = new Neighbourhood();
  const join = async (permits: Permits): Promise<Bus> => hood.join(await server.connect(), permits);
  return {
    connect: areNeighbours ? () => join(anything) : () => server.connect(),
    connectApart: () => server.connect(),
    join,
    declareStream: (name, subjects) =>
      asAdmin((admin) => admin.declareStream({ name, subjects, cluster: '', ...limits }, false)),
    declareBucket: (name) =>
      asAdmin((admin) => admin.declareBucket({ name, cluster: '', replicas: 1 }, false)),
    hang: () => server.pause(),
    wake: () => server.resume(),
    restart: () => server.restart(),
    run: (act) => act(),
    close: () => server.stop(),
  };
}

describe('a bus on NATS', () => {
  busContract(() => serverWorld(false));
});

describe('buses on NATS of one process', () => {
  busContract(() => serverWorld(true));
  neighboursContract(() => serverWorld(true));
});

describe('a stream closed by its longest message', () => {
  let server: MessageServer;
  let bus: NatsBus;
  beforeAll(async () => {
    server = await startMessageServer();
    bus = await server.connect();
  });
  afterAll(async () => server?.stop());

  test('keeps what it has and answers STORAGE_FULL until it is opened', async () => {
    const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
    const full = { name: 'FULL', cluster: '', subjects: ['full'], ...limits };
    await bus.declareStream(full, false);
    await bus.append('full', bytes('kept'));
    await bus.setMessageBytesMax('FULL', 1);
    await bus.declareStream(full, false);
    await expect(bus.append('full', bytes('refused'))).rejects.toMatchObject({
      code: 'STORAGE_FULL',
    });
    await bus.setMessageBytesMax('FULL', undefined);
    await bus.append('full', bytes('taken'));
    expect((await bus.streamState('FULL')).messages).toBe(2);
  });
});
