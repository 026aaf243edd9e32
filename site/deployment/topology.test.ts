import { describe, expect, test } from '@jest/globals';
import { hostOf, parseTopology, portsOf } from './topology.js';

const config = {
  dataCenters: [
    { name: 'train', role: 'training', servers: 3 },
    { name: 'east', role: 'inference', servers: 1 },
  ],
} as const;
const train = ['n1', 'n2', 'n3'].map((server) => ({ server }));
const dataCenters = { train, east: [{ server: 'e1' }] };
const parse = (input: unknown) => parseTopology(input, { dataCenters: [...config.dataCenters] });

describe('a topology', () => {
  test('needs no more than the names of the servers', () => {
    const topology = parse({ dataCenters });
    expect(topology).toMatchObject({
      listen: { monitor: '127.0.0.1', others: '0.0.0.0' },
    });
    expect(topology.tls).toBeUndefined();
    expect(topology.syncAlways).toBeUndefined();
    const [server] = topology.dataCenters['east']!;
    expect(hostOf(server!)).toBe('e1');
    expect(server!.storeDir).toBe('/var/lib/nats');
    expect(portsOf(topology, server!)).toEqual({
      client: 4222,
      cluster: 6222,
      gateway: 7222,
      monitor: 8222,
    });
  });

  test('may give a server another host than its name, and ports of its own', () => {
    const east = [{ server: 'e1', host: '10.0.0.7', ports: { client: 4333 } }];
    const topology = parse({ dataCenters: { train, east }, ports: { gateway: 7333 } });
    const [server] = topology.dataCenters['east']!;
    expect(hostOf(server!)).toBe('10.0.0.7');
    expect(portsOf(topology, server!)).toMatchObject({
      client: 4333,
      cluster: 6222,
      gateway: 7333,
    });
  });

  test.each<[string, unknown, string]>([
    ['nothing', undefined, 'configuration: expected an object with dataCenters'],
    ['a misspelt key', { dataCenters, prots: {} }, 'unknown key "prots", did you mean "ports"?'],
    [
      'a path as a name',
      { dataCenters: { ...dataCenters, east: [{ server: '../e1' }] } },
      'dataCenters.east[0].server: expected a host name',
    ],
    [
      'a host that would break its URL',
      { dataCenters: { ...dataCenters, east: [{ server: 'e1', host: 'e1/x' }] } },
      'dataCenters.east[0].host: expected a host name or an IP address; got "e1/x"',
    ],
    [
      'a key without its certificate',
      { dataCenters, tls: { ca: 'ca.pem', key: 'key.pem' } },
      'tls.cert: expected the path of a PEM file',
    ],
    [
      'a port out of range',
      { dataCenters, ports: { client: 70_000 } },
      'ports.client: expected an integer from 1 to 65535; got 70000',
    ],
    [
      'a data center of another cluster',
      { dataCenters: { ...dataCenters, west: [{ server: 'w1' }] } },
      'dataCenters.west: the configuration knows only train, east',
    ],
    [
      'a data center too few',
      { dataCenters: { train } },
      'dataCenters.east: expected as many servers as the configuration says with dataCenters[].servers, 1; got 0',
    ],
    [
      'fewer servers than streams have copies',
      { dataCenters: { ...dataCenters, train: train.slice(1) } },
      'dataCenters.train: expected as many servers as the configuration says with dataCenters[].servers, 3; got 2',
    ],
    [
      'a name twice, in two data centers',
      { dataCenters: { train, east: [{ server: 'n1', host: 'e1' }] } },
      'dataCenters.east[0].server: server n1 is already dataCenters.train[0].server',
    ],
    [
      'two servers at one port',
      { dataCenters: { train, east: [{ server: 'e1', host: 'n1', ports: { client: 1 } }] } },
      'dataCenters.east[0].ports.cluster: port 6222 of n1 is already dataCenters.train[0].ports.cluster',
    ],
  ])('with %s is refused, with the field', (_what, input, message) => {
    expect(() => parse(input)).toThrow(message);
    expect(() => parse(input)).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
  });
});
