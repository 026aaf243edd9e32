import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { actorsOf } from '../../messages/actor-status.js';
import type { ReplayReport } from '../../replay/replay-report.js';
import { writeEvents } from '../support/events-csv.js';
import { StarlingUp, temporaryFolder } from '../support/starling-process.js';

let temporary: ReturnType<typeof temporaryFolder>;
let cluster: StarlingUp | undefined;

beforeEach(() => {
  temporary = temporaryFolder();
});
afterEach(async () => {
  await cluster?.stop();
  temporary.remove();
});

const eventCount = 10_000;
/** Events a second, so that there are some until the last kill. */
const pace = 400;
const killsMin = 20;
const victims = ['ps-shard', 'trainer', 'joiner', 'dense-shard', 'serving-shard'];
/**
 * Of the AUC over the last tenth: undisturbed runs end between 0.796 and 0.805. Over all events they differ by 0.06, by
 * when learning happens to take off.
 */
const aucNoise = 0.02;

function start(name: string, ...options: string[]): { up: StarlingUp; report: () => ReplayReport } {
  const file = path.join(temporary.folder, `${name}.json`);
  const events = writeEvents(temporary.folder, eventCount);
  const state = path.join(temporary.folder, name);
  const up = new StarlingUp(state, '--events', events, '--report', file, ...options);
  cluster = up;
  return { up, report: () => JSON.parse(readFileSync(file, 'utf8')) as ReplayReport };
}

const aucAtEnd = ({ quality }: ReplayReport): number => quality.windows.at(-1)!.auc!;

test('20 kills of shards, trainers and joiners at random moments: each batch counts once everywhere, and it learns as well', async () => {
  const calm = start('calm');
  expect(await calm.up.finished).toMatchObject({ code: 0 });

  const { up, report } = start('disturbed', '--speed', String(pace), '--max-lag', '100');
  await up.until('learning', ({ actors }) =>
    actorsOf(actors, 'trainer').some(({ stats }) => Number(stats.samples) > 200),
  );
  let state = 7;
  const next = (below: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  let kills = 0;
  while (!up.ended && kills < killsMin + 5) {
    const status = await up.status();
    const alive = (status?.actors ?? []).filter(
      ({ kind, pid, state: life }) => victims.includes(kind) && pid !== null && life === 'ready',
    );
    const victim = alive[next(Math.max(1, alive.length))];
    if (victim) {
      try {
        process.kill(victim.pid!, 'SIGKILL');
        kills++;
      } catch {
        // Gone since the status was made.
      }
    }
    await new Promise((resolve) => setTimeout(resolve, next(500)));
  }
  const { code, output } = await up.finished;
  expect({ code, output }).toMatchObject({ code: 0 });
  const disturbed = report();
  expect(kills).toBeGreaterThanOrEqual(killsMin);
  expect(disturbed.supervision.restarts).toBeGreaterThanOrEqual(killsMin);
  expect(disturbed.events).toMatchObject({ accepted: eventCount, open: 0, deadLettered: 0 });
  // Each batch in each partition and in the network exactly once is a law of these books (replay/conservation-laws.ts).
  expect(disturbed.conservation.ok).toBe(true);
  expect(Math.abs(aucAtEnd(disturbed) - aucAtEnd(calm.report()))).toBeLessThan(aucNoise);
}, 300_000);
