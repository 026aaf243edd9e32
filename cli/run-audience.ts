import path from 'node:path';
import { pino } from 'pino';
import { startAudience } from '../audience/audience.js';
import { clientOn } from '../client/client.js';
import { exitCode } from './command.js';
import { startLiveView } from './live-view.js';
import type { RunContext } from './run-replay.js';
import { connectSites } from './run-replay.js';

/** Feeds the cluster a simulated audience and shows both until a signal, or until its time is over. */
export async function runAudience(context: RunContext): Promise<number> {
  const { cluster, stateDir, interrupt, forMs, out } = context;
  const connections = await connectSites(cluster, 'audience', 'client');
  const sites = connections.map(({ dataCenter, bus }) => ({ dataCenter, client: clientOn(bus) }));
  // Into a file: a line on the terminal would tear the picture.
  const file = pino.destination({
    dest: path.join(stateDir, 'logs', 'audience.log'),
    mkdir: true,
    sync: true,
  });
  const audience = startAudience({ sites, config: cluster.config, log: pino(file) });
  const view = startLiveView({
    status: () => cluster.status(),
    audience: () => audience.figures(),
    out: process.stdout,
  });
  try {
    await untilStopped(interrupt.signal, forMs);
  } finally {
    view.stop();
    await audience.stop();
    await Promise.all(sites.map(({ client }) => client.close()));
    file.end();
  }
  const { requests, impressions, clicks } = audience.figures();
  out.note(
    `${requests} requests, ${impressions} impressions, ${clicks} clicks; state kept in ${stateDir}`,
  );
  return exitCode.ok;
}

function untilStopped(signal: AbortSignal, forMs: number | undefined): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const timer = forMs === undefined ? undefined : setTimeout(resolve, forMs);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
