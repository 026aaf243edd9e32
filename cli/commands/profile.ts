import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { profileSeconds } from '../../messages/profiles.js';
import { collectProfiles } from '../../operations/profile/collect.js';
import { cpuProfileOf } from '../../operations/profile/cpuprofile.js';
import { flameSvgOf } from '../../operations/profile/flame-svg.js';
import { mergeProfiles, type MergedProfile } from '../../operations/profile/merge-profiles.js';
import { withAdmin } from '../cluster-access.js';
import type { Command } from '../command.js';
import { UsageError, clusterOptions, exitCode, expectPositionals, listOf } from '../command.js';
import { profileLines, stagesOf } from '../profile-lines.js';

const secondsDefault = 10;

/** By the ending of a file. */
const formats: Readonly<Record<string, (profile: MergedProfile) => string>> = {
  '.cpuprofile': ({ root }) => JSON.stringify(cpuProfileOf(root)),
  '.svg': ({ root, wallMs, cpuMs, processes }) => {
    const title = `${processes.length} processes, ${(wallMs / 1000).toFixed(1)} s, ${(cpuMs / 1000).toFixed(2)} s of CPU`;
    return flameSvgOf(root, { title, wallMs });
  },
};

export const profile: Command = {
  name: 'profile',
  summary: 'where the processor time goes',
  usage: '[--seconds N] [--out FILE[,FILE]] [options]',
  text: `Has every process of a running cluster watch itself for the same seconds (the profiler of V8, a sample each millisecond), and adds up what they found: processor time by kind of actor and by stage of the work. --out writes all of it as one flame graph by process and stage: as .svg for a browser, or as .cpuprofile for speedscope, Chrome or an editor. Of nats-servers only the time is known, and only on Linux. Each process stands still for some milliseconds at the end; otherwise it costs a few percent while it runs, and nothing before and after.`,
  options: [
    {
      name: 'seconds',
      value: 'N',
      text: `how long, up to ${profileSeconds.max} (default ${secondsDefault})`,
    },
    { name: 'out', value: 'FILE', text: 'flame graph, .svg or .cpuprofile; several with commas' },
    ...clusterOptions,
  ],
  examples: ['starling profile', 'starling profile --seconds 30 --out flame.svg,cpu.cpuprofile'],
  async run(args, out) {
    expectPositionals(args, []);
    const seconds = secondsOf(args.value('seconds'));
    const files = listOf(args.value('out') ?? '').map((file) => [file, formatOf(file)] as const);
    const { hosts, missing } = await withAdmin(args, (bus) => {
      out.note(`watching for ${seconds} s`);
      return collectProfiles(bus, seconds);
    });
    const merged = mergeProfiles(hosts);
    for (const [file, write] of files) await writeFile(file, write(merged));
    for (const each of missing) out.note(`missing: ${each}`);
    if (out.json) out.document(documentOf(merged, missing));
    else profileLines(merged).forEach(out.line);
    for (const [file] of files) out.note(`${file} written`);
    return exitCode.ok;
  },
};

function secondsOf(text: string | undefined): number {
  if (text === undefined) return secondsDefault;
  const { min, max } = profileSeconds;
  const seconds = Number(text);
  if (text.trim() !== '' && seconds >= min && seconds <= max) return seconds;
  throw new UsageError(`--seconds: expected a number from ${min} to ${max}; got "${text}".`);
}

function formatOf(file: string): (profile: MergedProfile) => string {
  const format = formats[path.extname(file).toLowerCase()];
  if (format) return format;
  const known = Object.keys(formats).join(' or ');
  throw new UsageError(`--out: expected a file that ends in ${known}; got "${file}".`);
}

function documentOf(merged: MergedProfile, missing: readonly string[]): object {
  const { wallMs, cpuMs, byKind, processes } = merged;
  return {
    ...{ wallMs, cpuMs, processes, missing },
    kinds: Object.fromEntries(
      [...byKind].map(([kind, parts]) => [kind, Object.fromEntries(parts)]),
    ),
    stages: Object.fromEntries(stagesOf(merged)),
  };
}
