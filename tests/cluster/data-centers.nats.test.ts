import { afterEach, expect, test } from '@jest/globals';
import { carryOut } from '../../chaos/faults.js';
import { victimOf } from '../../chaos/victims.js';
import { codeOf } from '../../core/base/errors.js';
import { actorsOf } from '../../messages/actor-status.js';
import { audit } from '../../operations/audit/audit.js';
import { HostFleet } from '../support/host-fleet.js';

let hosts: HostFleet;
afterEach(() => hosts.stop());

const plans = [
  { name: 'h1', dataCenters: ['train'] },
  { name: 'h2', dataCenters: ['east'] },
  { name: 'h3', dataCenters: ['west'] },
];
const items = 20;

async function introduce(): Promise<void> {
  const known = Array.from({ length: items }, (_unused, id) => ({
    ...{ entity: 'item' as const, id },
    features: {},
  }));
  await hosts.client.ingestFeatures(known);
  await hosts.until('items are recommended', async () => {
    return hosts.client.recommend({ user: 1, k: 5 }).then(
      ({ items: shown }) => shown.length === 5,
      () => false,
    );
  });
}

/** One recommendation and what came of it. */
async function visit(user: number): Promise<void> {
  const { requestId, items: shown } = await hosts.client.recommend({ user, k: 3 });
  const { item } = shown[0]!;
  await hosts.client.ingestActions([{ requestId, item, label: user % 2 === 0 ? 1 : 0 }]);
}

async function booksBalance(): Promise<boolean> {
  const books = await audit(hosts.admin, () => hosts.status(), 0);
  return books.ok && Object.values(books.findings.inFlight).every((count) => count === 0);
}

test('without the training data center people are served and heard, and all of it is learned later', async () => {
  hosts = await HostFleet.start(plans, {});
  await introduce();
  const processes = hosts.fleet.processes();
  const victim = {
    ...victimOf({ target: 'data-center', pick: 0 }, processes, '')!,
    ...{ name: 'train', dataCenter: 'train' },
    processes: processes.filter(({ dataCenter }) => dataCenter === 'train'),
  };
  const loss = { atMs: 0, what: 'loss', target: 'data-center', pick: 0, lastsMs: 6_000 } as const;
  let isLost = true;
  const over = carryOut(loss, victim, { fleet: hosts.fleet }).then(() => (isLost = false));
  const failures: unknown[] = [];
  let heard = 0;
  for (let user = 0; isLost; user++) {
    await visit(user).then(
      () => heard++,
      (error: unknown) => failures.push([codeOf(error), String(error)]),
    );
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  await over;
  expect(failures).toEqual([]);
  expect(heard).toBeGreaterThan(10);
  await hosts.until('training is back', ({ ready }) => ready);
  await hosts.until('what was heard meanwhile is learned, once', booksBalance);
  const [joiner] = actorsOf((await hosts.status()).actors, 'joiner');
  expect(joiner!.stats.positives).toBeGreaterThan(0);
}, 240_000);
