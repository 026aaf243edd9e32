import { decode } from '../../messages/codec.js';
import { parseTimeout } from '../../messages/timeout.js';
import type { SimulatedAudience } from '../cluster/simulated-audience.js';
import type { Served } from '../nats/memory-servers.js';
import type { Report } from './violation.js';

/** Milliseconds: clocks of machines drift, and what follows from an answer takes turns of the loop. More would hide who begins anew. */
const slackMs = 50;

/** A process that stands still for less need not notice. */
const unnoticedMs = 750;

/** Every request is answered or refused within the time that its caller has. */
export function checkRequests(audiences: readonly SimulatedAudience[], report: Report): void {
  for (const audience of audiences) {
    for (const text of audience.empty) report('ready is ready', text);
    for (const { what, tookMs, limitMs, code } of audience.takeOutcomes()) {
      if (tookMs > limitMs + slackMs)
        report('in time', `${what}: ${code} after ${tookMs.toFixed(0)} ms of ${limitMs}`);
    }
    for (const { what, ageMs, limitMs } of audience.underWay()) {
      if (ageMs > limitMs + slackMs)
        report('in time', `${what}: nothing after ${ageMs.toFixed(0)} ms of ${limitMs}`);
    }
  }
}

/** Nobody works for longer than somebody waits, but for who stood still meanwhile; and nobody begins when nobody waits. */
export function checkServed(served: Served, report: Report): void {
  const { responder, subject, timeout, sinceMs, waitedMs, reply } = served;
  if (timeout === undefined) return;
  const { name, timeMs, resumedAtMs } = responder.process;
  const patienceMs = parseTimeout(timeout) + slackMs;
  if (waitedMs > Math.max(patienceMs, unnoticedMs) && !isRefusal(reply))
    report(
      'in time',
      `${name} works on ${subject}, which lay there for ${waitedMs.toFixed(0)} ms of ${timeout}`,
    );
  if (resumedAtMs >= sinceMs) return;
  const tookMs = timeMs - sinceMs;
  if (tookMs > patienceMs)
    report('in time', `${name} answers ${subject} after ${tookMs.toFixed(0)} ms of ${timeout}`);
}

function isRefusal(reply: Uint8Array): boolean {
  return (decode(reply) as { readonly error?: unknown }).error !== undefined;
}
