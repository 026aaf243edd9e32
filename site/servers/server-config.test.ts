import { describe, expect, test } from '@jest/globals';
import { roles, type Role } from '../../messages/roles.js';
import {
  renderClusterServer,
  renderServerConfig,
  type DataCenterServer,
  type ServerLimits,
  type ServerTls,
} from './server-config.js';
import type { ServerCredentials } from './server-users.js';

const server = (name: string, port: number): DataCenterServer => ({
  name,
  ports: { client: port, monitor: port + 1, cluster: port + 2, gateway: port + 3 },
  storeFolder: `/state/${name}`,
});
const train = server('train', 4000);
const east = server('east', 5000);
const credentials: ServerCredentials = {
  passwords: Object.fromEntries(roles.map((role) => [role, `${role}-p`])) as Record<Role, string>,
  serverUser: 'server',
  serverPassword: 'g',
  systemUser: 'system',
  systemPassword: 's',
};
const limits: ServerLimits = {
  payloadBytesMax: 8 << 20,
  storageBytesMax: 1 << 30,
  syncAlways: false,
};
const terms = { cluster: 'starling', credentials, limits, tls: undefined };
const render = (own = east, changed: Partial<ServerLimits> = {}, tls?: ServerTls) =>
  renderServerConfig(own, [train, east], { ...terms, limits: { ...limits, ...changed }, tls });
const tls: ServerTls = { ca: '/tls/ca.pem', cert: '/tls/cert.pem', key: '/tls/key.pem' };

describe('the configuration of a server', () => {
  test('reads as follows', () => {
    const [servers, inside, clients] = render().split('    users: [\n');
    expect(servers).toBe(`server_name: "east-1"
listen: "127.0.0.1:5000"
http: "127.0.0.1:5001"
max_payload: 8388608
max_pending: 134217728
jetstream {
  store_dir: "/state/east"
  max_memory_store: 268435456
  max_file_store: 1073741824
}
cluster {
  name: "east"
  listen: "127.0.0.1:5002"
  routes: ["nats-route://server:g@127.0.0.1:5002"]
  authorization { user: "server", password: "g", timeout: 10 }
}
gateway {
  name: "east"
  listen: "127.0.0.1:5003"
  authorization { user: "server", password: "g", timeout: 10 }
  gateways: [
    { name: "train", urls: ["nats://server:g@127.0.0.1:4003"] }
    { name: "east", urls: ["nats://server:g@127.0.0.1:5003"] }
  ]
}
accounts {
  $SYS {
    users: [{ user: "system", password: "s" }]
  }
  STARLING {
    jetstream: enabled
`);
    expect(inside!.slice(inside!.indexOf('    mappings'))).toBe(`    mappings {
      "starling.ingest.*": "starling.raw.east.$1"
    }
    exports: [
      { service: "starling.recommend", accounts: [CLIENTS] }
      { service: "starling.at.*.recommend", accounts: [CLIENTS] }
      { service: "starling.rank", accounts: [CLIENTS] }
      { service: "starling.at.*.rank", accounts: [CLIENTS] }
      { service: "starling.status", accounts: [CLIENTS] }
      { service: "starling.raw.east.*", accounts: [CLIENTS] }
    ]
  }
  CLIENTS {
`);
    expect(clients).toBe(`      { user: "client", password: "client-p", permissions: {
        publish: { allow: ["starling.recommend", "starling.at.*.recommend", "starling.rank", "starling.at.*.rank", "starling.status", "starling.ingest.*"], deny: ["starling.ingest.erase"] }
        subscribe: ["_INBOX.>"]
      } }
    ]
    imports: [
      { service: { account: STARLING, subject: "starling.recommend" }, to: "starling.recommend" }
      { service: { account: STARLING, subject: "starling.at.*.recommend" }, to: "starling.at.*.recommend" }
      { service: { account: STARLING, subject: "starling.rank" }, to: "starling.rank" }
      { service: { account: STARLING, subject: "starling.at.*.rank" }, to: "starling.at.*.rank" }
      { service: { account: STARLING, subject: "starling.status" }, to: "starling.status" }
      { service: { account: STARLING, subject: "starling.raw.east.*" }, to: "starling.ingest.*" }
    ]
  }
}
`);
  });

  test('has a user for each role, with a password of its own', () => {
    for (const role of roles) {
      expect(render()).toContain(`{ user: "${role}", password: "${role}-p", permissions: {`);
    }
  });

  test('asks other servers for a certificate, and clients for none, where there is TLS', () => {
    const text = render(east, {}, tls);
    expect(text.match(/cert_file: "\/tls\/cert.pem"/g)).toHaveLength(3);
    expect(text.match(/verify: true/g)).toHaveLength(2);
    expect(text.slice(0, text.indexOf('jetstream'))).not.toContain('verify');
    expect(render()).not.toContain('tls');
  });

  test('sends events to the stream of its own data center', () => {
    expect(render(train)).toContain('"starling.ingest.*": "starling.raw.train.$1"');
  });

  test('listens on the loopback interface only', () => {
    const listening = render().match(/(listen|http): .*/g) ?? [];
    expect(listening).toHaveLength(4);
    for (const line of listening) expect(line).toMatch(/"127\.0\.0\.1:\d+"/);
  });

  test('flushes before each acknowledgement if asked to', () => {
    expect(render(east, { syncAlways: true })).toContain('sync_interval: always');
    expect(render()).not.toContain('sync_interval');
  });

  test('holds several of the largest messages for a slow client', () => {
    expect(render(east, { payloadBytesMax: 1 << 20 })).toContain(`max_pending: ${64 << 20}`);
  });

  test('survives a path with quotes and backslashes', () => {
    const odd = { ...east, storeFolder: 'C:\\my "state"' };
    const text = renderServerConfig(odd, [train, odd], terms);
    expect(text).toContain('store_dir: "C:\\\\my \\"state\\""');
  });

  test('of the only one there is waits for nobody: no routes, no gateways, and none to vote with', () => {
    const text = renderServerConfig(east, [east], { ...terms, whole: 'east' });
    expect(text).toContain('cluster {\n  name: "east"\n}');
    expect(text).not.toMatch(/routes|gateway/);
  });

  test('of one of several in the only data center has routes to them, and no gateways', () => {
    const listen = { monitor: '127.0.0.1', others: '127.0.0.1' };
    const [one, ...others] = ['a', 'b', 'c'].map((host) => ({
      ...{ name: `${host}-1`, dataCenter: 'main', host, ports: east.ports, listen },
      storeFolder: '/js',
    }));
    const text = renderClusterServer(one!, [one!, ...others], { ...terms, whole: 'main' });
    for (const host of ['a', 'b', 'c']) expect(text).toContain(`@${host}:${east.ports.cluster}`);
    expect(text).not.toContain('gateway');
  });
});
