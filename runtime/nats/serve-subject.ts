import type { Msg, NatsConnection, Subscription } from 'nats';
import { timeoutHeader } from '../../messages/timeout.js';
import type { InFlight } from '../in-flight.js';
import type { RequestHandler, ServeOptions } from '../bus/requests.js';
import type { Standstill } from '../standstill.js';
import type { Stoppable } from '../stoppable.js';

export interface Serving {
  readonly inFlight: InFlight;
  readonly standstill: Standstill;
}

/** Each request is in flight until it is answered; it stops when all that was handed over is. */
export function serveOn(
  connection: NatsConnection,
  { inFlight, standstill }: Serving,
  subject: string,
  options: ServeOptions,
  handler: RequestHandler,
): Stoppable {
  let pending = 0;
  let idle: (() => void) | undefined;
  const settle = (message: Msg, reply: Uint8Array): void => {
    message.respond(reply);
    inFlight.end();
    if (--pending === 0) idle?.();
  };
  const subscription = connection.subscribe(subject, {
    ...(options.queue === undefined ? {} : { queue: options.queue }),
    callback: (error, message) => {
      if (error) return;
      pending++;
      inFlight.begin();
      const timeout = message.headers?.get(timeoutHeader) || undefined;
      // The handler answers errors as replies; it does not reject (runtime/serve-endpoint.ts).
      void Promise.resolve(
        handler(message.data, message.subject, timeout, standstill.waitedMs),
      ).then((reply) => settle(message, reply));
    },
  });
  return {
    stop: async () => {
      await stopSubscription(subscription);
      if (pending > 0) await new Promise<void>((resolve) => (idle = resolve));
    },
  };
}

/** Of a connection that is closed there is nothing to stop. */
export async function stopSubscription(subscription: Subscription): Promise<void> {
  if (!subscription.isClosed()) await subscription.drain();
}
