import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { actorKinds } from '../../messages/supervision.js';
import { writeEvents } from '../support/events-csv.js';
import { StarlingUp, temporaryFolder } from '../support/starling-process.js';

interface Report {
  events: { accepted: number; open: number; positives: number; negatives: number };
  quality: { auc: number };
  conservation: { ok: boolean };
  supervision: { restarts: number };
}

describe('kill -9 during a replay', () => {
  let temporary: ReturnType<typeof temporaryFolder>;
  let cluster: StarlingUp | undefined;

  beforeEach(() => {
    temporary = temporaryFolder();
  });
  afterEach(async () => {
    await cluster?.stop();
    temporary.remove();
  });

  test('of one actor of each kind, one after the other: the replay completes and the books balance', async () => {
    const events = writeEvents(temporary.folder, 30_000);
    const reportFile = path.join(temporary.folder, 'report.json');
    const up = new StarlingUp(
      path.join(temporary.folder, 'state'),
      '--events',
      events,
      '--report',
      reportFile,
    );
    cluster = up;
    await up.until('learning', ({ actors }) =>
      actors.some(({ kind, stats }) => kind === 'trainer' && Number(stats['samples']) > 200),
    );
    for (const kind of actorKinds) {
      const before = await up.until(`ready before the kill of a ${kind}`, ({ ready }) => ready);
      const victim = before.actors.find((actor) => actor.kind === kind)!;
      process.kill(victim.pid!, 'SIGKILL');
      await up.until(`ready again after the kill of ${victim.address}`, ({ actors }) =>
        actors.some(
          ({ address, epoch, state }) =>
            address === victim.address && epoch > victim.epoch && state === 'ready',
        ),
      );
    }
    const { code, output } = await up.finished;
    expect({ code, output }).toMatchObject({ code: 0 });
    const report = JSON.parse(readFileSync(reportFile, 'utf8')) as Report;
    expect(report.events).toMatchObject({ accepted: 30_000, open: 0 });
    expect(report.events.positives + report.events.negatives).toBe(30_000);
    expect(report.conservation.ok).toBe(true);
    expect(report.supervision.restarts).toBeGreaterThanOrEqual(actorKinds.length);
    expect(report.quality.auc).toBeGreaterThan(0.65);
  }, 300_000);
});
