import { describe, expect, test } from '@jest/globals';
import { parseClusterConfig } from '../../core/config/schema.js';
import { roles, type Role } from '../../messages/roles.js';
import type { ServerCredentials } from '../servers/server-users.js';
import { deploymentFiles } from './deployment-files.js';
import { parseTopology } from './topology.js';

const config = parseClusterConfig({
  features: { user: { entity: 'user', kind: 'id' }, item: { entity: 'item', kind: 'id' } },
  dataCenters: [
    { name: 'train', role: 'training', servers: 3 },
    { name: 'east', role: 'inference' },
  ],
  nats: { storageBytesMax: 1 << 30 },
});
const credentials: ServerCredentials = {
  passwords: Object.fromEntries(roles.map((role) => [role, `${role}-p`])) as Record<Role, string>,
  serverUser: 'server',
  serverPassword: 'g',
  systemUser: 'system',
  systemPassword: 's',
};
const train = ['n1', 'n2', 'n3'].map((name) => ({ server: `${name}.example` }));
const tls = { ca: '/tls/ca.pem', cert: '/tls/{server}.pem', key: '/tls/{server}-key.pem' };

function filesOf(changed: object = {}): Record<string, string> {
  const east = [{ server: 'e1', host: '10.0.0.7', storeDir: '/data', ports: { client: 4333 } }];
  const topology = parseTopology({ dataCenters: { train, east }, ...changed }, config);
  const files = deploymentFiles({ config, topology, credentials });
  return Object.fromEntries(files.map(({ path, text }) => [path, text]));
}

describe('the files of a deployment', () => {
  test('are one for each server, and two for those who connect', () => {
    expect(Object.keys(filesOf())).toEqual([
      'train/n1.example.conf',
      'train/n2.example.conf',
      'train/n3.example.conf',
      'east/e1.conf',
      'access.json',
      'client-access.json',
    ]);
  });

  test('join a server to those of its data center by routes, and to all by gateways', () => {
    const [servers] = filesOf()['train/n2.example.conf']!.split('accounts {');
    expect(servers).toBe(`server_name: "n2.example"
server_tags: ["data-center:train"]
listen: "0.0.0.0:4222"
client_advertise: "n2.example:4222"
http: "127.0.0.1:8222"
max_payload: 8388608
max_pending: 134217728
jetstream {
  store_dir: "/var/lib/nats"
  max_memory_store: 268435456
  max_file_store: 1073741824
}
cluster {
  name: "train"
  listen: "0.0.0.0:6222"
  advertise: "n2.example:6222"
  routes: ["nats-route://server:g@n1.example:6222", "nats-route://server:g@n2.example:6222", "nats-route://server:g@n3.example:6222"]
  authorization { user: "server", password: "g", timeout: 10 }
}
gateway {
  name: "train"
  listen: "0.0.0.0:7222"
  advertise: "n2.example:7222"
  authorization { user: "server", password: "g", timeout: 10 }
  gateways: [
    { name: "train", urls: ["nats://server:g@n1.example:7222", "nats://server:g@n2.example:7222", "nats://server:g@n3.example:7222"] }
    { name: "east", urls: ["nats://server:g@10.0.0.7:7222"] }
  ]
}
`);
  });

  test('give each data center its own permissions and its own stream of events', () => {
    const files = filesOf();
    expect(files['east/e1.conf']).toContain('store_dir: "/data"');
    expect(files['east/e1.conf']).toContain('"starling.ingest.*": "starling.raw.east.$1"');
    expect(files['train/n3.example.conf']).toContain(
      '"starling.ingest.*": "starling.raw.train.$1"',
    );
  });

  test('name the certificate of each server, which other servers must see', () => {
    const text = filesOf({ tls })['train/n1.example.conf']!;
    expect(text.match(/cert_file: "\/tls\/n1\.example\.pem"/g)).toHaveLength(3);
    expect(text.match(/key_file: "\/tls\/n1\.example-key\.pem"/g)).toHaveLength(3);
    expect(text.match(/verify: true/g)).toHaveLength(2);
  });

  test('listen where the topology says, and keep an IPv6 address apart from its port', () => {
    const east = [{ server: 'e1', host: 'fd00::7' }];
    const listen = { monitor: '0.0.0.0', others: '::' };
    const files = filesOf({ dataCenters: { train, east }, listen, syncAlways: true });
    expect(files['east/e1.conf']).toContain(
      'listen: "[::]:4222"\nclient_advertise: "[fd00::7]:4222"',
    );
    expect(files['east/e1.conf']).toContain('http: "0.0.0.0:8222"');
    expect(files['east/e1.conf']).toContain('sync_interval: always');
    expect(files['access.json']).toContain('nats://[fd00::7]:4222');
  });

  test('flush each write if the topology says so, or else the configuration', () => {
    const topology = parseTopology({ dataCenters: { train, east: [{ server: 'e1' }] } }, config);
    const textOf = (synced: boolean, syncAlways?: boolean): string =>
      deploymentFiles({
        config: { ...config, nats: { ...config.nats, syncAlways: synced } },
        topology: { ...topology, syncAlways },
        credentials,
      }).find(({ path }) => path === 'east/e1.conf')!.text;
    expect(textOf(false)).not.toContain('sync_interval');
    expect(textOf(true)).toContain('sync_interval: always');
    expect(textOf(true, false)).not.toContain('sync_interval');
    expect(textOf(false, true)).toContain('sync_interval: always');
  });

  test('tell hosts every password, and programs only that of clients', () => {
    const files = filesOf({ tls });
    const dataCenters = [
      {
        name: 'train',
        role: 'training',
        urls: ['tls://n1.example:4222', 'tls://n2.example:4222', 'tls://n3.example:4222'],
      },
      { name: 'east', role: 'inference', urls: ['tls://10.0.0.7:4333'] },
    ];
    expect(JSON.parse(files['access.json']!)).toEqual({
      name: 'starling',
      dataCenters,
      passwords: credentials.passwords,
      tls: { ca: '/tls/ca.pem' },
    });
    expect(JSON.parse(files['client-access.json']!)).toEqual({
      name: 'starling',
      dataCenters,
      user: 'client',
      password: 'client-p',
      tls: { ca: '/tls/ca.pem' },
    });
  });

  test('say plainly that nothing is encrypted without certificates', () => {
    const { dataCenters, tls: none } = JSON.parse(filesOf()['access.json']!) as {
      dataCenters: { urls: string[] }[];
      tls?: unknown;
    };
    expect(dataCenters[1]!.urls).toEqual(['nats://10.0.0.7:4333']);
    expect(none).toBeUndefined();
  });
});
