import { describe, expect, test } from '@jest/globals';
import {
  denseReply,
  denseStateMessage,
  denseVersionMessage,
  parseDensePush,
  parseDenseReply,
  parseDenseState,
  parseDenseVersion,
  densePushMessage,
  parseDurableReply,
} from './network-state.js';

const version = {
  specHash: 'h',
  denseVersion: 3,
  trainedThrough: 7,
  parameters: Float32Array.of(1, 2),
  outcomes: ['click'],
};
const state = {
  ...version,
  epoch: 2,
  optimizerState: new Float32Array(4),
  steps: 9,
  applied: Float64Array.of(7),
};

const reader = (parameterCount: number) => ({ hash: version.specHash, parameterCount });

describe('the network', () => {
  test('in parts, without a head, or trained on several logs is refused until somebody puts it together', () => {
    const message = denseVersionMessage(version);
    expect(parseDenseVersion(message, reader(2))).toEqual(version);
    for (const change of [
      { part: 1 },
      { last: false },
      { offset: 2 },
      { outcomes: [] },
      { trainedThrough: Float64Array.of(7, 2 ** 44 + 1) },
      { model: 'candidate' },
    ])
      expect(() => parseDenseVersion({ ...message, ...change }, reader(2))).toThrow(
        /dense version/,
      );
  });

  test('names what its heads predict, in their order', () => {
    const several = { ...version, outcomes: ['click', 'purchase'] };
    expect(parseDenseVersion(denseVersionMessage(several), reader(2))).toEqual(several);
  });

  test('of another size is refused, in each of its messages', () => {
    expect(() => parseDenseVersion(denseVersionMessage(version), reader(3))).toThrow(/parameters/);
    expect(() => parseDenseState(denseStateMessage(state), reader(1))).toThrow(/parameters/);
    const reply = { outcome: 'applied' as const, denseVersion: 3, sequence: 1 };
    const { parameters } = version;
    expect(() => parseDenseReply(denseReply({ ...reply, parameters }), 3)).toThrow(/parameters/);
    const push = { specHash: 'h', batches: Float64Array.of(1), gradient: new Float32Array(2) };
    expect(() => parseDensePush(densePushMessage(push), 3)).toThrow(/gradient/);
  });

  test('need not get a gradient for batches that are only entered', () => {
    const push = { specHash: 'h', batches: Float64Array.of(1), gradient: new Float32Array(0) };
    expect(parseDensePush(densePushMessage(push), 3)).toEqual(push);
  });

  test('is durable or not, and nothing else', () => {
    expect(() => parseDurableReply({ v: 2, model: 'main', sequence: 1 })).toThrow(/durable/);
  });
});
