import { encode, protocolVersion } from '../../messages/codec.js';
import type { Operation, Progress } from '../../messages/operations.js';
import { parseOperation, parseRestore, parseScale } from '../../messages/operations.js';
import type { OperateVerb } from '../../messages/subjects.js';
import { subject } from '../../messages/subjects.js';
import type { Bus, Stoppable } from '../../runtime/bus.js';
import { ServedEndpoint } from '../../runtime/serve.js';
import type { SnapshotKeeper } from '../snapshots/snapshot-keeper.js';
import type { RestoreOptions } from './restore.js';
import { restore } from './restore.js';
import type { Scale } from './scale.js';

const operationMsMax = 60 * 60_000;

export interface OperationsOptions extends RestoreOptions {
  readonly snapshots: SnapshotKeeper;
  readonly scale: Scale;
  readonly onRestored: (detail: string) => void;
}

/** Answers what people ask of the cluster; one operation of a kind at a time. */
export class Operations implements Stoppable {
  readonly #options: OperationsOptions;
  readonly #endpoints: readonly ServedEndpoint[];

  constructor(options: OperationsOptions) {
    this.#options = options;
    const { bus, snapshots, scale, onRestored } = options;
    this.#endpoints = [
      this.#serve('snapshot', parseOperation, async ({ operation }) => {
        const tell = teller(bus, operation);
        return { taken: await snapshots.take((text) => tell({ text, done: 0, total: 1 })) };
      }),
      this.#serve('restore', parseRestore, async (request) => {
        const total = options.config.partitions + 1;
        let done = 0;
        const tell = teller(bus, request.operation);
        const restored = await restore(request, options, (text) =>
          tell({ text, done: ++done, total }),
        );
        onRestored(
          `${JSON.stringify(request.to)}: ${restored.changed} rows changed, ${restored.removed} went`,
        );
        return restored;
      }),
      this.#serve('scale', parseScale, async (request) => {
        await scale.to(request, teller(bus, request.operation));
        return { kind: request.kind, count: request.count };
      }),
    ];
  }

  async stop(): Promise<void> {
    await Promise.all(this.#endpoints.map((endpoint) => endpoint.stop()));
  }

  #serve<T extends Operation>(
    verb: OperateVerb,
    parse: (value: unknown) => T,
    run: (request: T) => Promise<object>,
  ): ServedEndpoint {
    return new ServedEndpoint(this.#options.bus, {
      subject: subject.operate(verb),
      inFlightMax: 1,
      deadlineMs: operationMsMax,
      handle: async (value) => ({ v: protocolVersion, ...(await run(parse(value))) }),
    });
  }
}

function teller(bus: Bus, operation: string): (progress: Progress) => void {
  return (progress) =>
    bus.publish(subject.progress(operation), encode({ v: protocolVersion, ...progress }));
}
