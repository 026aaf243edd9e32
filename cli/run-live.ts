import path from 'node:path';
import { pino } from 'pino';
import { startAudience, type Audience } from '../audience/audience.js';
import { clientOn } from '../client/client.js';
import { exitCode } from './command.js';
import { startLiveView } from './live-view.js';
import type { RunContext } from './run-replay.js';
import { connectSites } from './run-replay.js';
import { nextCommand, programName, startLines } from './start-lines.js';
import { untilStopped } from './until-stopped.js';

export interface LiveOptions {
  readonly withAudience: boolean;
  /** The file it was started with; undefined for the configuration that comes along. */
  readonly config: string | undefined;
}

/** Shows the cluster until a signal, or until its time is over, and feeds it a simulated audience if one is wanted. */
export async function runLive(
  context: RunContext,
  { withAudience, config }: LiveOptions,
): Promise<number> {
  const { cluster, stateDir, interrupt, forMs, out } = context;
  const program = programName();
  const { user } = cluster.access(cluster.config.dataCenters[0]!.name, 'client');
  const facts = { status: cluster.status(), user: user === '' ? undefined : user };
  for (const line of startLines({ ...facts, stateDir, config, program }))
    (out.json ? out.note : out.line)(line);
  const audience = withAudience ? await openAudience(context) : undefined;
  const view = startLiveView({
    status: () => cluster.status(),
    audience: () => audience?.figures(),
    next: nextCommand(program, stateDir),
    out: process.stdout,
  });
  try {
    await untilStopped(interrupt.signal, forMs);
  } finally {
    view.stop();
    await audience?.stop();
  }
  const told = audience?.figures();
  const sums = told
    ? `${told.requests} requests, ${told.impressions} impressions, ${told.clicks} clicks; `
    : '';
  out.note(`${sums}state kept in ${stateDir}`);
  return exitCode.ok;
}

async function openAudience({ cluster, stateDir }: RunContext): Promise<Audience> {
  const connections = await connectSites(cluster, 'audience', 'client');
  const sites = connections.map(({ dataCenter, bus }) => ({ dataCenter, client: clientOn(bus) }));
  // Into a file: a line on the terminal would tear the picture.
  const file = pino.destination({
    dest: path.join(stateDir, 'logs', 'audience.log'),
    mkdir: true,
    sync: true,
  });
  const audience = startAudience({ sites, config: cluster.config, log: pino(file) });
  return {
    figures: () => audience.figures(),
    async stop() {
      await audience.stop();
      await Promise.all(sites.map(({ client }) => client.close()));
      file.end();
    },
  };
}
