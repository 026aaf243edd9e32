import { describe, expect, test } from '@jest/globals';
import {
  renderServerConfig,
  type DataCenterServer,
  type ServerCredentials,
  type ServerLimits,
} from './server-config.js';

const server = (name: string, port: number): DataCenterServer => ({
  name,
  ports: { client: port, monitor: port + 1, cluster: port + 2, gateway: port + 3 },
  storeFolder: `/state/${name}`,
});
const train = server('train', 4000);
const east = server('east', 5000);
const credentials: ServerCredentials = {
  user: 'starling',
  password: 'p',
  systemUser: 'system',
  systemPassword: 's',
};
const limits: ServerLimits = {
  payloadBytesMax: 8 << 20,
  storageBytesMax: 1 << 30,
  syncAlways: false,
};
const render = (own = east, changed: Partial<ServerLimits> = {}) =>
  renderServerConfig(own, [train, east], credentials, { ...limits, ...changed });

describe('the configuration of a server', () => {
  test('reads as follows', () => {
    expect(render()).toBe(`server_name: "east-1"
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
  routes: ["nats-route://127.0.0.1:5002"]
}
gateway {
  name: "east"
  listen: "127.0.0.1:5003"
  gateways: [
    { name: "train", urls: ["nats://127.0.0.1:4003"] }
    { name: "east", urls: ["nats://127.0.0.1:5003"] }
  ]
}
accounts {
  $SYS {
    users: [{ user: "system", password: "s" }]
  }
  STARLING {
    jetstream: enabled
    users: [{ user: "starling", password: "p" }]
    mappings {
      "starling.ingest.*": "starling.raw.east.$1"
    }
  }
}
`);
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
    const text = renderServerConfig(odd, [train, odd], credentials, limits);
    expect(text).toContain('store_dir: "C:\\\\my \\"state\\""');
  });

  test('of a lone data center is a mistake of the caller', () => {
    expect(() => renderServerConfig(east, [east], credentials, limits)).toThrow(/at least two/);
  });
});
