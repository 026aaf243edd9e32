import { stateDirDefault } from '../cluster-access.js';
import type { Command } from '../command.js';
import { exitCode, expectPositionals } from '../command.js';
import { examine } from '../doctor-checks.js';

export const doctor: Command = {
  name: 'doctor',
  summary: 'checks whether a cluster can run here',
  usage: '[options]',
  text: 'Checks the environment: Node, nats-server, configuration, ports, disk, memory, cores, and whether the native parts load. Of a cluster that runs already it tells how full the storage of its servers is; of servers named with --nats, whether they take the messages of the network. The exit code is 1 if something has to be mended first.',
  options: [
    { name: 'state', value: 'DIR', text: 'state folder to look at (default .starling)' },
    { name: 'config', value: 'FILE', text: 'configuration to check (default cluster.config.ts)' },
    {
      name: 'nats',
      value: 'URL',
      text: 'look at these NATS servers instead of the one that would be started (or NATS_URL)',
    },
  ],
  async run(args, out) {
    expectPositionals(args, []);
    const findings = await examine({
      stateDir: args.value('state') ?? stateDirDefault,
      configPath: args.value('config'),
      natsUrl: (args.value('nats') ?? process.env['NATS_URL']) || undefined,
    });
    const ok = findings.every(({ level }) => level !== 'fail');
    if (out.json) out.document({ ok, findings });
    else {
      const width = Math.max(...findings.map(({ name }) => name.length));
      for (const { name, level, detail, remedy } of findings) {
        const text = detail.replaceAll('\n', `\n${' '.repeat(width + 8)}`);
        out.line(`${level.padEnd(4)}  ${name.padEnd(width)}  ${text}`);
        if (remedy !== undefined) out.line(`${' '.repeat(width + 8)}${remedy}`);
      }
      out.line(ok ? 'A cluster can run here.' : 'Mend what failed, then run doctor again.');
    }
    return ok ? exitCode.ok : exitCode.failure;
  },
};
