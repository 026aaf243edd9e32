import { importStateRequest, parseImportState } from '../../messages/import-records.js';
import type { Bus } from '../../runtime/bus/bus.js';
import { call } from '../../runtime/idempotent-call.js';

/** Asked for at once. Too many: a message that is too long. Too few: each costs a round trip. */
const visitorsMax = 1_000;
/** A joiner that was lost comes back within seconds. */
const deadline = { deadlineMs: 120_000, attemptMs: 2_000 };

export interface KnownOwnersOptions {
  readonly bus: Pick<Bus, 'names' | 'request' | 'clock' | 'random'>;
  /** Of the import. */
  readonly name: string;
  readonly homeOf: (person: string) => number;
  /** Who became somebody then, or later, is told by the files, or by nobody yet. */
  readonly beforeMs: number;
}

/** Who visitors were before an import, as joiners know it; each is asked for once. */
export class KnownOwners {
  readonly #options: KnownOwnersOptions;
  readonly #asked = new Set<string>();

  constructor(options: KnownOwnersOptions) {
    this.#options = options;
  }

  /** @param visitors as people. @returns of those who are met for the first time, and were somebody, who. */
  async read(visitors: Iterable<string>): Promise<(readonly [visitor: string, user: string])[]> {
    const byPartition = new Map<number, string[]>();
    for (const visitor of visitors) {
      if (this.#asked.has(visitor)) continue;
      this.#asked.add(visitor);
      const partition = this.#options.homeOf(visitor);
      byPartition.set(partition, [...(byPartition.get(partition) ?? []), visitor]);
    }
    const pages = [...byPartition].flatMap(([partition, all]) => pagesOf(partition, all));
    const found = await Promise.all(pages.map(([partition, page]) => this.#ask(partition, page)));
    return found.flat();
  }

  async #ask(partition: number, visitors: readonly string[]) {
    const { bus, name, beforeMs } = this.#options;
    const subject = bus.names.subject.joinImport(partition);
    const request = importStateRequest(name, { visitors, beforeMs });
    const { owners } = parseImportState(await call(bus, subject, request, deadline));
    return visitors.flatMap((visitor, i) => {
      const user = owners[i] ?? '';
      return user === '' ? [] : [[visitor, user] as const];
    });
  }
}

function pagesOf(partition: number, visitors: readonly string[]) {
  const pages: (readonly [number, readonly string[]])[] = [];
  for (let start = 0; start < visitors.length; start += visitorsMax)
    pages.push([partition, visitors.slice(start, start + visitorsMax)]);
  return pages;
}
