import { trainingDataCenter } from '../../core/config/data-centers.js';
import { collectProfiles } from '../../operations/profile/collect.js';
import { mergeProfiles } from '../../operations/profile/merge-profiles.js';
import { connectAs } from '../../runtime/nats/nats-bus.js';
import type { BenchResult } from '../bench-result.js';
import { coreUsPerSample } from './core-rate.js';
import {
  byKind,
  perSample,
  rounded,
  watch,
  withReplay,
  type ReplayingCluster,
  type Watched,
} from './replaying-cluster.js';

/**
 * A whole cluster of the default configuration beside the load on this machine: each event is scored by a ranker, logged, joined, learned and
 * served again. At 2,000 events a second, and as fast as it can. The baseline is what of that is arithmetic: the same network scores and
 * learns as many examples in one process, in the same run.
 */
type Figures = Record<string, number | string>;

const settleMs = 4_000;
const profileSeconds = 4;

const runs = [{ name: 'paced 2000/s', eventsPerSecond: 2_000 }, { name: 'as fast as it can' }];

export async function run(options: { quick: boolean; full: boolean }): Promise<BenchResult> {
  const seconds = options.quick ? 6 : options.full ? 60 : 15;
  const figures: Figures = { baseline: 'the same scores and steps in one process' };
  const coreUs = await coreUsPerSample();
  figures['baseline: µs of CPU per sample'] = rounded(coreUs);
  // Twice as many as anything here has taken: it ends with what is measured.
  const eventsMax = 40_000 * (settleMs / 1000 + seconds + profileSeconds);
  for (const { name, ...pace } of runs) {
    let watched: Watched | undefined;
    let stages: string | undefined;
    const outcome = await withReplay({ ...pace, eventsMax }, async (replaying) => {
      await new Promise((resolve) => setTimeout(resolve, settleMs));
      watched = await watch(replaying, seconds);
      stages = await stagesOf(replaying);
    });
    tell(figures, name, watched!, coreUs);
    figures[`${name}: CPU by stage`] = stages!;
    for (const [dataCenter, { p50, p99 }] of Object.entries(outcome.freshnessMs)) {
      figures[`${name}: freshness ${dataCenter}, p50 ms`] = Math.round(p50);
      figures[`${name}: freshness ${dataCenter}, p99 ms`] = Math.round(p99);
    }
  }
  for (const [name, value] of Object.entries(figures)) console.log(`${name.padEnd(44)} ${value}`);
  return { name: 'end-to-end', figures };
}

function tell(figures: Figures, name: string, watched: Watched, coreUs: number): void {
  figures[`${name}: samples/s`] = rounded(watched.samples / watched.seconds);
  figures[`${name}: µs of CPU per sample`] = perSample(watched);
  figures[`${name}: CPU / baseline, ratio`] = rounded(perSample(watched) / coreUs);
  figures[`${name}: by kind`] = byKind(watched);
}

/** As `starling profile` has it: shares of all processor time. */
async function stagesOf({ cluster }: ReplayingCluster): Promise<string> {
  const access = cluster.access(trainingDataCenter(cluster.config), 'admin');
  const bus = await connectAs(access, { name: 'bench' });
  try {
    const { byKind: parts, cpuMs } = mergeProfiles(
      (await collectProfiles(bus, profileSeconds)).hosts,
    );
    const stages = new Map<string, number>();
    for (const each of parts.values())
      for (const [stage, ms] of each) stages.set(stage, (stages.get(stage) ?? 0) + ms);
    return [...stages]
      .sort(([, a], [, b]) => b - a)
      .filter(([, ms]) => ms >= 0.01 * cpuMs)
      .map(([stage, ms]) => `${stage} ${Math.round((100 * ms) / cpuMs)} %`)
      .join(', ');
  } finally {
    await bus.close();
  }
}
