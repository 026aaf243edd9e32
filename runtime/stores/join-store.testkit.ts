import { actionsOf, impressionsOf, oneOutcome } from '../../core/joining/join-events.testkit.js';
import type { JoinWindow } from '../../core/joining/join-window.js';
import type { JoinOptions, SampleBatch } from '../../core/joining/types.js';
import type { JoinCommit } from './join-store.js';

/** A stream that is a function of the step number, so that any committed prefix can be computed again. */
export const joinStepOptions: JoinOptions = {
  ...oneOutcome(400),
  latenessMs: 50,
  copiesMs: 0,
  negativeRate: 0.5,
  bucketMs: 10,
  memoryOpenMax: 100,
};

const rowsPerStep = 40;

/** Feeds step `step` (from 1) to the window and returns what is to be committed for it. */
export function joinStep(window: JoinWindow, step: number): JoinCommit {
  const shown = (at: number) =>
    Array.from({ length: rowsPerStep }, (_, i) => ({
      requestId: `r${at}-${i >> 2}`,
      item: `i${i}`,
      atMs: 1000 + 20 * at + i,
    }));
  window.observeImpressions(impressionsOf(shown(step)));
  // Clicks on what this step, one 5 steps ago and one not yet seen have shown: joined at once, stored first, held.
  const clicked = [step, step - 5, step + 1].flatMap((at) =>
    shown(at).filter((_, i) => (i + at) % 7 === 0),
  );
  window.observeActions(actionsOf(clicked.map((row) => ({ ...row, atMs: row.atMs + 5 }))));
  const { samples, changes } = window.drain();
  const messages = [{ number: step, bytes: messageOf(samples) }];
  return { changes, consumed: { JOIN: step }, outbox: messages, confirmedThrough: step - 3 };
}

/** Something that names every sample. */
function messageOf(samples: SampleBatch): Uint8Array {
  const names = samples.requestIds.map(
    (requestId, i) => `${requestId} ${samples.items[i]} ${samples.outcomes['click']!.labels[i]}`,
  );
  return Buffer.from(names.join('\n'));
}
