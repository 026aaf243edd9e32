import { setTimeout as sleep } from 'node:timers/promises';
import type { NatsAccess } from '../../messages/nats-access.js';
import { openNats } from '../../runtime/nats/open-connection.js';
import type { Trace, Traced, TracedConsumer } from './trace.js';

export function openAs(access: NatsAccess, name: string) {
  const { url: urls, ...how } = access;
  return openNats({ urls, ...how, name });
}

/** Of a server's own API: what is asked again must be short, and be asked for as it was. */
const textBytesMax = 1_024;

const msgIdHeader = 'Nats-Msg-Id';

/**
 * All that passes the servers of a cluster in some seconds, by a subscription to everything: in the account of its actors each message comes
 * once, wherever it is sent. It costs the servers a copy of each, so who measures does it before or after.
 *
 * @param supervisor who may hear everything.
 */
export async function recordTrace(
  supervisor: NatsAccess,
  seconds: number,
): Promise<Omit<Trace, 'samples'>> {
  const connection = await openAs(supervisor, 'tap');
  try {
    const { consumers, streams } = await declared(connection);
    const messages: Traced[] = [];
    const beganMs = performance.now();
    const subscription = connection.subscribe('>', {
      callback: (error, { subject, data, reply, headers }) => {
        if (error) return;
        let bytes = data.length;
        if (headers)
          for (const key of headers.keys()) bytes += key.length + headers.get(key).length + 4;
        const isApi = subject.startsWith('$JS.API.') && data.length <= textBytesMax;
        messages.push({
          ...{ atMs: performance.now() - beganMs, subject, bytes },
          ...(reply === undefined || reply === '' ? {} : { reply }),
          ...(isApi ? { text: Buffer.from(data).toString() } : {}),
          ...(headers?.has(msgIdHeader) === true ? { hasId: true } : {}),
        });
      },
    });
    await sleep(1000 * seconds);
    subscription.unsubscribe();
    return { seconds: (performance.now() - beganMs) / 1000, messages, consumers, streams };
  } finally {
    await connection.close();
  }
}

async function declared(
  connection: Awaited<ReturnType<typeof openNats>>,
): Promise<Pick<Trace, 'consumers' | 'streams'>> {
  const manager = await connection.jetstreamManager();
  const consumers: TracedConsumer[] = [];
  const streams: Record<string, readonly string[]> = {};
  for await (const { config } of manager.streams.list()) {
    const { name: stream, subjects = [] } = config;
    streams[stream] = subjects;
    for await (const { config: found } of manager.consumers.list(stream)) {
      const { filter_subject: filter, durable_name: durable, deliver_subject: inbox } = found;
      // Of copies, which the servers make themselves.
      if (inbox?.startsWith('$JS.')) continue;
      consumers.push({ stream, ...(filter ? { filter } : {}), ...(durable ? { durable } : {}) });
    }
  }
  return { consumers, streams };
}
