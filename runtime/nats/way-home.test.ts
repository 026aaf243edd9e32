import { describe, expect, test } from '@jest/globals';
import { Calm } from './way-home.js';
import { hostPortOf } from './server-pool.js';
import { parseGreeting } from '../server-info.js';

describe('the calm before the way home', () => {
  test('is over when home has been there at every look for long enough', () => {
    const calm = new Calm(3_000);
    const looks = [0, 1_000, 2_000, 2_999, 3_000].map((atMs) => calm.observe(true, atMs));
    expect(looks).toEqual([false, false, false, false, true]);
  });

  test('begins anew when home is gone once', () => {
    const calm = new Calm(3_000);
    calm.observe(true, 0);
    calm.observe(false, 2_000);
    expect(calm.observe(true, 3_000)).toBe(false);
    expect(calm.observe(true, 5_999)).toBe(false);
    expect(calm.observe(true, 6_000)).toBe(true);
  });
});

describe('the greeting of a server', () => {
  test('names its cluster and its version', () => {
    const greeting = 'INFO {"version":"2.15.3","cluster":"east","max_payload":8192} \r\n';
    expect(parseGreeting(greeting)).toEqual({
      payloadBytesMax: 8192,
      cluster: 'east',
      version: '2.15.3',
    });
    expect(parseGreeting('INFO {"server_id":"x"}\r\nPING\r\n')).toEqual({});
  });

  test.each([
    ['of a server that is about to end', 'INFO {"cluster":"east","ldm":true}\r\n'],
    ['of something else', '220 mail.example.com ESMTP\r\n'],
    ['that is no JSON', 'INFO {"cluster":}\r\n'],
    ['that is nothing', '\r\n'],
  ])('%s counts as none', (_what, text) => {
    expect(parseGreeting(text)).toBeUndefined();
  });
});

test.each([
  ['nats://127.0.0.1:4222', '127.0.0.1:4222'],
  ['127.0.0.1:4223', '127.0.0.1:4223'],
  ['nats://Example.COM', 'example.com:4222'],
  ['nats://[::1]:4222', '[::1]:4222'],
])('the client names the server %s as %s', (url, name) => {
  expect(hostPortOf(url)).toBe(name);
});
