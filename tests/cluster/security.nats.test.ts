import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { actorsOf } from '../../messages/actor-status.js';
import { roles } from '../../messages/roles.js';
import type { ServerCredentials } from '../../site/servers/server-users.js';
import { hasOpenssl, makeCertificates } from '../support/certificates.js';
import { leanConfig } from '../support/lean-config.js';
import { StarlingUp, starling, temporaryFolder } from '../support/starling-process.js';

let temporary: ReturnType<typeof temporaryFolder>;
let cluster: StarlingUp | undefined;
beforeEach(() => {
  temporary = temporaryFolder();
});
afterEach(async () => {
  await cluster?.stop();
  temporary.remove();
});

function filesUnder(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name));
}

/** Of a process and of all that it started; empty where the system does not show them. */
function commandLines(pids: readonly (number | null)[]): string {
  const lineOf = (pid: number | null): string => {
    try {
      return (
        readFileSync(`/proc/${pid}/cmdline`, 'utf8') + readFileSync(`/proc/${pid}/environ`, 'utf8')
      );
    } catch {
      return '';
    }
  };
  return pids.map(lineOf).join('\n');
}

const title = hasOpenssl ? 'with TLS' : 'without TLS, as there is no openssl command';

test(`a running cluster, ${title}, keeps its passwords to itself and no actor oversteps its role`, async () => {
  const tls = hasOpenssl ? makeCertificates(temporary.folder) : 'off';
  const config = path.join(temporary.folder, 'cluster.config.json');
  writeFileSync(config, JSON.stringify({ ...leanConfig, nats: { tls } }));
  const state = path.join(temporary.folder, 'state');
  cluster = new StarlingUp(state, '--config', config);
  const { actors, natsServers } = await cluster.until(
    'learning',
    (status) =>
      status.ready &&
      actorsOf(status.actors, 'trainer').some(({ stats }) => Number(stats.samples) > 0),
  );
  const recommended = await starling('recommend', '--user', 'u1', '--json', '--state', state);
  expect(recommended.code).toBe(0);

  const pids = [...actors, ...natsServers].map(({ pid }) => pid);
  const shown = commandLines(pids);
  const { output } = await cluster.stop();
  const files = filesUnder(state);
  const credentials = JSON.parse(
    readFileSync(path.join(state, 'nats', 'credentials.json'), 'utf8'),
  ) as ServerCredentials;
  const secrets = [...Object.values(credentials.passwords), credentials.serverPassword];
  expect(secrets).toHaveLength(roles.length + 1);

  const logs = files.filter((file) => file.includes('.log'));
  expect(logs.length).toBeGreaterThanOrEqual(new Set(pids).size);
  for (const text of [shown, output, ...logs.map((file) => readFileSync(file, 'utf8'))]) {
    expect(secrets.filter((secret) => text.includes(secret))).toEqual([]);
    expect(text).not.toMatch(/FORBIDDEN|Violation/);
  }
  const holders = files.filter((file) => /\.(conf|json)$/.test(file));
  for (const file of holders.filter((each) =>
    secrets.some((s) => readFileSync(each, 'utf8').includes(s)),
  )) {
    expect([file, statSync(file).mode & 0o077]).toEqual([file, 0]);
  }
  expect(statSync(state).mode & 0o077).toBe(0);
}, 120_000);
