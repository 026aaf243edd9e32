import { describe, expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { host } from '../cli/commands/host.js';
import { parseArguments } from '../cli/command.js';
import clusterConfig from '../cluster.config.js';
import { parseClusterConfig } from '../core/config/schema.js';
import { parseTopology } from '../site/deployment/topology.js';

/** What operators copy from deploy/ is as right as the code it names. */
const root = fileURLToPath(new URL('../../', import.meta.url));
const read = (file: string): string => readFileSync(`${root}deploy/${file}`, 'utf8');

const config = parseClusterConfig({
  ...clusterConfig,
  dataCenters: parseClusterConfig(clusterConfig).dataCenters.map((each) => ({
    ...each,
    servers: 3,
  })),
});

interface Resource {
  readonly kind: string;
  readonly spec: Record<string, unknown>;
}

interface PodTemplate {
  readonly spec: {
    readonly containers: readonly {
      readonly args: readonly string[];
      readonly volumeMounts: readonly { readonly name: string }[];
    }[];
    readonly volumes: readonly { readonly name: string }[];
  };
}

type LoadAll = (text: string) => unknown[];

/** Comes with the linter; without it there is nothing to parse with. */
const parser = 'js-yaml';
const { loadAll } = (await import(parser).catch(() => ({}))) as { loadAll?: LoadAll };
const describeWithYaml = loadAll ? describe : describe.skip;

describe('the topologies in deploy/', () => {
  test.each(['topology.json', 'kubernetes/topology.json'])('%s is one of three servers', (file) => {
    const topology = parseTopology(JSON.parse(read(file)), config);
    expect(Object.keys(topology.dataCenters)).toEqual(['train', 'east', 'west']);
  });
});

describe('the systemd units', () => {
  test('start a host with options that it has', () => {
    const [, line] = /^ExecStart=.* dist\/cli\/starling\.js host (.*)$/m.exec(
      read('systemd/starling-host.service'),
    )!;
    const args = parseArguments(host, line!.split(' '));
    expect(args.value('access')).toBe('/etc/starling/access.json');
    expect(args.positionals).toEqual([]);
  });
});

describeWithYaml('the Kubernetes manifests (skipped without js-yaml)', () => {
  const manifests = (file: string, dataCenter: string): Resource[] =>
    loadAll!(read(file).replaceAll('DATA_CENTER', dataCenter)) as Resource[];

  test('of hosts start them with options that they have, and mount what they name', () => {
    const resources = manifests('kubernetes/starling-host.yaml', 'train');
    expect(resources.map(({ kind }) => kind)).toEqual([
      'Service',
      'StatefulSet',
      'PodDisruptionBudget',
    ]);
    const { spec } = resources[1]!.spec['template'] as PodTemplate;
    const [container] = spec.containers;
    const args = parseArguments(host, container!.args.slice(1));
    expect(args.value('data-centers')).toBe('train');
    const mounted = container!.volumeMounts.map(({ name }) => name).filter((n) => n !== 'state');
    expect(spec.volumes.map(({ name }) => name).sort()).toEqual(mounted.sort());
    const labels = { app: 'starling-host', 'data-center': 'train' };
    for (const { spec: each } of resources.slice(1)) {
      expect(each['selector']).toEqual({ matchLabels: labels });
    }
  });

  test('of servers name the files that nats-config writes, where the topology expects them', () => {
    const [values] = loadAll!(read('kubernetes/nats-values.yaml')) as [
      {
        config: { cluster: { replicas: number }; jetstream: { fileStore: { dir: string } } };
        container: { patch: { path: string; value: unknown }[] };
      },
    ];
    const topology = parseTopology(JSON.parse(read('kubernetes/topology.json')), config);
    const servers = Object.values(topology.dataCenters);
    for (const each of servers) expect(each).toHaveLength(values.config.cluster.replicas);
    for (const { storeDir } of servers.flat()) {
      expect(storeDir).toBe(values.config.jetstream.fileStore.dir);
    }
    const args = values.container.patch.find(({ path }) => path === '/args')!.value;
    expect(args).toContain('/etc/starling/nats/$(POD_NAME).conf');
  });
});
