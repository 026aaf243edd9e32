import { execFile } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { promisify } from 'node:util';
import { StarlingError, messageOf } from '../core/base/errors.js';

const run = promisify(execFile);

/** What makes a link slow and lossy, the first that the kernel has. */
const slowDisciplines: readonly (readonly string[])[] = [
  ['netem', 'delay', '80ms', '40ms', 'loss', '2%'],
  // A narrow link: what does not fit through waits, and is lost where it would have to wait for longer.
  ['tbf', 'rate', '2mbit', 'burst', '16kb', 'latency', '100ms'],
];

/**
 * A network of machines on this one: a network namespace for each, joined by a bridge, so that what goes wrong between
 * machines can go wrong here. It takes the right to make them (root), and a kernel that can.
 */
export class MachineNetwork {
  readonly #names: readonly string[];
  readonly #id: string;
  readonly #subnet: string;
  readonly #slowDiscipline: readonly string[] | undefined;

  private constructor(
    names: readonly string[],
    id: string,
    subnet: string,
    slowDiscipline: readonly string[] | undefined,
  ) {
    this.#names = names;
    this.#id = id;
    this.#subnet = subnet;
    this.#slowDiscipline = slowDiscipline;
  }

  /** @throws StarlingError CONFIG_INVALID where this machine does not allow it, with what it said. */
  static async create(names: readonly string[]): Promise<MachineNetwork> {
    const id = randomInt(36 ** 4).toString(36);
    const subnet = `10.${randomInt(128, 255)}.${randomInt(1, 255)}`;
    const network = new MachineNetwork(names, id, subnet, await findSlowDiscipline());
    try {
      await network.#build();
      return network;
    } catch (cause) {
      await network.remove();
      const text = `networks of their own can't be made for hosts here (it takes root and \`ip netns\`): ${messageOf(cause)}`;
      throw new StarlingError('CONFIG_INVALID', text, {}, { cause });
    }
  }

  /** Whether links can be made slow and lossy here (`tc`, and what of it the kernel has). */
  get slows(): boolean {
    return this.#slowDiscipline !== undefined;
  }

  addressOf(name: string): string {
    return `${this.#subnet}.${this.#names.indexOf(name) + 1}`;
  }

  /** A command in front of another, which then runs on that machine. */
  within(name: string): string[] {
    return ['ip', 'netns', 'exec', this.#namespace(name)];
  }

  /** Nothing reaches the machine and nothing leaves it. */
  async cut(name: string, isCut: boolean): Promise<void> {
    await ip('link', 'set', this.#port(name), isCut ? 'down' : 'up');
  }

  /** What one machine sends to another is lost; the other way is open. */
  async block(from: string, to: string, isBlocked: boolean): Promise<void> {
    const target = `${this.addressOf(to)}/32`;
    const route = (verb: string) =>
      ip('-n', this.#namespace(from), 'route', verb, 'blackhole', target);
    if (isBlocked) await route('replace');
    else await route('del').catch(() => undefined); // Two that overlapped: the other one has ended it.
  }

  /** What the machine sends is late, and some of it is lost. */
  async slow(name: string, isSlow: boolean): Promise<void> {
    if (!this.#slowDiscipline) return;
    const space = this.#namespace(name);
    if (isSlow) await qdisc(space, 'replace', 'eth0', this.#slowDiscipline);
    else await qdisc(space, 'del', 'eth0').catch(() => undefined); // As above.
  }

  /** What was never made is not there to be removed. */
  async remove(): Promise<void> {
    for (const name of this.#names)
      await ip('netns', 'del', this.#namespace(name)).catch(() => undefined);
    await ip('link', 'del', this.#bridge).catch(() => undefined);
  }

  get #bridge(): string {
    return `slb-${this.#id}`;
  }

  #namespace(name: string): string {
    return `starling-${this.#id}-${name}`;
  }

  /** The end of its cable at the bridge; names of links are short. */
  #port(name: string): string {
    return `slp-${this.#id}-${this.#names.indexOf(name)}`;
  }

  async #build(): Promise<void> {
    await ip('link', 'add', this.#bridge, 'type', 'bridge');
    await ip('addr', 'add', `${this.#subnet}.254/24`, 'dev', this.#bridge);
    await ip('link', 'set', this.#bridge, 'up');
    for (const name of this.#names) {
      const space = this.#namespace(name);
      const port = this.#port(name);
      await ip('netns', 'add', space);
      await ip(...['link', 'add', port, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', space]);
      await ip('link', 'set', port, 'master', this.#bridge, 'up');
      await ip('-n', space, 'addr', 'add', `${this.addressOf(name)}/24`, 'dev', 'eth0');
      await ip('-n', space, 'link', 'set', 'eth0', 'up');
      await ip('-n', space, 'link', 'set', 'lo', 'up');
    }
  }
}

async function ip(...args: string[]): Promise<void> {
  await run('ip', args);
}

async function qdisc(
  space: string,
  verb: 'replace' | 'del',
  device: string,
  discipline: readonly string[] = [],
): Promise<void> {
  await ip('netns', 'exec', space, 'tc', 'qdisc', verb, 'dev', device, 'root', ...discipline);
}

/** Tried where it does no harm. */
async function findSlowDiscipline(): Promise<readonly string[] | undefined> {
  const space = `starling-try-${randomInt(36 ** 4).toString(36)}`;
  try {
    await ip('netns', 'add', space);
    for (const discipline of slowDisciplines) {
      const works = await qdisc(space, 'replace', 'lo', discipline).then(
        () => true,
        () => false, // Without the module.
      );
      if (works) return discipline;
    }
    return undefined;
  } catch {
    return undefined; // Without the right: what needs it more will say so.
  } finally {
    await ip('netns', 'del', space).catch(() => undefined);
  }
}
