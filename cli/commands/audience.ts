import { pino } from 'pino';
import { startAudience, type Audience } from '../../audience/audience.js';
import type { StarlingClient } from '../../client/client.js';
import { operate } from '../../client/operate.js';
import { parsePeopleReply, type PeopleReply } from '../../messages/people.js';
import { connectAt, withAdmin } from '../cluster-access.js';
import type { Arguments, Command, Output } from '../command.js';
import {
  UsageError,
  clusterOptions,
  durationMs,
  exitCode,
  expectPositionals,
  integerOf,
} from '../command.js';
import { onInterrupt } from '../interrupt.js';
import { audienceFigures } from '../live-view-rendering.js';
import { untilStopped } from '../until-stopped.js';

/** Between two lines of figures. */
const figuresMs = 5_000;

export const audience: Command = {
  name: 'audience',
  summary: 'runs the simulated audience on a cluster',
  usage: '[options]',
  text: 'Tells a running cluster the users and items of the simulated audience, asks for recommendations as they would, and clicks by hidden tastes that drift, until Ctrl-C. Only on a cluster that has nothing of its own, or in which the audience has lived before: `starling up --config FILE` refuses its state afterwards, unless with --audience.',
  options: [
    {
      name: 'rate',
      value: 'N',
      text: 'requests per second (default: simulation.requestsPerSecond of the configuration)',
    },
    {
      name: 'seed',
      value: 'S',
      text: 'another audience, with other tastes (default: simulation.seed)',
    },
    { name: 'for', value: 'DURATION', text: 'stop after so long, such as 30s or 5m' },
    ...clusterOptions,
  ],
  examples: ['starling audience --rate 20', 'starling audience --state shop-state --for 5m'],
  async run(args, out) {
    expectPositionals(args, []);
    const rate = args.value('rate');
    const seed = args.value('seed');
    const forText = args.value('for');
    const forMs = forText === undefined ? undefined : durationMs(forText, 'for');
    const wanted = {
      ...(rate === undefined ? {} : { requestsPerSecond: rateOf(rate) }),
      ...(seed === undefined ? {} : { seed: integerOf(seed, 'seed', 0) }),
    };
    const ground = parsePeopleReply(
      await withAdmin(args, (bus) => operate(bus, 'people', { people: 'audience' }, () => {})),
    );
    const config = { ...ground, simulation: { ...ground.simulation, ...wanted } };
    const interrupt = onInterrupt(out.note);
    try {
      await withSites(args, config.dataCenters, (sites) =>
        live(startAudience({ sites, config, log: pino({ level: 'silent' }) }), {
          ...{ signal: interrupt.signal, forMs, out },
        }),
      );
      return exitCode.ok;
    } finally {
      interrupt.dispose();
    }
  },
};

const rateMax = 100_000;

function rateOf(text: string): number {
  const rate = text.trim() === '' ? NaN : Number(text);
  if (rate > 0 && rate <= rateMax) return rate;
  throw new UsageError(
    `--rate: expected requests per second, above 0 and up to ${rateMax}; got "${text}".`,
  );
}

/** One client for each data center, each preferring its servers where they are known. */
async function withSites(
  args: Arguments,
  dataCenters: PeopleReply['dataCenters'],
  use: (
    sites: readonly { readonly dataCenter: string; readonly client: StarlingClient }[],
  ) => Promise<void>,
): Promise<void> {
  const clients: StarlingClient[] = [];
  try {
    for (const dataCenter of dataCenters) clients.push(await connectAt(args, dataCenter));
    await use(clients.map((client, i) => ({ client, dataCenter: dataCenters[i]! })));
  } finally {
    await Promise.all(clients.map((client) => client.close()));
  }
}

async function live(
  people: Audience,
  {
    signal,
    forMs,
    out,
  }: { readonly signal: AbortSignal; readonly forMs: number | undefined; readonly out: Output },
): Promise<void> {
  const timer = setInterval(() => {
    const figures = people.figures();
    const waits = 'waiting until the users and items are known';
    out.note(figures.introduced ? audienceFigures(figures).join(' · ') : waits);
  }, figuresMs);
  try {
    await untilStopped(signal, forMs);
  } finally {
    clearInterval(timer);
    await people.stop();
  }
  const told = people.figures();
  if (out.json) out.document({ ...told, series: undefined });
  else out.line(audienceFigures(told).join(' · '));
}
