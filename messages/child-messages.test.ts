import { describe, expect, test } from '@jest/globals';
import {
  parseAttachMessage,
  parseChildMessage,
  parseParentMessage,
  type AttachMessage,
  type StartMessage,
} from './child-messages.js';

const start: StartMessage = {
  type: 'start',
  address: 'a.ps-shard.0',
  kind: 'ps-shard',
  dataCenter: 'a',
  index: 0,
  epoch: 1,
  partitions: [0, 2],
  config: {},
  nats: { cluster: 'starling', url: ['nats://127.0.0.1:4222'], user: 'u', password: 'p' },
  stateDir: '.starling',
};

const attach: AttachMessage = {
  type: 'attach',
  address: 'a.ps-shard.0',
  kind: 'ps-shard',
  epoch: 3,
  pid: 4711,
  state: 'ready',
  partitions: [0, 2],
  startHash: 'e3b0',
};

describe('messages between a supervisor and its children', () => {
  test('of known shape pass, with unknown fields ignored', () => {
    expect(parseParentMessage({ ...start, later: 1 })).toMatchObject(start);
    expect(parseParentMessage({ type: 'stop', drainMs: 5, later: 1 })).toEqual({
      type: 'stop',
      drainMs: 5,
    });
    expect(parseParentMessage({ type: 'adopted', later: 1 })).toEqual({ type: 'adopted' });
    expect(parseParentMessage({ type: 'retire', later: 1 })).toEqual({ type: 'retire' });
    expect(parseAttachMessage({ ...attach, later: 1 })).toEqual(attach);
    expect(parseParentMessage({ ...start, serving: false })).toMatchObject({ serving: false });
    expect(parseParentMessage({ type: 'serve', open: false, later: 1 })).toEqual({
      type: 'serve',
      open: false,
    });
    expect(parseChildMessage({ type: 'state', state: 'ready' })).toEqual({
      type: 'state',
      state: 'ready',
    });
    expect(parseChildMessage({ type: 'heartbeat', atMs: 1 })).toEqual({
      type: 'heartbeat',
      atMs: 1,
      stats: {},
    });
  });

  test('an unknown failure code reads as INTERNAL', () => {
    expect(parseChildMessage({ type: 'failed', code: 'NEW', message: 'm' })).toEqual({
      type: 'failed',
      code: 'INTERNAL',
      message: 'm',
    });
  });

  test.each([
    null,
    'state',
    [],
    { type: 'other' },
    { type: 'state', state: 'asleep' },
    { type: 'heartbeat', atMs: 'now' },
    { type: 'failed', code: 'INTERNAL' },
  ])('from a child of another shape are ignored: %j', (value) => {
    expect(parseChildMessage(value)).toBeUndefined();
  });

  test.each([
    'attach',
    { ...attach, type: 'state' },
    { ...attach, address: 7 },
    { ...attach, kind: 'oracle' },
    { ...attach, epoch: 0 },
    { ...attach, pid: -1 },
    { ...attach, state: 'asleep' },
    { ...attach, partitions: ['0'] },
    { ...attach, startHash: undefined },
  ])('that introduce nobody are ignored: %j', (value) => {
    expect(parseAttachMessage(value)).toBeUndefined();
  });

  test.each([
    undefined,
    { type: 'stop' },
    { type: 'serve' },
    { type: 'serve', open: 'no' },
    { ...start, serving: 1 },
    { ...start, kind: 'oracle' },
    { ...start, epoch: '1' },
    { ...start, partitions: [0.5] },
    { ...start, nats: { url: 'nats://127.0.0.1:4222', user: 'u', password: 'p' } },
  ])('from a supervisor of another shape are ignored: %j', (value) => {
    expect(parseParentMessage(value)).toBeUndefined();
  });
});
