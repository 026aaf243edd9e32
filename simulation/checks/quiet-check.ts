import { sleep } from '../../core/base/clock.js';
import { codeOf, messageOf } from '../../core/base/errors.js';
import type { ClusterStatus } from '../../messages/cluster-status.js';
import { lawsOf, sideText, type Findings, type Law } from '../../operations/audit/laws.js';
import { AuditReader } from '../../operations/audit/reader.js';
import type { Bus } from '../../runtime/bus/bus.js';

/** With fewer looks, figures that move can't be compared. */
const looksMin = 3;
const pauseMs = 1_500;

/**
 * Whether all is well by a moment, in words: the cluster is ready, its books balance, and every standby and every serving
 * shard has the rows of the owner, bit for bit. It is looked at again and again until it is, as an audit does.
 */
export class QuietCheck {
  readonly #bus: Bus;
  readonly #status: () => ClusterStatus | undefined;
  readonly #reader: AuditReader;
  readonly #alsoWrong: () => Promise<string | undefined>;

  /** @param alsoWrong what else has to be right. */
  constructor(
    bus: Bus,
    status: () => ClusterStatus | undefined,
    alsoWrong: () => Promise<string | undefined>,
  ) {
    this.#bus = bus;
    this.#status = status;
    this.#alsoWrong = alsoWrong;
    this.#reader = new AuditReader(bus);
  }

  /** @returns what is wrong after so long; undefined: nothing. */
  async wrongAfter(ms: number): Promise<string | undefined> {
    const { clock } = this.#bus;
    const endMs = clock.nowMs() + ms;
    const looks: Findings[] = [];
    let wrong: string | undefined = 'nobody has looked';
    while (wrong !== undefined && clock.nowMs() < endMs) {
      await sleep(clock, pauseMs);
      wrong = await this.#look(looks).catch(
        (error: unknown) => `it can't be looked at: ${codeOf(error)}: ${messageOf(error)}`,
      );
    }
    return wrong;
  }

  async #look(looks: Findings[]): Promise<string | undefined> {
    const status = this.#status();
    if (!status?.ready) return `it is not ready: ${late(status)}`;
    looks.push(await this.#reader.look(status));
    if (looks.length < looksMin) return 'it was looked at too seldom';
    const broken = lawsOf(looks.slice(-looksMin)).filter(({ verdict }) => verdict !== 'holds');
    if (broken.length > 0) return broken.map(textOf).join('; ');
    const { copies } = looks.at(-1)!;
    const different = copies.filter(({ copies: all, equal }) => all !== equal);
    if (different.length === 0) return this.#alsoWrong();
    return `copies differ: ${JSON.stringify(different)}`;
  }
}

function textOf({ name, left, right, remark }: Law): string {
  return `${name}: ${sideText(left)}, ${sideText(right)}${remark && ` (${remark})`}`;
}

function late(status: ClusterStatus | undefined): string {
  if (!status) return 'no host is there';
  const actors = status.actors.filter(({ state }) => state !== 'ready');
  return actors
    .map(({ address, state, reason }) => `${address} ${state} ${reason ?? ''}`)
    .join(', ');
}
