import { setTimeout as sleep } from 'node:timers/promises';
import { joinPartitions } from '../core/config/join-partitions.js';
import { messageOf } from '../core/base/errors.js';
import { joinCloseMessage } from '../messages/events.js';
import { call } from '../runtime/idempotent-call.js';
import { brokenLaws } from './conservation-laws.js';
import type { Books } from './replay-books.js';
import type { LetterFigures } from './replay-dead-letters.js';
import { lettersSince, noLetters } from './replay-dead-letters.js';
import type { ReplayCluster, ReplayWatch, Sent } from './replay-watch.js';

export interface SettleOptions {
  readonly cluster: ReplayCluster;
  readonly watch: ReplayWatch;
  readonly before: Books;
  readonly sent: Sent;
  /** Open impressions are ended, once all events have arrived. */
  readonly closeWindows: boolean;
  /** Aborted: there is less patience with books that do not balance. */
  readonly signal: AbortSignal;
  readonly log: (line: string) => void;
}

export interface Settled {
  readonly books: Books;
  readonly letters: LetterFigures;
}

/** Books that have not changed for so long will not balance any more. Too low: a slow recovery is reported as a loss. */
const standstillMs = 45_000;
const interruptedStandstillMs = 5_000;
const pollMs = 200;

/** Waits until all that was sent is learned everywhere and the books balance, or until nothing changes any more. */
export async function settle(options: SettleOptions): Promise<Settled> {
  const { watch, before, sent, signal, log } = options;
  let settled: Settled | undefined;
  let mustClose = options.closeWindows;
  let last = '';
  let changedMs = performance.now();
  for (;;) {
    const seen = await watch.look();
    if (seen) {
      const { books } = seen;
      settled = { books, letters: await letters(options, books, settled?.letters ?? noLetters) };
      if (mustClose && haveArrived(sent, settled)) {
        await closeWindows(options.cluster);
        mustClose = false;
      } else if (!mustClose && seen.visible && balances(sent, settled)) return settled;
    }
    const now = JSON.stringify([settled, watch.ledger.through, mustClose]);
    if (now !== last) changedMs = performance.now();
    last = now;
    const patienceMs = signal.aborted ? interruptedStandstillMs : standstillMs;
    if (settled && performance.now() - changedMs > patienceMs) {
      log(`nothing has changed for ${patienceMs / 1000} s; the report has the books as they are.`);
      return settled;
    }
    await sleep(pollMs);
  }

  async function letters(
    { cluster }: SettleOptions,
    books: Books,
    known: LetterFigures,
  ): Promise<LetterFigures> {
    if (books.deadLetters === known.letters) return known;
    try {
      return await lettersSince(cluster.training, before.deadLetters);
    } catch (error) {
      log(`the dead letters can't be read: ${messageOf(error)}`);
      return known;
    }
  }
}

function haveArrived(sent: Sent, { books, letters }: Settled): boolean {
  const { impressions, actions } = books.joined;
  return (
    impressions + letters.impressionsRefused >= sent.impressions &&
    actions + letters.events >= sent.actions
  );
}

function balances(sent: Sent, settled: Settled): boolean {
  const { books, letters } = settled;
  return (
    haveArrived(sent, settled) &&
    books.joined.open === 0 &&
    brokenLaws(sent.impressions, books, letters).length === 0
  );
}

/** No more events will come, so every open impression becomes a negative now. */
async function closeWindows({ config, training }: ReplayCluster): Promise<void> {
  const options = { deadlineMs: 120_000, attemptMs: 60_000 };
  const close = (_unused: unknown, partition: number) =>
    call(training, training.names.subject.joinControl(partition), joinCloseMessage(), options);
  await Promise.all(Array.from({ length: joinPartitions(config) }, close));
}
