import { describe, expect, test } from '@jest/globals';
import base from '../cluster.config.js';
import { parseClusterConfig } from '../core/config/schema.js';
import { payloadBytesOf, requireMessagesFit } from './message-limit.js';

const mebibyte = 2 ** 20;
const configWith = (hidden: number[]) =>
  parseClusterConfig({ ...base, model: { ...base.model, hidden } });

describe('the largest message', () => {
  test('of a server of ours is as the configuration says, or as its network needs', () => {
    expect(payloadBytesOf(configWith([1024, 512]))).toBe(8 * mebibyte);
    expect(payloadBytesOf(configWith([2048, 1024]))).toBeGreaterThan(9 * mebibyte);
    expect(() => requireMessagesFit(configWith([2048, 1024]))).not.toThrow();
  });

  test('that a server takes is too small for a wide network: the figure that is needed, and what to do', () => {
    expect(() => requireMessagesFit(configWith([64]), mebibyte)).not.toThrow();
    expect(() => requireMessagesFit(configWith([1024, 512]), mebibyte)).toThrow(
      /model\.hidden: this network takes messages of 2\d{6} bytes, and the NATS server takes max_payload 1048576: set it to 2\d{6} or more, or make model\.hidden smaller\./,
    );
    expect(() => requireMessagesFit(configWith([1024, 512]), 8 * mebibyte)).not.toThrow();
  });

  test('of NATS is 64 MiB: a network beyond that is refused on any server', () => {
    expect(() => requireMessagesFit(configWith([4096, 4096]))).toThrow(
      /NATS takes 67108864 at most: make model\.hidden smaller/,
    );
  });
});
